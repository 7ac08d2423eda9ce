"""A person relies on: a command does its work wherever its streams go, and its status says how that went."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from terminal import shown

NAME = "é д 😀.png"  # in cp1252 the first is a letter, in cp1251 the second, and the third in neither
FULL = Path("/dev/full")
# What the shell is told, and the status: a closed stream goes nowhere, and what standard error does not take is lost.
STREAMS = {
    "<&-": 0,
    ">&-": 0,
    "2>&-": 0,
    "<&- >&- 2>&-": 0,
    "2>/dev/full": 0,
    ">/dev/full": 2,
    ">/dev/full 2>&1": 2,
}
LIGHT = {
    "version": "--version",
    "help": "train --help",
    "look": "look data.npz --cache cache --out made/sheet.png",
    "parameters": "parameters run",
    "evaluate": "evaluate run",
    "predict": "predict run images",
    "predict csv": "predict run images --csv",
    "predict json": "predict run images --json",
    "explain": "explain run 7.png --out made/explanation",
}
WORST = ("<&- >&- 2>&-", ">/dev/full 2>&1")
HEAVY = {
    "train": "train data.npz --model linear --epochs 1 --cache cache --out made/run",
    "compare": "compare data.npz --models linear --epochs 1 --cache cache --out made/compared",
    "audit": "audit data.npz --budget 1m --cache cache --out made/audit",
}
BARE = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, digits_run: Path) -> Path:
    """A folder with all that the commands need; what they make goes into `made`."""
    folder = tmp_path_factory.mktemp("streams")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez(folder / "data.npz", images=pixels, labels=np.arange(40) % 2)
    (folder / "images").mkdir()
    for path in (folder / "7.png", folder / "images" / NAME, folder / "images" / "plain.png"):
        Image.fromarray(pixels[0]).save(path)
    shutil.copytree(digits_run, folder / "run")
    from beholder.api.evaluate import evaluate

    evaluate(folder / "run")  # kept there, and from then on shown at once
    return folder


def ran(place: Path, command: str, streams: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`command` as a shell starts it, in a place where it has made nothing yet."""
    shutil.rmtree(place / "made", ignore_errors=True)
    (place / "made").mkdir()
    words = [sys.executable, "-m", "beholder", *command.split()]
    line = ["bash", "-c", f'exec "$@" {streams}', "bash", *words]
    surroundings = {**BARE, "PYTHONUTF8": "1", **environment}
    return subprocess.run(line, check=False, cwd=place, env=surroundings, capture_output=True)


def made(place: Path) -> list[str]:
    """What a command has made, by its relative path."""
    return sorted(str(path.relative_to(place)) for path in (place / "made").rglob("*"))


def check_streams(place: Path, command: str, cases: dict[str, int]) -> None:
    usual = ran(place, command)
    assert usual.returncode == 0, usual.stderr.decode()
    files = made(place)
    for streams, status in cases.items():
        got = ran(place, command, streams)
        said = got.stderr.decode()
        assert got.returncode == status, (streams, said)
        assert made(place) == files, streams
        assert b"Traceback" not in got.stderr + got.stdout, streams
        if streams == ">/dev/full":
            assert said.endswith(
                "Error: Cannot write to standard output (no space left on device); send the answers to another place.\n"
            ), said
        if ">" not in streams.replace("2>", ""):
            assert len(got.stdout) > 0.9 * len(usual.stdout), streams  # a duration has more or fewer digits


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("name", LIGHT)
def test_all_streams_closed_or_full(place: Path, name: str) -> None:
    check_streams(place, LIGHT[name], {streams: STREAMS[streams] for streams in WORST})


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_any_stream_closed_or_full(place: Path) -> None:
    check_streams(place, LIGHT["predict"], STREAMS)


@pytest.mark.slow
def test_training_with_all_streams_closed(place: Path) -> None:
    check_streams(place, HEAVY["train"], {"<&- >&- 2>&-": 0})


@pytest.mark.long
@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("name", [*LIGHT, *HEAVY])
def test_every_command_with_any_stream_closed_or_full(place: Path, name: str) -> None:
    check_streams(place, {**LIGHT, **HEAVY}[name], STREAMS)


@pytest.mark.parametrize("name", ["version", "look", "evaluate", "predict", "predict json"])
def test_a_pipe_that_ends_is_no_fault(place: Path, name: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "beholder", *LIGHT[name].split()]
    shutil.rmtree(place / "made", ignore_errors=True)
    (place / "made").mkdir()
    for errors in (subprocess.PIPE, writing):
        done = subprocess.run(words, check=False, cwd=place, env=BARE, stdout=writing, stderr=errors)
        assert done.returncode == 0, done.stderr
        assert not done.stderr
    os.close(writing)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp1252", "ascii", "utf-16"])
def test_json_is_json_in_any_encoding(place: Path, encoding: str) -> None:
    got = ran(place, LIGHT["predict json"], PYTHONIOENCODING=encoding)
    assert got.returncode == 0, got.stderr
    paths = [answer["path"] for answer in json.loads(got.stdout)["predictions"]]
    assert sorted(paths) == sorted([f"images/{NAME}", "images/plain.png"])


@pytest.mark.parametrize("encoding", ["cp1251", "cp1252", "ascii"])
@pytest.mark.parametrize("name", ["evaluate", "parameters", "predict"])
def test_old_encodings_get_what_they_can_hold(place: Path, name: str, encoding: str) -> None:
    got = ran(place, LIGHT[name], PYTHONIOENCODING=encoding)
    assert got.returncode == 0, got.stderr
    assert b"\\xd7" not in got.stdout, "a sign of ours has a likeness"
    assert encoding in ("ascii",) or got.stdout.decode(encoding)


def test_names_are_escaped_where_they_must_be(place: Path) -> None:
    for encoding, shown_name in (("cp1252", "é \\u0434 \\U0001f600"), ("cp1251", "\\xe9 д \\U0001f600")):
        got = ran(place, LIGHT["predict csv"], PYTHONIOENCODING=encoding)
        assert f"images/{shown_name}.png" in got.stdout.decode(encoding)


@pytest.mark.parametrize("streams", ["<&-", "</dev/null"])
def test_no_image_on_standard_input(place: Path, streams: str) -> None:
    for command in ("predict run -", "explain run - --out made/explanation"):
        got = ran(place, command, streams)
        assert got.returncode == 2
        assert got.stderr.startswith(b"Error: ")
        assert b"Traceback" not in got.stderr


def test_standard_input_that_cannot_be_read(place: Path) -> None:
    got = ran(place, "predict run -", "0> made/written")
    assert (got.returncode, got.stderr) == (
        2,
        b"Error: Cannot read standard input (bad file descriptor); give a file's bytes there.\n",
    )


@pytest.mark.parametrize("environment", [{}, {"TERM": "dumb", "FORCE_COLOR": "1"}, {"COLUMNS": "40"}])
def test_a_table_in_a_file_is_as_wide_as_it_is(place: Path, environment: dict[str, str]) -> None:
    long = place / "long" / ("a long name " * 15) / "folder" / "7.png"
    long.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(place / "7.png", long)
    got = ran(place, "predict run long --top 10", **environment)
    assert len(got.stdout.decode().splitlines()) == 2
    assert str(long.relative_to(place)) in got.stdout.decode()


SCRIPT = """
from beholder.cli import _run
_run({arguments!r})
"""


def on_a_terminal(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, command: str) -> list[str]:
    monkeypatch.chdir(place)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(arguments=command.split()), encoding="utf-8")
    return [line for line in shown(script, width) if line]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_path_in_a_terminal_is_whole(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    path = place / "photos" / "2024-08-17-holiday" / "IMG_20240817_101112.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(place / "7.png", path)
    lines = on_a_terminal(place, tmp_path, monkeypatch, width, "predict run photos --top 4")
    assert sum(str(path.relative_to(place)) in line for line in lines) == 1
    assert " ".join(lines).count("%") == 4, "no probability is lost"


@pytest.mark.parametrize(
    "command",
    ["predict run nowhere.png", "train data.npz --widths 1,2,3,4", "look data.npz --class owl", "explain run run"],
)
def test_an_error_in_a_terminal_breaks_between_words(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    wide = " ".join(on_a_terminal(place, tmp_path, monkeypatch, 400, command)).split()
    narrow = on_a_terminal(place, tmp_path, monkeypatch, 50, command)
    assert len(narrow) > 1
    assert " ".join(narrow).split() == wide

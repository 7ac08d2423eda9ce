"""A person relies on: every command that takes DATA takes a table, and finds it again as it was told to read it."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run
from beholder.errors import UsageError
from beholder.report.reproduction import asked_of
from beholder.server.tabs.retraining import retrain_command

SAID = ["--path-column", "which", "--label-column", "what", "--split-column", "part"]
CLASSES = ("left", "right")


def write_table(path: Path, rows: slice = slice(None)) -> Path:
    """Columns whose names tell nothing, in the way that a spreadsheet saves them."""
    lines = [f"{row};{row:02}.png;{CLASSES[row % 2]};{'test' if row % 5 == 4 else 'train'}" for row in range(80)]
    path.write_text("\r\n".join(["label;which;what;part", *lines[rows]]))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    """A folder with `labels.csv`, the `photos` that it names, and a `run` on it; only to be copied."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 3), np.uint8)
    for row in range(80):
        Image.fromarray(pixels[row]).save(folder / "photos" / f"{row:02}.png")
    said = [*SAID, "--image-root", str(folder / "photos")]
    table = write_table(folder / "labels.csv")
    assert _run(["train", str(table), *said, "--model", "linear", "--epochs", "2", "--out", str(folder / "run")]) == 0
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, whose run knows the data of the copy."""
    here = tmp_path / "here"
    shutil.copytree(trained, here)
    config_file = here / "run" / "config.json"
    config = json.loads(config_file.read_bytes())
    config |= {"data": str(here / "labels.csv"), "image_root": str(here / "photos")}
    config_file.write_text(json.dumps(config))
    return here


def told(capfd: pytest.CaptureFixture[str]) -> dict[str, object]:
    document: dict[str, object] = json.loads(capfd.readouterr().out)
    return document


@pytest.fixture
def said(place: Path) -> list[str]:
    return [*SAID, "--image-root", str(place / "photos")]


def test_a_run_keeps_what_was_said_and_evaluates_by_it(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = json.loads((place / "run" / "config.json").read_bytes())
    assert (config["path_column"], config["label_column"], config["split_column"]) == ("which", "what", "part")
    assert _run(["evaluate", str(place / "run"), "--json"]) == 0
    assert told(capfd)["count"] == 16
    counts = json.loads((place / "run" / "data.json").read_bytes())["counts"]
    assert sum(map(sum, counts.values())) == 64


def test_commands_that_make_it_again_say_the_same(place: Path) -> None:
    config = json.loads((place / "run" / "config.json").read_bytes())
    words = shlex.split(retrain_command(config, place / "run", place / "run" / "corrections.csv"))
    expected = [*SAID, "--image-root", str(place / "photos")]
    assert " ".join(expected) in " ".join(words)
    assert asked_of(config)["label_column"] == "what"


def test_another_table_is_read_as_the_runs_own_was(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = write_table(place / "photos" / "other.csv", slice(60, None))
    assert _run(["evaluate", str(place / "run"), str(other), "--json"]) == 0
    assert told(capfd)["count"] == 4  # of its test set
    (place / "photos" / "plain.csv").write_text(other.read_text().replace("what", "kind"))
    assert _run(["evaluate", str(place / "run"), str(place / "photos" / "plain.csv")]) == 2
    assert "no column 'what'" in capfd.readouterr().err
    command = ["evaluate", str(place / "run"), str(place / "photos" / "plain.csv"), "--label-column", "kind", "--json"]
    assert _run(command) == 0
    assert told(capfd)["count"] == 4


def test_corrections_name_images_as_the_table_does(
    place: Path, said: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "corrections.csv").write_text("path,action,label\n00.png,drop,\n01.png,relabel,left\n04.png,drop,\n")
    arguments = ["train", str(place / "labels.csv"), *said, "--corrections", str(place / "corrections.csv")]
    assert _run([*arguments, "--model", "linear", "--epochs", "1", "--out", str(place / "corrected")]) == 0
    assert "The data were read with 3 corrections." in capfd.readouterr().err
    counts = json.loads((place / "corrected" / "data.json").read_bytes())["counts"]
    assert sum(map(sum, counts.values())) == 63


def test_a_run_whose_table_and_images_moved_goes_on(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("events.jsonl", "report.html"):
        (place / "run" / name).unlink()
    shutil.rmtree(place / "run" / "model")
    shutil.move(place / "photos", place / "elsewhere")
    shutil.move(place / "labels.csv", place / "elsewhere" / "labels.csv")
    assert _run(["train", "--resume", str(place / "run")]) == 2
    assert "no longer at" in capfd.readouterr().err
    moved = str(place / "elsewhere" / "labels.csv")
    assert _run(["train", "--resume", str(place / "run"), "--data", moved]) == 0
    config = json.loads((place / "run" / "config.json").read_bytes())
    assert (config["data"], config["image_root"]) == (moved, None)
    assert _run(["evaluate", str(place / "run"), "--json"]) == 0


def test_a_table_is_audited_and_compared(place: Path, said: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    table = place / "labels.csv"
    table.write_text(f"{table.read_text()}\r\n90;90.png;left;train\r\n91;00.png;right;train")
    audited = ["audit", str(table), *said, "--budget", "10s", "--out", str(place / "audit"), "--json"]
    assert _run(audited) == 0
    document = json.loads(capfd.readouterr().out)
    lost = [one for one in document["findings"] if one["kind"] == "unreadable"]
    assert [(one["paths"], one["labels"], one["sets"]) for one in lost] == [(["90.png"], ["left"], ["train"])]
    assert any("'00.png' in rows 2 and 83" in note for note in document["notes"])
    write_table(table)
    models = ["--models", "linear,dense", "--epochs", "1", "--out", str(place / "compare"), "--test", "--json"]
    assert _run(["compare", str(table), *said, *models]) == 0
    assert len(json.loads(capfd.readouterr().out)["models"]) == 2
    assert (
        _run(["evaluate", str(place / "compare" / "linear"), "--consistency", "--json"]) == 0
    )  # finds the table again


def test_options_of_a_table_beside_open_data_are_refused(place: Path) -> None:
    import beholder

    source = beholder.open_source("digits")
    for function in (beholder.look, beholder.audit, beholder.train):
        with pytest.raises(UsageError, match=r"--label-column is for opening data"):
            function(source, label_column="what")
    with pytest.raises(UsageError, match=r"--label-column is for opening data"):
        beholder.evaluate(place / "run", source, label_column="what")

"""A person relies on: bulk answers are those of `predict`, each image once, whatever is killed on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sound_folders import write_wav
from tones import tone

import beholder
from beholder.answering.inputs import expand
from beholder.cli import _run
from beholder.data.kinds import SOUNDS
from beholder.errors import ArtifactError, ClusterError, UsageError

pytest.importorskip("ray", reason="the extra cluster is not installed")

import pyarrow as pa
import pyarrow.parquet as pq

from beholder.answering.bulk.cluster import cluster

COUNT = 640
DRIVER = """
import sys, beholder
address = sys.argv[4] if len(sys.argv) > 4 else None
beholder.predict_in_bulk(sys.argv[1], sys.argv[2], sys.argv[3], workers=2, part_size=8, address=address)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of every odd size and a few files that are none."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for number in range(COUNT):
        path = folder / f"{number % 3}" / f"{number:04}.{('png', 'jpg')[number % 2]}"
        path.parent.mkdir(exist_ok=True)
        pixels = random.integers(0, 256, (8 + number % 5, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    (folder / "0" / "0000.png").write_bytes(b"no image")
    (folder / "1" / "0001.jpg").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def expected(digits_run: Path, images: Path) -> dict[str, beholder.Prediction]:
    """What `predict` says of each."""
    answers = beholder.predict(digits_run, expand([str(images)]), top=3)
    return {answer.path: answer for answer in answers}


@pytest.fixture(scope="module")
def two_cores() -> Iterator[None]:
    """One cluster for all tests of this file; its start takes seconds."""
    with cluster(None, 2):
        yield


def rows(out: Path) -> list[dict[str, Any]]:
    """Every row, as any reader of Parquet sees the folder."""
    found: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    return found


def check(out: Path, expected: dict[str, beholder.Prediction]) -> None:
    """Each image once, with the answer that `predict` gives."""
    found = {row["path"]: row for row in rows(out)}
    assert len(rows(out)) == len(found) == len(expected)
    assert found.keys() == expected.keys()
    for path, answer in expected.items():
        row = found[path]
        assert (row["label"], row["unsure"], row["unlike"], row["error"]) == (
            answer.label,
            answer.unsure,
            answer.unlike,
            answer.error,
        )
        assert [one["label"] for one in row["top"]] == [label for label, _ in answer.top]
        assert row["probability"] == pytest.approx(answer.probability, abs=1e-6)


def descendants(name: str, root: int) -> list[int]:
    """The processes below the process `root` whose command begins with `name`."""
    parents, commands = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            commands[int(status.parent.name)] = status.with_name("cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it has ended
            continue
        parents[int(status.parent.name)] = int(fields[1])

    def below(process: int) -> bool:
        while process in parents and process != root:
            process = parents[process]
        return process == root

    return [process for process, command in commands.items() if command.startswith(name) and below(process)]


@pytest.mark.usefixtures("two_cores")
def test_answers_are_those_of_one_machine_though_a_worker_is_killed(
    digits_run: Path, images: Path, expected: dict[str, beholder.Prediction], tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_one(progress: Any) -> None:
        if not killed and progress.images > COUNT // 4:
            killed.extend(descendants("ray::MapWorker", os.getpid())[:1])
            os.kill(killed[0], signal.SIGKILL)

    out = tmp_path / "out"
    result = beholder.predict_in_bulk(digits_run, images, out, part_size=16, progress=kill_one)
    assert killed
    check(out, expected)
    assert (result.errors, result.skipped, result.workers) == (2, 0, 2)
    assert all(path.name.startswith("_") or path.suffix == ".parquet" for path in out.iterdir())
    again = beholder.predict_in_bulk(digits_run, images, out, part_size=16, resume=True)
    assert (again.images, again.skipped) == (0, COUNT)
    check(out, expected)


def test_an_image_that_kills_its_worker_is_one_row_with_an_error(
    digits_run: Path, images: Path, tmp_path: Path, deadly: str
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted((images / "1").iterdir())[10:60]:
        shutil.copy(path, few)
    shutil.copy(path, few / deadly)
    command = [sys.executable, "-c", DRIVER, str(digits_run), str(few), str(tmp_path / "out")]
    subprocess.run(command, check=True, timeout=120)
    found = {row["path"]: row["error"] for row in rows(tmp_path / "out")}
    assert len(found) == 51
    [(path, error)] = [item for item in found.items() if item[1] is not None]
    assert path == str(few / deadly)
    assert repr(path) in error


@pytest.mark.usefixtures("two_cores")
def test_a_killed_job_goes_on_where_it_was(
    digits_run: Path, images: Path, expected: dict[str, beholder.Prediction], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", DRIVER, str(digits_run), str(images), str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as driver:
        while len(list(out.glob("part-*"))) < 10:
            assert driver.poll() is None, driver.stderr and driver.stderr.read()
            time.sleep(0.02)
        workers = descendants("ray::MapWorker", driver.pid)
        driver.kill()
    done = sum(pq.read_metadata(path).num_rows for path in out.glob("part-*"))
    assert done < COUNT
    # Another size of parts, as if the person had changed their mind: images are known by their keys.
    result = beholder.predict_in_bulk(digits_run, images, out, part_size=50, resume=True)
    assert result.images + result.skipped == COUNT
    assert result.skipped >= done
    check(out, expected)
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers), "a worker was left behind"


@pytest.mark.usefixtures("two_cores")
def test_another_program_joins_a_cluster_that_stays(
    digits_run: Path, images: Path, expected: dict[str, beholder.Prediction], tmp_path: Path
) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", DRIVER, str(digits_run), str(images), str(tmp_path / "out"), address]
    subprocess.run(command, check=True, timeout=120)
    check(tmp_path / "out", expected)
    assert ray.cluster_resources()["CPU"] == 2


@pytest.mark.usefixtures("two_cores")
def test_the_command_line_answers_bytes_in_parquet_files(
    digits_run: Path,
    images: Path,
    expected: dict[str, beholder.Prediction],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    paths = [path for path in expected if expected[path].error is None][:40]
    table = pa.table({"path": paths, "bytes": [Path(path).read_bytes() for path in paths]})
    pq.write_table(table, tmp_path / "set.parquet", row_group_size=15)
    out = tmp_path / "out"
    command = ["predict", str(digits_run), str(tmp_path / "set.parquet"), "--engine", "ray", "--out", str(out)]
    assert _run([*command, "--top", "3", "--json"]) == 0
    captured = capfd.readouterr()
    document = json.loads(captured.out)
    assert (document["schema"], document["images"], document["parts"]) == (2, 40, 3)
    assert [line for line in captured.err.splitlines() if "images/s" not in line] == [], "Ray is silent"
    check(out, {path: expected[path] for path in paths})
    assert {row["row"] for row in rows(out)} == {f"{tmp_path / 'set.parquet'}#{row}" for row in range(40)}
    assert _run(command) == 2
    assert "--resume" in capfd.readouterr().err
    assert _run([*command, "--resume"]) == 0
    assert "40 were answered earlier" in capfd.readouterr().out


@pytest.mark.usefixtures("two_cores")
def test_a_folder_that_goes_away_ends_the_job_with_one_sentence(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pa.table({"bytes": [b"x"] * 4}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(beholder.BeholderError, match=r"b\.parquet") as raised:
        beholder.predict_in_bulk(digits_run, tmp_path, tmp_path / "out")
    assert "\n" not in str(raised.value)


def test_what_cannot_work_is_told_before_ray_starts(
    digits_run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("beholder.answering.bulk.job.cluster", lambda *_: pytest.fail("Ray was started"))
    with pytest.raises(ArtifactError):
        beholder.predict_in_bulk(tmp_path, images, tmp_path / "out")
    with pytest.raises(UsageError, match="holds no images"):
        beholder.predict_in_bulk(digits_run, digits_run / "*.xyz", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for arguments in (["a", "b", "--engine", "ray"], ["a", "--engine", "ray"], ["a", "--out", "x"], ["a", "--resume"]):
        assert _run(["predict", str(digits_run), *arguments]) == 2
        assert "Error: " in capfd.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="beholder\\[cluster\\]"):
        beholder.predict_in_bulk(digits_run, images, tmp_path / "out")


def test_a_long_temporary_folder_is_no_hindrance_and_two_are_one_sentence(
    digits_run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    few = str(images / "1" / "0001.jpg")
    command = [sys.executable, "-c", DRIVER, str(digits_run), few, str(tmp_path / "out")]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "TMPDIR": str(long)})
    assert len(rows(tmp_path / "out")) == 1
    monkeypatch.setattr("tempfile.tempdir", str(long))
    monkeypatch.setattr("beholder.answering.bulk.cluster._LONGEST", 3)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(UsageError, match="set TMPDIR"):
        beholder.predict_in_bulk(digits_run, images, tmp_path / "other")


def test_a_cluster_that_is_not_there_is_one_sentence(
    digits_run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", refuse)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1"):
        beholder.predict_in_bulk(digits_run, images, tmp_path / "out", address="127.0.0.1:1")


@pytest.mark.usefixtures("two_cores")
def test_bulk_answers_to_sounds_are_those_of_predict(tones_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    for number in range(60):  # none that the model chose by, whose place among these a last digit may decide
        hertz, seconds = 200 + 47 * number, 2.0 if number % 9 == 0 else 0.5
        write_wav(folder / "low" / f"{number:02d}.wav", tone(hertz, seconds, 500 + number))
    Image.new("RGB", (32, 32)).save(folder / "cover.png")  # which is no sound, and left alone
    (folder / "low" / "none.wav").write_bytes(b"no sound")
    answers = beholder.predict(tones_run, expand([str(folder)], SOUNDS), top=3)
    result = beholder.predict_in_bulk(tones_run, folder, tmp_path / "out", workers=2, part_size=16)
    assert (result.images, result.errors, result.kind) == (61, 1, "sound")
    check(tmp_path / "out", {answer.path: answer for answer in answers})
    paths = [answer.path for answer in answers if answer.error is None][:10]
    pq.write_table(pa.table({"bytes": [Path(path).read_bytes() for path in paths]}), tmp_path / "set.parquet")
    beholder.predict_in_bulk(tones_run, tmp_path / "set.parquet", tmp_path / "again", workers=2)
    labels = {row["row"].rpartition("#")[2]: row["label"] for row in rows(tmp_path / "again")}
    assert labels == {str(row): answers[row].label for row in range(10)}

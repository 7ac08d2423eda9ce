"""A person relies on: data that changed or moved after training are told of, by every command that opens them again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from beholder.api.resume import resume
from beholder.cli import _run
from beholder.errors import DataError, RunError, UsageError

PIXELS = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 3), np.uint8)


def save(path: Path, rows: slice, more: int = 0) -> None:
    pixels = np.concatenate([PIXELS[rows], np.random.default_rng(1).integers(0, 256, (more, 8, 8, 3), np.uint8)])
    labels = np.array(["left", "right"])[np.concatenate([np.arange(80)[rows], np.arange(more)]) % 2]
    np.savez(path, images=pixels, labels=labels)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    """A folder with `data.npz` and a `run` on it; only to be copied."""
    from beholder.api.train import train

    folder = tmp_path_factory.mktemp("changed")
    save(folder / "data.npz", slice(None))
    train(folder / "data.npz", model="linear", epochs=2, out=folder / "run")
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, whose run knows the data of the copy."""
    shutil.copytree(trained, tmp_path / "here")
    config_file = tmp_path / "here" / "run" / "config.json"
    config = json.loads(config_file.read_bytes())
    config_file.write_text(json.dumps({**config, "data": str(tmp_path / "here" / "data.npz")}))
    return tmp_path / "here"


def first_line(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().out.splitlines()[0]


def test_data_that_grew_are_judged_on_the_same_images(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    save(place / "data.npz", slice(None), more=60)
    assert _run(["evaluate", str(place / "run")]) == 0
    expected = "Judged all 8 images of the run's test set. 60 images were added since training began and left out."
    assert first_line(capfd) == expected
    assert expected.encode() in (place / "run" / "report.html").read_bytes().replace(b"&#39;", b"'")
    document = json.loads((place / "run" / "evaluation.json").read_bytes())
    assert (document["count"], document["judged"]) == (8, expected)


def test_data_written_anew_in_another_order_come_to_the_same_figures(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = str(place / "run")
    assert _run(["evaluate", run, "--json"]) == 0
    before = json.loads(capfd.readouterr().out)
    save(place / "data.npz", slice(None, None, -1))
    assert _run(["evaluate", run, str(place / "data.npz"), "--json"]) == 0
    after = json.loads(capfd.readouterr().out)
    assert (after["accuracy"], after["file"]) == (before["accuracy"], "evaluation.json")
    assert after["log_loss"] == pytest.approx(before["log_loss"])


def test_data_that_were_moved_are_asked_for_and_taken(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "data.npz").rename(place / "moved.npz")
    run = place / "run"
    assert _run(["evaluate", str(run)]) == 2
    assert f"say where they are: beholder evaluate {run} DATA." in capfd.readouterr().err
    assert _run(["evaluate", str(run), str(place / "moved.npz"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["file"] == "evaluation.json"


def test_other_images_than_before_are_told_as_such(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = place / "run"
    assert _run(["evaluate", str(run)]) == 0
    document = json.loads((run / "evaluation.json").read_bytes())
    (run / "evaluation.json").write_text(json.dumps({**document, "fingerprint": "0" * 64}))
    capfd.readouterr()
    assert _run(["evaluate", str(run), str(place / "data.npz")]) == 0
    assert first_line(capfd) == (
        "Judged all 8 images of the run's test set. They are not the same images as those judged on "
        f"{document['created']}."
    )


def test_a_run_goes_on_with_data_that_were_moved_and_no_others(place: Path) -> None:
    run = place / "run"
    (run / "events.jsonl").unlink()
    shutil.rmtree(run / "model")
    (place / "data.npz").rename(place / "moved.npz")
    with pytest.raises(DataError, match=r"say where they are: beholder train --resume .* --data PATH"):
        resume(run)
    save(place / "fewer.npz", slice(3, None), more=2)
    with pytest.raises(RunError, match=r"of 80 images 3 are missing or changed, and 2 are new"):
        resume(run, data=place / "fewer.npz")
    assert _run(["train", "--resume", str(run), "--data", str(place / "moved.npz"), "--progress", "none"]) == 0
    assert json.loads((run / "config.json").read_bytes())["data"] == str(place / "moved.npz")
    assert _run(["evaluate", str(run)]) == 0


def test_the_option_for_moved_data_needs_a_run(capfd: pytest.CaptureFixture[str]) -> None:
    assert _run(["train", "--data", "digits"]) == 2
    assert "Say what to train on" in capfd.readouterr().err
    assert _run(["train", "digits", "--data", "digits"]) == 2
    assert "without --resume" in capfd.readouterr().err


def test_arrays_are_asked_for(place: Path) -> None:
    config_file = place / "run" / "config.json"
    config_file.write_text(json.dumps({**json.loads(config_file.read_bytes()), "data": "arrays"}))
    (place / "run" / "events.jsonl").unlink()
    with pytest.raises(UsageError, match="was trained on arrays"):
        resume(place / "run")

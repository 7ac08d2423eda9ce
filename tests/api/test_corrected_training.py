"""A person relies on: a run learns from the corrected data, and every later command sees them so too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.api import train as module
from beholder.api.evaluate import evaluate
from beholder.api.resume import resume
from beholder.cli import _run
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.errors import DataError
from beholder.sessions import training_data

pytestmark = pytest.mark.usefixtures("framework")

ONCE: dict[str, Any] = {"model": "linear", "epochs": 1}
TEXT = "path,action,label\ndigits/0000,drop,\ndigits/0001,drop,\ndigits/0002,relabel,7\ndigits/0003,keep,\nx,drop,\n"


@pytest.fixture
def corrections(tmp_path: Path) -> Path:
    (tmp_path / "corrections.csv").write_text(TEXT)
    return tmp_path / "corrections.csv"


def document(run: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run / name).read_bytes())
    return read


def test_a_run_with_a_corrections_file_learns_validates_and_tests_on_what_is_left(
    tmp_path: Path, corrections: Path
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    run = tmp_path / "run"
    module.train("digits", out=run, corrections=corrections, **ONCE)
    data = document(run, "data.json")
    figures = evaluate(run)
    whole = open_source("digits").readers["all"](silent)
    expected = np.bincount(whole.labels, minlength=10)
    for row in (0, 1, 2):
        expected[whole.labels[row]] -= 1
    expected[7] += 1
    tested = [row.count for row in figures.per_class]
    counts = np.sum([*data["counts"].values(), tested], axis=0)
    assert counts.tolist() == expected.tolist(), "no image is in two sets, none is lost but those dropped"
    told = "The data were read with 5 corrections."
    assert data["notes"][0] == told
    assert data["notes"][1] == (
        "1 of the 5 corrections names no file of 'digits', the first: line 6, 'x'; check the spelling."
    )
    assert figures.notes == [told]
    assert figures.file == "evaluation.json"
    assert document(run, "config.json")["corrections"]["lines"][2] == {
        "path": "digits/0002",
        "action": "relabel",
        "label": "7",
        "line": 4,
    }
    assert {path: path.read_bytes() for path in before} == before


def test_a_resumed_run_sees_the_corrections_that_it_began_with(
    tmp_path: Path, corrections: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = training_data.read_training_sets

    def killed(*arguments: Any) -> Any:
        if not (tmp_path / "killed").exists():
            shutil.copytree(tmp_path / "whole", tmp_path / "killed")
        return read(*arguments)

    monkeypatch.setattr("beholder.sessions.prepare.read_training_sets", killed)
    module.train("digits", out=tmp_path / "whole", corrections=corrections, **ONCE)
    corrections.unlink()
    resume(tmp_path / "killed")
    assert document(tmp_path / "killed", "data.json") == document(tmp_path / "whole", "data.json")
    with (
        np.load(tmp_path / "whole" / "checkpoint.npz") as one,
        np.load(tmp_path / "killed" / "checkpoint.npz") as other,
    ):
        assert all(one[name].tobytes() == other[name].tobytes() for name in one.files)


def test_other_arrays_are_judged_as_they_are(tmp_path: Path) -> None:
    """Arrays have no names of their own, so that a corrections file of some names an image of any."""
    (tmp_path / "corrections.csv").write_text("path,action,label\nimages/00003,drop,\n")
    whole = open_source("digits").readers["all"](silent)
    own = whole.images[:600], whole.labels[:600]
    module.train(own, out=tmp_path / "run", corrections=tmp_path / "corrections.csv", **ONCE)
    first = evaluate(tmp_path / "run", own)
    assert first.file == "evaluation.json"
    assert first.notes
    other = evaluate(tmp_path / "run", (whole.images[600:1200], whole.labels[600:1200]))
    assert other.file != "evaluation.json"
    assert other.notes == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,action,label\ndigits/0001,relabel,eleven\n", "'eleven', which is not a class"),
        ("path,action,label\ncat.png,drop,\n", "The only correction does not name a file"),
        ("file,label\n", "not with 'path,action,label'"),
    ],
)
def test_a_corrections_file_that_cannot_be_obeyed_is_one_sentence_and_leaves_no_run(
    text: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corrections.csv").write_text(text)
    arguments = ["train", "digits", "--model", "linear", "--corrections", str(tmp_path / "corrections.csv")]
    assert _run([*arguments, "--out", str(tmp_path / "run"), "--progress", "none"]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert words in error
    assert not (tmp_path / "run").exists()


def test_a_corrections_file_that_leaves_a_class_without_images_is_told(tmp_path: Path) -> None:
    whole = open_source("digits").readers["all"](silent)
    drops = "".join(f"digits/{row:04d},drop,\n" for row in np.flatnonzero(whole.labels == 4))
    (tmp_path / "corrections.csv").write_text(f"path,action,label\n{drops}")
    with pytest.raises(DataError, match="Class '4' of 'digits' has 0 images"):
        module.train("digits", out=tmp_path / "run", corrections=tmp_path / "corrections.csv", **ONCE)


def test_training_images_are_left_out_where_a_person_wants_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["train", "digits", "--model", "linear", "--epochs", "1", "--images", "100", "--out", str(run)]
    assert _run([*arguments, "--no-neighbours", "--progress", "none"]) == 0
    assert not (run / "neighbours.npz").exists()
    assert (run / "validation.npz").exists()
    assert document(run, "config.json")["neighbours"] is False

"""A person relies on: each command says once how a folder was understood and what was left out of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run

SETS = "Training set 'Training' (50 images), validation set 'dev' (6 images), test set 'Testing' (6 images); 2 classes"
LEFT_OUT = "1 image could not be read and was left out; the first: Cannot read "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in three sets, one image of the training set in a format that is not read."""
    root = tmp_path_factory.mktemp("notes") / "data"
    random = np.random.default_rng(0)
    for set_name, count in (("Training", 25), ("dev", 3), ("Testing", 3)):
        for label, name in enumerate(("cat", "dog")):
            (root / set_name / name).mkdir(parents=True)
            for row in range(count):
                pixels = random.integers(100 * label, 100 * label + 99, (10, 20, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(root / set_name / name / f"{row}.png")
    (root / "Training" / "cat" / "0.png").unlink()
    (root / "Training" / "cat" / "0.heic").write_bytes(b"\0\0\0\x18ftypheic")
    return root


def told_once(text: str, *sentences: str) -> None:
    assert {sentence: text.count(sentence) for sentence in sentences} == dict.fromkeys(sentences, 1)


def test_look_tells(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cache = ["--cache", str(tmp_path / "cache")]
    assert _run(["look", str(folder), "--out", str(tmp_path / "sheet.png"), *cache]) == 0
    told_once(capfd.readouterr().err, SETS, LEFT_OUT)
    assert _run(["look", str(folder), "--out", str(tmp_path / "sheet.png"), *cache, "--json"]) == 0
    captured = capfd.readouterr()
    notes = json.loads(captured.out)["notes"]
    assert (len(notes), captured.err) == (2, "")
    told_once(" ".join(notes), SETS, LEFT_OUT)


@pytest.mark.usefixtures("framework")
def test_train_evaluate_and_compare_tell(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run, common = tmp_path / "run", ["--cache", str(tmp_path / "cache"), "--epochs", "1"]
    assert _run(["train", str(folder), "--model", "linear", "--out", str(run), *common]) == 0
    captured = capfd.readouterr()
    told_once(captured.err + captured.out, SETS, LEFT_OUT)
    assert LEFT_OUT in (run / "report.html").read_text().replace("&#39;", "'")
    assert _run(["train", "--resume", str(run), "--json"]) == 0
    told_once(" ".join(json.loads(capfd.readouterr().out)["notes"]), SETS, LEFT_OUT)

    assert _run(["evaluate", str(run)]) == 0
    told_once(capfd.readouterr().err, SETS)

    out = ["--models", "linear,dense", "--out", str(tmp_path / "several")]
    assert _run(["compare", str(folder), *out, *common]) == 0
    captured = capfd.readouterr()
    told_once(captured.err + captured.out, SETS, LEFT_OUT)
    assert _run(["compare", str(folder), *out, *common, "--progress", "none"]) == 0
    told_once(capfd.readouterr().err, SETS, LEFT_OUT)
    assert _run(["compare", str(folder), *out, *common, "--json"]) == 0
    told_once(" ".join(json.loads(capfd.readouterr().out)["notes"]), SETS, LEFT_OUT)


def test_predict_and_explain_tell_what_is_cut(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, size in (("wide.png", (20, 10)), ("square.png", (9, 9))):
        Image.new("L", size, 100).save(tmp_path / name)
    words = "The network takes 8 × 8 pixels: "
    assert _run(["predict", str(digits_run), str(tmp_path / "wide.png"), str(tmp_path / "square.png"), "--csv"]) == 0
    told_once(capfd.readouterr().err, f"{words}1 of 2 images looked at lose more than 10% of their area, at most 50%.")
    assert _run(["predict", str(digits_run), str(tmp_path / "square.png")]) == 0
    assert capfd.readouterr().err == ""

    out = tmp_path / "out"
    assert _run(["explain", str(digits_run), str(tmp_path / "wide.png"), "--out", str(out)]) == 0
    sentence = f"{words}50% of this image is cut, half on either side."
    told_once(capfd.readouterr().err, sentence)
    assert json.loads((out / "explain.json").read_text())["notes"] == [sentence]
    assert sentence in (out / "index.html").read_text()

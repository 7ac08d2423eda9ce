"""A person relies on: predict answers every image that can be read, names the others, and never needs TensorFlow."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run

ODD_NAMES = [b"a b.png", b"new\nline.png", "snow ☃ é.png".encode(), b"no text \xff.png", b"[1].png", b"--csv.png"]


def predict(*arguments: str | Path) -> int:
    return _run(["predict", *map(str, arguments)])


def image(path: Path, shape: tuple[int, ...] = (8, 8, 3), seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path)
    return path


def answers(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    document = json.loads(capfd.readouterr().out)
    assert set(document) == {"schema", "precision", "predictions"}
    predictions: list[dict[str, object]] = document["predictions"]
    return predictions


def test_files_folders_and_globs_are_answered_in_order(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = [image(tmp_path / name, seed=n) for n, name in enumerate(["x/2.png", "x/deep/1.bmp", "y1.png", "y2.png"])]
    (tmp_path / "x" / "notes.txt").write_text("no image")
    assert predict(digits_run, paths[2], tmp_path / "x", tmp_path / "y*.png", "--json") == 0
    predictions = answers(capfd)
    assert [p["path"] for p in predictions] == [str(paths[n]) for n in (2, 0, 1, 2, 3)]
    for prediction in predictions:
        assert set(prediction) == {"path", "label", "probability", "unsure", "unlike", "top"}
        assert prediction["unlike"] in (True, False)
        assert prediction["unsure"] in (True, False, None)
        assert prediction["label"] in list("0123456789")
    assert predictions[0] == predictions[3]


def test_images_that_cannot_be_read_are_named_counted_and_the_status_is_2(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image(tmp_path / "in" / "a.png")
    image(tmp_path / "in" / "b.png").rename(tmp_path / "in" / "b")
    (tmp_path / "in" / "c.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (tmp_path / "in" / "d.svg").write_text("<svg/>")
    assert predict(digits_run, tmp_path / "in") == 2
    told = capfd.readouterr()
    assert told.out.count("%") >= 2
    assert "c.heic': it is a HEIC image, which Beholder does not read; save it as PNG or JPEG." in told.err
    assert "d.svg': it is not a JPEG" in told.err
    assert "2 of 4 images could not be read." in told.err
    assert predict(digits_run, tmp_path / "in", "--json") == 2
    assert ["error" in answer for answer in answers(capfd)] == [False, False, True, True]


def test_the_top_lists_fall_and_are_as_long_as_asked(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = image(tmp_path / "p.png")
    for top, expected in (("1", 1), ("4", 4), ("99", 10)):
        assert predict(digits_run, path, "--top", top, "--json") == 0
        (prediction,) = answers(capfd)
        best = prediction["top"]
        assert isinstance(best, list)
        probabilities = [row["probability"] for row in best]
        assert probabilities == sorted(probabilities, reverse=True)
        assert len(best) == expected
        assert best[0] == {"label": prediction["label"], "probability": prediction["probability"]}


def test_any_name_that_a_file_can_have_is_answered(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = image(tmp_path / "one.png").read_bytes()
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [str(folder / os.fsdecode(name)) for name in ODD_NAMES]
    for name in names:
        Path(name).write_bytes(one)
    assert predict(digits_run, *names, "--json") == 0
    assert [p["path"] for p in answers(capfd)] == names, "JSON gives each name back, byte for byte"
    assert predict(digits_run, folder, "--json") == 0
    assert sorted(str(p["path"]) for p in answers(capfd)) == sorted(names)
    assert predict(digits_run, folder, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert len(rows) == len(names)
    assert predict(digits_run, folder) == 0
    assert capfd.readouterr().err == ""


def test_a_bad_file_among_good_ones_is_named_and_the_others_are_answered(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, missing = image(tmp_path / "good.png"), tmp_path / "missing.png"
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    assert predict(digits_run, bad, good, missing, "--json") == 2
    first, second, third = answers(capfd)
    assert set(first) == set(third) == {"path", "error"}
    assert str(bad) in str(first["error"])
    assert str(missing) in str(third["error"])
    assert second["path"] == str(good)
    assert predict(digits_run, bad, good) == 2
    captured = capfd.readouterr()
    assert str(bad) not in captured.out
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert str(bad) in captured.err


def test_csv_reads_back_with_any_reader(digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = image(tmp_path / 'quo"te, comma.png')
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    assert predict(digits_run, bad, good, "--csv", "--top", "2") == 2
    refused, answered = csv.DictReader(io.StringIO(capfd.readouterr().out))
    columns = ["path", "label", "probability", "unsure", "unlike", "error"]
    assert list(answered) == [*columns, "label_1", "probability_1", "label_2", "probability_2"]
    assert answered["path"] == str(good)
    assert answered["label"] == answered["label_1"]
    assert 0 < float(answered["probability_2"]) <= float(answered["probability"]) <= 1
    assert answered["unlike"] in ("true", "false")
    assert answered["error"] == refused["unsure"] == refused["unlike"] == refused["label"] == ""
    assert str(bad) in refused["error"]


def test_the_table_says_which_answers_are_unsure_and_why(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.png"
    Image.new("L", (8, 8), 255).save(plain)
    assert predict(digits_run, plain) == 0
    assert "(unsure: unlike)" in capfd.readouterr().out


def test_a_table_for_people_names_the_whole_path(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = image(tmp_path / ("long" * 30) / "p.png")
    assert predict(digits_run, path) == 0
    captured = capfd.readouterr()
    assert captured.err == ""
    header, *rows = captured.out.splitlines()
    assert header.split() == ["image", "answer", "probability", "then"]
    assert "".join(row.split("  ")[0].strip() for row in rows) == str(path)
    assert "%" in rows[0]


@pytest.mark.parametrize("size", [(2, 2, 3), (8, 8, 3), (700, 900, 3), (900, 20, 3), (30, 40)])
def test_images_of_any_size_and_colour_are_answered_by_a_grey_model(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], size: tuple[int, ...]
) -> None:
    assert predict(digits_run, image(tmp_path / "p.png", size), "--json") == 0
    (prediction,) = answers(capfd)
    assert prediction["probability"]


def test_a_folder_or_a_glob_without_images_is_told_in_one_sentence(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for argument in (tmp_path, tmp_path / "*.png"):
        assert predict(digits_run, argument) == 2
        captured = capfd.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert str(argument) in captured.err


def test_what_is_no_model_is_told_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = image(tmp_path / "p.png")
    for run in (tmp_path, tmp_path / "nothing", path, Path("x" * 300)):
        assert predict(run, path) == 2
        captured = capfd.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("Error: ")
        assert captured.err.count("\n") == 1
        assert str(run) in captured.err


def test_an_artifact_with_one_byte_changed_answers_nothing(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(digits_run / "model", tmp_path / "model")
    graph = tmp_path / "model" / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    assert predict(tmp_path, image(tmp_path / "p.png")) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert str(graph) in captured.err


WITHOUT_TRAINING = """
import sys
BLOCKED = {"keras", "tensorflow", "jax", "tf2onnx", "onnx", "sklearn", "scipy", "matplotlib", "jinja2"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
from beholder.cli import main
main(sys.argv[1:])
"""


def without_training(*arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", WITHOUT_TRAINING, *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, check=False)


def test_bytes_on_standard_input_are_answered_where_no_framework_can_be_imported(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = image(tmp_path / "p.png")
    done = without_training("predict", digits_run, "-", path, "--json", given=path.read_bytes())
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    piped, named = json.loads(done.stdout)["predictions"]
    assert piped == {**named, "path": "-"}
    assert predict(digits_run, path, "--json") == 0
    assert answers(capfd) == [named], "the same answer with and without the training half"


def test_junk_on_standard_input_is_named_with_its_reason(digits_run: Path) -> None:
    done = without_training("predict", digits_run, "-", given=b"junk")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"not a JPEG" in done.stderr


def test_training_without_the_training_half_says_what_to_install(tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(
        data, images=np.zeros((40, 8, 8), np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None], labels=[0, 1] * 20
    )
    done = without_training("train", data, "--out", tmp_path / "run", "--progress", "none")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(b"\n") == 1
    assert b"pip install 'beholder[train]'" in done.stderr
    assert not (tmp_path / "run").exists()

"""A person relies on: look writes one image of random training images, the same for the same seed, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run


def look(*arguments: str | Path) -> int:
    return _run(["look", *map(str, arguments)])


def test_the_json_document_is_all_that_stands_on_standard_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    assert look("digits", "--out", sheet, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    with Image.open(sheet) as image:
        size = {"width": image.width, "height": image.height}
    assert document == {"schema": 2, "out": str(sheet), **size, "notes": []}


def test_the_same_seed_draws_the_same_sheet_and_another_seed_another(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert look("digits", "--out", tmp_path / f"{name}.png", "--seed", str(seed)) == 0
    first, again, other = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert first == again != other
    assert str(tmp_path / "a.png") in capfd.readouterr().out


@pytest.mark.parametrize(
    "option", [["--cleaned"], ["--augmented"], ["--class", "7"], ["--rows", "1", "--columns", "9"]]
)
def test_every_option_draws_a_sheet_of_its_own(tmp_path: Path, option: list[str]) -> None:
    assert look("digits", "--out", tmp_path / "plain.png") == 0
    assert look("digits", "--out", tmp_path / "other.png", *option) == 0
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "other.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["digits", "--class", "eleven"], "'eleven'"),
        (["digits", "--rows", "1000", "--columns", "1000"], "1000"),
        (["no-such-data"], "'no-such-data'"),
        (["digits", "--out", "sheet.txt"], "'.txt'"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_sentence_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert look(*arguments) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert named in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["digit", "Digits", "digits ", "DIGITS"])
def test_a_misspelt_name_is_guessed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert look(name) == 2
    assert "Did you mean 'digits'?" in capfd.readouterr().err


def test_an_image_stands_beside_what_training_makes_of_it(tmp_path: Path) -> None:
    sheets = {}
    for how in ("small", "brightness=0"):
        out = tmp_path / f"{how}.png"
        assert look("digits", "--augmented", "--augmentation", how, "--rows", "2", "--columns", "3", "--out", out) == 0
        with Image.open(out) as image:
            sheets[how] = np.asarray(image).astype(int)
    same, moved = sheets["brightness=0"], sheets["small"]
    thirds = np.array_split(np.arange(same.shape[1]), 3)
    assert (same[:, thirds[0]] == moved[:, thirds[0]]).all(), "the first of a row is as it was"
    for third in thirds[1:]:
        assert (same[:, third] != moved[:, third]).any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--augmentation", "photo"], "add --augmented to see that, or leave it out"),
        (["--augmented", "--cleaned"], "leave --augmented or --cleaned out"),
        (["--augmented", "--augmentation", "vivid"], "Expected small, photo or sound, or details of shift, crop"),
        (["--augmented", "--columns", "1"], "--augmented needs at least two --columns"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    options: list[str], sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert look("digits", *options, "--out", tmp_path / "sheet.png") == 2
    assert sentence in " ".join(capfd.readouterr().err.split())

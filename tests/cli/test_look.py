"""A person relies on: look writes one image of random training images, the same for the same seed, and says so."""

from __future__ import annotations

import json
from pathlib import Path

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


@pytest.mark.parametrize("option", [["--cleaned"], ["--class", "7"], ["--rows", "1", "--columns", "9"]])
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


def test_a_misspelt_name_is_guessed(capfd: pytest.CaptureFixture[str]) -> None:
    assert look("digit") == 2
    assert "Did you mean 'digits'?" in capfd.readouterr().err

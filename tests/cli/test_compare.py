"""A person relies on: one command, one table; the document alone on standard output; what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import beholder.api.compare as room
from beholder.api.train import Trained, train
from beholder.cli import _run

pytestmark = pytest.mark.usefixtures("framework")


def compare(*arguments: str | Path) -> int:
    return _run(["compare", "digits", *map(str, arguments)])


def test_one_command_one_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    asked: list[str | Path] = ["--models", "linear, dense", "--epochs", "1", "--images", "100", "--out", out]
    assert compare(*asked, "--test") == 0
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert lines[-1] == f"Comparison: {out / 'comparison.html'}"
    assert {line.split()[0] for line in lines[2:4]} == {"linear", "dense"}
    assert "95 % interval" in captured.out
    assert "linear, 1 epoch," in captured.err
    assert "dense, 1 epoch," in captured.err

    assert compare(*asked, "--json", "--progress", "none") == 0
    captured = capfd.readouterr()
    assert json.loads(captured.out)["schema"] == 2
    assert captured.err == ""


def test_what_a_stopped_comparison_lacks_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> Trained:
        if options["model"] == "dense":
            raise KeyboardInterrupt
        return train(*arguments, **options)

    monkeypatch.setattr(room, "train", interrupted)
    assert compare("--models", "linear,dense,book", "--epochs", "1", "--out", tmp_path, "--progress", "none") == 0
    last = capfd.readouterr().out.splitlines()[-1]
    assert last == f"Stopped: 1 finished, dense, book missing. To go on, run the same command with --out {tmp_path}."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "linear,bok"], "No model is called 'bok'"),
        (["--models", ","], "Nothing to compare"),
        (["--images", "many"], "--images. Received: 'many'"),
        (["--images", "3"], "3 images are not enough for 10 classes"),
        (["--epochs", "0"], "--epochs"),
    ],
)
def test_what_cannot_be_compared_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert compare("--out", tmp_path / "out", *arguments) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "out").exists()

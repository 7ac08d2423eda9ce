"""A person relies on: the command that the page shows is the run's own, with the corrections and a new folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from beholder.server.tabs.retraining import retrain_command

RUN, FILE = Path("runs/my run"), Path("runs/my run/corrections.csv")
NEW = ["--corrections", str(FILE), "--out", "runs/my run-corrected"]


@pytest.mark.parametrize(
    ("command", "data", "options"),
    [
        ("beholder train digits --budget 40s --out runs/x", "digits", ["--budget", "40s"]),
        (
            "beholder train --budget=40s '--out=runs/my run' ../birds/ --seed 3",
            "/home/me/birds",
            ["--budget=40s", "--seed", "3"],
        ),
        (
            "beholder train ./birds --corrections old.csv --watch --model book --json",
            "/data/birds",
            ["--model", "book"],
        ),
        ("beholder train 'two birds' --no-mirror --corrections=o.csv", "/data/two birds", ["--no-mirror"]),
    ],
)
def test_every_option_of_the_run_is_kept(command: str, data: str, options: list[str]) -> None:
    config = {"command": command, "data": data, "budget": 40.0}
    assert shlex.split(retrain_command(config, RUN, FILE)) == ["beholder", "train", data, *options, *NEW]


@pytest.mark.parametrize(
    "command", [None, "python train.py", "beholder compare digits --out runs", "beholder train 'x"]
)
def test_a_run_without_a_command_of_its_own_is_described(command: str | None) -> None:
    config: dict[str, Any] = {"command": command, "data": "digits", "budget": 40.0, "automatic": True, "seed": 3}
    config["colour"] = "rgb"
    expected = ["beholder", "train", "digits", "--budget", "40s", "--seed", "3", "--colour", "rgb", *NEW]
    assert shlex.split(retrain_command(config, RUN, FILE)) == expected


def test_a_run_made_in_python_keeps_all_that_was_asked_for() -> None:
    settings = {
        "recipe": {"epochs": 3, "batch_size": 16, "learning_rate": 0.02, "augment": False, "mirror": True},
        "said": ["epochs", "learning_rate", "augment", "mirror"],
        "precision": "bfloat16",
        "early_stop": 4,
        "balance": "weights",
    }
    config: dict[str, Any] = {"data": "birds", "model": "book", "epochs": 3, "settings": settings}
    config |= {"options": {"window": 3, "padding": "valid"}, "neighbours": False, "risk": 0.02}
    expected = "--model book --epochs 3 --learning-rate 0.02 --no-augment --mirror --window 3 --padding valid"
    expected += " --early-stop 4 --balance weights --precision bfloat16 --risk 0.02 --no-neighbours"
    words = shlex.split(retrain_command(config, RUN, FILE))
    assert words == ["beholder", "train", "birds", *expected.split(), *NEW]


def test_a_run_that_began_from_a_network_begins_from_it_again() -> None:
    settings = {"initial": {"source": "mine.keras"}, "recipe": {}, "said": [], "precision": "float32"}
    config: dict[str, Any] = {"data": "birds", "model": "pretrained", "epochs": 5, "settings": settings}
    config |= {"options": {"input_range": [-1.0, 1.0], "file": "/elsewhere", "dropout": 0.1}}
    words = shlex.split(retrain_command(config, RUN, FILE))
    begun = ["--from", "mine.keras", "--input-range=-1,1", "--epochs", "5"]
    assert words[3:-4] == [*begun, "--dropout", "0.1", "--precision", "float32"]


def test_the_folder_is_one_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "run-corrected").mkdir()
    command = retrain_command({"command": "beholder train digits", "data": "digits"}, tmp_path / "run", FILE)
    assert shlex.split(command)[-1] == str(tmp_path / "run-corrected-2")

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
    config: dict[str, Any] = {"command": command, "data": "digits", "budget": 40.0, "model": "auto", "seed": 3}
    config["colour"] = "rgb"
    expected = ["beholder", "train", "digits", "--budget", "40s", "--seed", "3", "--colour", "rgb", *NEW]
    assert shlex.split(retrain_command(config, RUN, FILE)) == expected


def test_the_folder_is_one_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "run-corrected").mkdir()
    command = retrain_command({"command": "beholder train digits", "data": "digits"}, tmp_path / "run", FILE)
    assert shlex.split(command)[-1] == str(tmp_path / "run-corrected-2")

"""A person relies on: the command that the page shows asks for all that the run was asked for, with the corrections."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from beholder.cli import beholder
from beholder.server.tabs.retraining import retrain_command
from beholder.sessions.request import TrainRequest

RUN, FILE = Path("runs/my run"), Path("runs/my run/corrections.csv")
NEW = ["--corrections", str(FILE), "--out", "runs/my run-corrected"]


def words(**asked: Any) -> list[str]:
    """The command's options for a run that was asked so, without those that are always new."""
    command = shlex.split(retrain_command(TrainRequest.of("digits", **asked).to_json(), RUN, FILE))
    assert (command[:3], command[-4:]) == (["beholder", "train", "digits"], NEW)
    return command[3:-4]


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"budget": 40.0}, "--budget=40s"),
        ({"budget": 40.0, "seed": 3, "colour": "rgb"}, "--budget=40s --colour=rgb --seed=3"),
        (
            {"model": "book", "epochs": 3, "learning_rate": 0.02, "augment": False, "mirror": True, "early_stop": 4}
            | {"balance": "weights", "precision": "bfloat16", "risk": 0.02, "neighbours": False}
            | {"options": {"window": 3, "padding": "valid", "dropout": None}},
            "--epochs=3 --early-stop=4 --mirror --model=book --learning-rate=0.02 --no-augment --balance=weights "
            "--precision=bfloat16 --risk=0.02 --no-neighbours --window=3 --padding=valid",
        ),
        (
            {"start_from": "mine.keras", "input_range": (-1.0, 1.0), "epochs": 5, "options": {"dropout": 0.1}},
            "--epochs=5 --from=mine.keras --input-range=-1,1 --dropout=0.1",
        ),
        ({"budget": 60.0, "options": {"widths": (16, 32, 64)}}, "--budget=60s --widths=16,32,64"),
    ],
)
def test_all_that_was_asked_is_asked_again(asked: dict[str, Any], options: str) -> None:
    assert words(**asked) == options.split()


def test_the_command_line_knows_every_option() -> None:
    asked = words(
        model="book", epochs=3, learning_rate=0.02, balance="weights", neighbours=False, images=100, risk=0.02
    )
    told = CliRunner().invoke(beholder, ["train", "no such folder", *asked])
    assert told.exit_code != 0
    assert "No such option" not in told.output


def test_the_folder_is_one_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "run-corrected").mkdir()
    command = retrain_command({"data": "digits"}, tmp_path / "run", FILE)
    assert shlex.split(command)[-1] == str(tmp_path / "run-corrected-2")

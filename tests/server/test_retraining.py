"""A person relies on: the command that the page shows asks for all that the run was asked for, with the corrections."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

import beholder
from beholder.cli import beholder as cli
from beholder.cli.train import train
from beholder.server.tabs.retraining import retrain_command
from beholder.sessions.request import TrainRequest

RUN, FILE = Path("runs/my run"), Path("runs/my run/corrections.csv")
NEW = ["--corrections", str(FILE), "--out", "runs/my run-corrected"]
ALL = {
    "learning_rate": 0.00123456789,
    "weight_decay": 3.0,
    "augment": False,
    "mirror": True,
    "early_stop": 4,
    "balance": "weights",
    "precision": "bfloat16",
    "risk": 0.00005,
    "target_recall": {"a = b": 0.95},
    "neighbours": False,
    "images": 100,
    "seed": 3,
    "colour": "rgb",
    "fit": "pad",
    "labels": "coarse",
    "batch_size": 16,
    "cache": "/a cache",
}


def command(data: str = "digits", **asked: Any) -> str:
    """The command for a run that was asked so, as its config keeps that."""
    return retrain_command(json.loads(json.dumps(TrainRequest.of(data, **asked).to_json())), RUN, FILE)


def as_typed() -> click.Context:
    """The command line's own settings: a command keeps the help option that it was first asked with."""
    return click.Context(cli, **cli.context_settings)


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"budget": 40.0}, "--budget 40s"),
        ({"budget": 1036800.0, "seed": 3, "colour": "rgb"}, "--budget 1036800s --colour rgb --seed 3"),
        (
            {"model": "book", "epochs": 3, **ALL, "options": {"window": 3, "padding": "valid", "dropout": None}},
            "--epochs 3 --early-stop 4 --images 100 --mirror --colour rgb --fit pad --labels coarse --cache '/a cache' "
            "--model book --batch-size 16 --learning-rate 0.00123456789 --weight-decay 3 --no-augment --balance "
            "weights --seed 3 --precision bfloat16 --risk 0.00005 '--target-recall=a = b=0.95' --no-neighbours "
            "--window 3 --padding valid",
        ),
        (
            {"start_from": "mine.keras", "input_range": (-1.0, 0.0000001), "epochs": 5, "options": {"dropout": 0.1}},
            "--epochs 5 --from mine.keras --input-range=-1,0.0000001 --dropout 0.1",
        ),
        ({"budget": 60.0, "options": {"widths": (16, 32, 64), "side": 32}}, "--budget 60s --widths=16,32,64 --side 32"),
    ],
)
def test_all_that_was_asked_is_asked_again(asked: dict[str, Any], options: str) -> None:
    words = shlex.split(command(**asked))
    assert words == ["beholder", "train", "digits", *shlex.split(options), *NEW]
    given = train.make_context("train", words[2:], parent=as_typed()).params
    expected = {**asked, **asked.get("options", {}), "data": "digits", "corrections": FILE}
    for name in expected.keys() - {"options"}:
        value = given[name]
        assert (str(value) if isinstance(value, Path) else value) == (
            str(expected[name]) if isinstance(expected[name], Path) else expected[name]
        ), name


def test_the_processes_of_one_machine_are_asked_again() -> None:
    config = {**TrainRequest.of("digits", epochs=2).to_json(), "processes": 4}
    assert "--processes 4" in retrain_command(config, RUN, FILE)


def test_what_the_command_line_cannot_say_is_said_in_python() -> None:
    assert command(epochs=2.5, model="linear") == (
        "beholder.train('digits', epochs=2.5, model='linear', corrections='runs/my run/corrections.csv', "
        "out='runs/my run-corrected')"
    )
    config = {**TrainRequest.of("digits", budget=40.0, seed=3).to_json(), "data": "arrays"}
    assert retrain_command(config, RUN, FILE).startswith("beholder.train((images, labels), budget=40.0, seed=3, ")
    config = {**TrainRequest.of("photos", budget=40.0).to_json(), "validation_given": True}
    told = retrain_command(config, RUN, FILE)
    assert told.startswith(f"beholder.train({config['data']!r}, validation=validation, budget=40.0, ")
    assert callable(beholder.train)


def test_the_folder_is_one_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "run-corrected").mkdir()
    told = retrain_command({"data": "digits"}, tmp_path / "run", FILE)
    assert shlex.split(told)[-1] == str(tmp_path / "run-corrected-2")

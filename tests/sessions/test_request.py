"""The command line, Python and the processes of a group ask for the same things, by the same names."""

from __future__ import annotations

import inspect
import json
import wave
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import beholder
from beholder.cli.train import train as train_command
from beholder.errors import RunError, UsageError
from beholder.report.reproduction import asked_of
from beholder.sessions.request import TrainRequest
from beholder.training.limits import DEFAULT_BUDGET

OPTIONS = {"dropout", "padding", "side", "stride", "widths", "window"}  # of networks, in the request's `options`
TOGETHER = {"processes", "coordinator", "process"}
CORRECTIONS = "path,action,label\ndigits/0001,drop,\ndigits/0002,relabel,7\n"


def asked() -> set[str]:
    return {one.name for one in fields(TrainRequest)}


def test_the_arguments_of_train_are_the_fields_of_the_request() -> None:
    arguments = inspect.signature(beholder.train).parameters.keys()
    assert arguments - {"listener", "progress", "validation"} - TOGETHER == asked()


def test_the_options_of_the_command_are_the_fields_of_the_request() -> None:
    options = {str(parameter.name) for parameter in train_command.params}
    of_the_command = {"resumed", "moved", "watching", "progress_kind", "as_json"}
    assert options - of_the_command - TOGETHER - OPTIONS == asked() - {"command", "options"}
    assert options >= OPTIONS


def test_the_defaults_of_train_are_those_of_the_request() -> None:
    request, arguments = TrainRequest("digits"), inspect.signature(beholder.train).parameters
    for name in asked() - {"data", "options", "corrections"}:
        assert arguments[name].default == getattr(request, name), name


def test_a_request_is_whole_after_it_was_kept_as_json(tmp_path: Path) -> None:
    (tmp_path / "corrections.csv").write_text(CORRECTIONS)
    request = TrainRequest.of(
        "digits",
        out=tmp_path / "run",
        plan=str(tmp_path / "events.jsonl"),
        cache="cache",
        input_range=(0.0, 1.0),
        corrections=tmp_path / "corrections.csv",
        risk=0.02,
        target_recall={"a=b": 0.95},
        options={"widths": [8, 8, 16], "dropout": None},
    )
    assert request.cache == Path("cache").resolve()
    assert len(request.corrections.lines) == 2
    kept = json.loads(json.dumps({"schema": 2, **request.to_json(), "settings": {}}))
    assert TrainRequest.from_json(kept) == request


def test_what_a_source_was_opened_with_is_asked_for_again(tmp_path: Path) -> None:
    red = np.zeros((4, 8, 8, 3), np.uint8), ["a", "b"] * 2
    assert TrainRequest.of(beholder.open_source(red, colour="grey"), epochs=1).colour == "grey"
    assert TrainRequest.of(beholder.open_source(red), epochs=1, colour="grey").colour == "grey"
    for label in "ab":
        (tmp_path / "data" / label).mkdir(parents=True)
        for take in range(3):
            sound = np.random.default_rng(take).integers(-9999, 9999, 8000).astype("<i2")
            with wave.open(str(tmp_path / "data" / label / f"{take}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(sound.tobytes())
    source = beholder.open_source(tmp_path / "data", seconds=0.5, cache=tmp_path / "cache")
    request = TrainRequest.of(source, epochs=1)
    assert request.seconds == 0.5
    assert asked_of(request.to_json()) == {"epochs": 1, "seconds": 0.5}
    assert TrainRequest.of(beholder.open_source(tmp_path / "data", cache=tmp_path / "cache"), epochs=1).seconds is None


@pytest.mark.parametrize(
    "change", [{"risk": "much"}, {"corrections": None}, {"options": 5}, {"out": 7}, {"input_range": 1}]
)
def test_a_damaged_request_is_told_in_one_sentence(change: dict[str, object]) -> None:
    with pytest.raises(RunError, match=r"^What config\.json keeps is damaged .*; train again into a new folder\.$"):
        TrainRequest.from_json({**TrainRequest("digits").to_json(), **change})


def test_a_run_from_before_there_were_tables_groups_and_targets_is_understood() -> None:
    document = TrainRequest.of("digits", model="linear", epochs=1).to_json()
    new = {"target_recall", "target_precision", "augmentation", "group_pattern", "group_column", "path_column"}
    older = {name: value for name, value in document.items() if name not in new}
    assert TrainRequest.from_json(older) == TrainRequest.from_json(document)


def test_a_budget_is_ten_minutes_where_it_chooses_the_network_and_nothing_else_says_how_long() -> None:
    assert TrainRequest.of("digits").budget == DEFAULT_BUDGET == 600
    for given in ({"epochs": 3}, {"model": "linear"}, {"plan": "events.jsonl"}):
        assert TrainRequest.of("digits", **given).budget is None
    with pytest.raises(UsageError, match=r"give a budget \(5 s\) or epochs \(3\), not both"):
        TrainRequest.of("digits", budget=5, epochs=3)


@pytest.mark.parametrize(
    ("given", "automatic"),
    [
        ({}, True),
        ({"model": "fast"}, False),
        ({"options": {"widths": (8, 8, 8)}}, False),
        ({"options": {"dropout": 0.1, "side": None}}, True),
        ({"start_from": "run"}, False),
    ],
)
def test_a_budget_chooses_the_network_unless_something_else_did(given: dict[str, Any], automatic: bool) -> None:
    assert TrainRequest.of("digits", **given).automatic is automatic

"""How a run on a budget spent it, and the commands that make the same run again."""

from __future__ import annotations

import shlex
from collections.abc import Container, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from beholder.data.tables.columns import TABLE_OPTIONS
from beholder.report import words
from beholder.report.reading import RunFiles

# What the config keeps of what was asked, in the order in which `beholder train --help` tells it, but for corrections
# and the RUN folder; and what it is where the person did not say.
_ASKED = (
    *("budget", "epochs", "early_stop", "folds", "plan", "images", "mirror", "colour", "fit", "seconds", "labels"),
    *("cache", "path_column", "label_column", "split_column", "group_column", "image_root", "group_pattern", "model"),
    *("start_from", "input_range", "batch_size", "learning_rate", "weight_decay"),
    *("augment", "augmentation", "balance", "seed"),
    *("precision", "processes", "risk", "target_recall", "target_precision", "neighbours"),
)
_USUAL = {"model": "auto", "colour": "auto", "labels": "fine", "neighbours": True}
_OF_A_PLAN = frozenset(  # all else is in the plan
    (
        *("images", "colour", "fit", "seconds", "labels", "cache", "path_column", "label_column", "split_column"),
        *("image_root", "group_column", "group_pattern", "risk", "target_recall", "target_precision", "neighbours"),
    )
)


def budget_in_words(run: RunFiles) -> str | None:
    """The budget, the network and the epochs that were planned for it, and the plans after that; None without one."""
    budget, planned = run.config.get("budget"), run.config.get("forecast")
    if budget is None:
        return None
    sentence = f"Budget {words.duration(budget)}"
    if planned is None:  # killed before it was measured
        return f"{sentence}."
    network = "/".join(map(str, planned["widths"])) if planned["widths"] else run.config["model"]
    sentence += f": planned {network} at {planned['side']} px for {words.plural(planned['epochs'], 'epoch')}"
    replans = [event for event in run.events if event["event"] == "replan"]
    if not replans:
        return f"{sentence}; the plan was kept."
    steps = words.plural(replans[-1]["steps"], "step")
    return f"{sentence}; the plan was updated {words.plural(len(replans), 'time')}, in the end to {steps}."


def plan_command(run: RunFiles) -> str | None:
    """The command that follows the plan of a finished run on a budget; None where no command does."""
    config = run.config
    ended = any(event["event"] == "end" and "schedule" in event for event in run.events)
    python = config["data"] == "arrays" or config.get("validation_given")  # which no command names
    if config.get("budget") is None or config.get("folds") is not None or not ended or python:
        return None
    corrections = _corrections(config)
    asked = {"plan": f"{run.path.name}/events.jsonl", **asked_of(config, _OF_A_PLAN)}
    return train_command(config["data"], asked if corrections is None else asked | {"corrections": corrections})


def asked_of(config: dict[str, Any], names: Container[str] = _ASKED) -> dict[str, Any]:
    """What was asked of a run by its `config`, as far as it is among `names`, by the names of `beholder.train`."""
    asked = {name: config.get(name) for name in _ASKED if name in names}
    asked |= config.get("options", {}) if names is _ASKED else {}
    return {name: value for name, value in asked.items() if value not in (None, _USUAL.get(name))}


def train_command(data: str, asked: Mapping[str, Any], *, validation_given: bool = False) -> str:
    """What a person writes to train on `data`, a name, a path or `arrays`, as `asked`, by the names of `train`.

    A call of Python's where the command line cannot say it: data or a validation set that were given there, and a
    fraction of an epoch.
    """
    if data != "arrays" and not validation_given and not isinstance(asked.get("epochs"), float):
        options = [word for name, value in asked.items() for word in _option(name, value)]
        return shlex.join(["beholder", "train", data, *options])
    # Columns are those of a table in Python, such as a data frame.
    unnamed = "data" if any(name in asked for name in TABLE_OPTIONS) else "(images, labels)"
    first = unnamed if data == "arrays" else repr(data)
    given = [first, *["validation=validation"] * validation_given]
    return f"beholder.train({', '.join([*given, *(f'{name}={value!r}' for name, value in asked.items())])})"


def _option(name: str, value: Any) -> list[str]:
    option = "from" if name == "start_from" else name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if isinstance(value, dict):  # a target: a class name, which may hold anything, and a share
        return [f"--{option}={class_name}={_decimal(share)}" for class_name, share in value.items()]
    if isinstance(value, list | tuple):  # `widths`, and `input_range`, which may begin with a minus
        return [f"--{option}={','.join(map(_decimal, value))}"]
    if isinstance(value, int | float):
        return [f"--{option}", _decimal(value) + "s" * (name == "budget")]
    return [f"--{option}", str(value)]


def _decimal(number: float) -> str:
    """The number with all of its digits and without an exponent."""
    return str(number) if isinstance(number, int) else np.format_float_positional(number, trim="-")


def _corrections(config: dict[str, Any]) -> str | None:
    """The file of the corrections that the run obeyed: the config keeps these, and the command their place."""
    if not config.get("corrections", {}).get("lines"):
        return None
    told = shlex.split(str(config.get("command") or ""))
    after = [value for option, value in pairwise(told) if option == "--corrections"]
    joined = [word.partition("=")[2] for word in told if word.startswith("--corrections=")]
    return next(iter([*after, *joined]), "FILE.csv")

"""The command that trains a run again, as it was asked for, with the corrections that were made since."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from beholder.data.corrections import train_command

# What the config keeps of the request, in the order in which `beholder train --help` tells it; None was not asked for.
_ASKED = (
    *("budget", "epochs", "early_stop", "plan", "images", "mirror", "colour", "labels", "cache", "model", "start_from"),
    *("input_range", "batch_size", "learning_rate", "weight_decay", "augment", "balance", "seed", "precision", "risk"),
    "neighbours",
)
_NAMES = {"start_from": "from"}  # options that have another name than in Python
_USUAL = {"model": "auto", "colour": "auto", "labels": "fine", "neighbours": True}


def retrain_command(config: dict[str, Any], run: Path, corrections: Path) -> str:
    """All that was asked of the run, with the file `corrections` and a new folder beside `run`."""
    data = str(config["data"])
    if data == "arrays":
        return train_command(data, str(corrections))
    asked = {name: config.get(name) for name in _ASKED} | config.get("options", {})
    options = [_option(name, value) for name, value in asked.items() if value not in (None, _USUAL.get(name))]
    new = ["--corrections", str(corrections), "--out", str(_free(run))]
    return shlex.join(["beholder", "train", data, *options, *new])


def _option(name: str, value: Any) -> str:
    option = _NAMES.get(name, name).replace("_", "-")
    if isinstance(value, bool):
        return f"--{option}" if value else f"--no-{option}"
    if isinstance(value, list | tuple):  # `widths`, and `input_range`, which may begin with a minus
        return f"--{option}={','.join(f'{one:g}' for one in value)}"
    if isinstance(value, float):
        return f"--{option}={value:g}{'s' * (name == 'budget')}"
    return f"--{option}={value}"


def _free(run: Path) -> Path:
    """A name for a new folder beside `run`."""
    wanted = run.with_name(f"{run.resolve().name}-corrected") if run.name else run.resolve().with_name("corrected")
    number = 2
    free = wanted
    while free.exists():
        free, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return free

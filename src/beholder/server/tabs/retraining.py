"""The command that trains a run again, as it was asked for, with the corrections that were made since."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from beholder.report.reproduction import asked_of, options_of


def retrain_command(config: dict[str, Any], run: Path, corrections: Path) -> str:
    """All that was asked of the run, with the file `corrections` and a new folder beside `run`.

    A call of Python's where the command line cannot say it: arrays, a validation set beside the data, and a fraction of
    an epoch. Processes on several machines are left out.
    """
    data, asked = str(config["data"]), asked_of(config)
    new = {"corrections": str(corrections), "out": str(_free(run))}
    given = bool(config.get("validation_given"))
    if data == "arrays" or given or isinstance(asked.get("epochs"), float):
        first = ["(images, labels)" if data == "arrays" else repr(data), *["validation=validation"] * given]
        return f"beholder.train({', '.join([*first, *(f'{name}={value!r}' for name, value in (asked | new).items())])})"
    return shlex.join(["beholder", "train", data, *options_of(asked | new)])


def _free(run: Path) -> Path:
    """A name for a new folder beside `run`."""
    wanted = run.with_name(f"{run.resolve().name}-corrected") if run.name else run.resolve().with_name("corrected")
    number = 2
    free = wanted
    while free.exists():
        free, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return free

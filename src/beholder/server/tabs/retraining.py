"""The command that trains a run again, as it was asked for, with the corrections that were made since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beholder.report.reproduction import asked_of, train_command


def retrain_command(config: dict[str, Any], run: Path, corrections: Path) -> str:
    """All that was asked of the run, with the file `corrections` and a new folder beside `run`.

    Processes on several machines are left out.
    """
    new = {"corrections": str(corrections), "out": str(_free(run))}
    given = bool(config.get("validation_given"))
    return train_command(str(config["data"]), asked_of(config) | new, validation_given=given)


def _free(run: Path) -> Path:
    """A name for a new folder beside `run`."""
    wanted = run.with_name(f"{run.resolve().name}-corrected") if run.name else run.resolve().with_name("corrected")
    number = 2
    free = wanted
    while free.exists():
        free, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return free

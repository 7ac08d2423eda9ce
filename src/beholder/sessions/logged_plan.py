"""The plan that a run followed, read from its event log to be replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.data.kinds import named
from beholder.errors import UsageError
from beholder.runs.events import read_events
from beholder.training.settings import Settings


def logged_plan(path: Path) -> tuple[Settings, list[tuple[int, int]]]:
    """The settings of the run whose event log is at `path`, and the pairs of the `Schedule` that it followed.

    Raises:
        UsageError: the log tells no finished or stopped run.
    """
    events = read_events(path)
    settings = [event["settings"] for event in events if event["event"] == "start" and "settings" in event]
    schedules = [event["schedule"] for event in events if event["event"] in ("end", "stopped") and "schedule" in event]
    if any("plans" in event for event in events):
        raise UsageError(f"{str(path)!r} was written by Beholder 0.1, which this version does not read; train again.")
    if not settings or not schedules or not _is_schedule(schedules[-1]):
        raise UsageError(f"{str(path)!r} holds no plan; give the events.jsonl of a run that finished.")
    return Settings.from_json(settings[-1]), [(step, steps) for step, steps in schedules[-1]]


def other_images(plan: Path | None, train: Dataset) -> list[str]:
    """One sentence where the plan was made for files of another number or shape; it is followed all the same.

    Raises:
        UsageError: it was made for images and these are sounds, or the other way round.
    """
    events = [] if plan is None else read_events(plan)
    made = next((event.get("summary") for event in reversed(events) if event["event"] == "start"), None)
    if not isinstance(made, dict) or not {"train_images", "image_shape"} <= made.keys():
        return []
    if made.get("kind", "image") != train.file_kind.name:
        raise UsageError(
            f"The plan is of a training on {named(made.get('kind', 'image')).plural}, and these are "
            f"{train.file_kind.plural}; leave --plan out."
        )
    count, shape = made["train_images"], made["image_shape"]
    if (count, shape) == (len(train.files), list(train.image_shape)):
        return []
    return [
        f"The plan was made for {count} training {train.file_kind.plural} of shape {shape}; its steps and resolution "
        f"are followed on these {len(train.files)} of shape {list(train.image_shape)}."
    ]


def _is_schedule(pairs: Any) -> bool:
    """Whether `pairs` are as a `Schedule` has them: a step, and a larger number of steps in all."""
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        return False
    if not all(isinstance(number, int) for pair in pairs for number in pair):
        return False
    if pairs == [[0, 0]]:  # of a run that had time for a first answer only
        return True
    return pairs[0][0] == 0 and all(step < steps for step, steps in pairs)

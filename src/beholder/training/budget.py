"""From a budget of seconds to settings and a deadline: measure the machine, choose a network, leave time to close."""

from __future__ import annotations

import datetime
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.models import build
from beholder.training.calibration import Calibration, calibrate, measure, multiply_adds
from beholder.training.plan import Choice, choose
from beholder.training.settings import Settings

CALIBRATION_SHARE = 0.05  # of the budget may go into measuring
JUDGING_COST = 0.4  # of a training step's time, for a picture that is only looked at


@dataclass(frozen=True)
class Budgeted:
    """A run planned to fit its budget.

    Attributes:
        settings: the network, its epochs and all else.
        until: when the last step must be done, on the clock of `time.monotonic`; None where the data is so small that
            the run ends by its epochs before.
        calibration: of this machine, to be kept with the closing time that the run then takes.
        summary: what will be done, JSON-ready, for the plan that is shown and kept.
    """

    settings: Settings
    until: float | None
    calibration: Calibration
    summary: dict[str, Any]


def plan_budget(
    settings: Settings, train: Dataset, cache: Path, *, automatic: bool, budget: float, started: float
) -> Budgeted:
    """Plan a run that ends `budget` seconds after `started`.

    Args:
        settings: what the person asked for; epochs, and where `automatic` the network's widths, are replaced.
        train: the train part.
        cache: where the machine's speed is kept.
        automatic: whether the plan may choose the widths and resolution of `fast`.
        budget: seconds from `started` to the written report.
        started: on the clock of `time.monotonic`.

    Raises:
        UsageError: the budget is too short; the sentence says what would do.
    """
    shape = train.picture_shape
    calibration = calibrate(cache, shape, settings.dtype, seconds=CALIBRATION_SHARE * budget)
    until = started + budget - calibration.closing_seconds
    remaining = until - time.monotonic()

    def rate(widths: tuple[int, int, int], side: int) -> float:
        return calibration.rate(multiply_adds(shape, widths, side))

    if automatic:
        choice = choose(remaining, len(train), min(shape[:2]), rate)
        options = {**settings.options, "widths": list(choice.widths), "side": choice.side}
    else:
        choice = _fixed(settings, train, remaining)
        options = settings.options
    planned = replace(settings, recipe=replace(settings.recipe, epochs=choice.epochs), options=options)
    # A choice far below what remains is a small data set that would only be memorised.
    free = choice.seconds < 0.9 * remaining
    return Budgeted(
        planned, None if free else until, calibration, _summary(choice, planned, calibration, budget, train)
    )


def _fixed(settings: Settings, train: Dataset, seconds: float) -> Choice:
    """So many epochs of the network that the person chose."""
    model = build(settings.model, train.picture_shape, 2, dtype=settings.dtype, **settings.options)
    _, a_picture = measure(model, settings.recipe)
    epochs = max(seconds / a_picture / len(train), 0.01)
    return Choice((0, 0, 0), min(train.picture_shape[:2]), round(epochs, 2), seconds)


def _summary(
    choice: Choice, settings: Settings, calibration: Calibration, budget: float, train: Dataset
) -> dict[str, Any]:
    ends = datetime.datetime.now() + datetime.timedelta(seconds=choice.seconds + calibration.closing_seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return {
        "budget_seconds": budget,
        "widths": settings.options.get("widths"),
        "side": choice.side,
        "epochs": choice.epochs,
        "training_seconds": round(choice.seconds, 1),
        "pictures_per_second": round(choice.epochs * len(train) / choice.seconds),
        "ends": f"{ends:%H:%M:%S}",
        "memory_gb": round(peak, 1),
        "matrix_product_gflops": calibration.ceiling,
    }

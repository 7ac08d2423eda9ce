"""From a budget of seconds to settings and a deadline: measure the machine, choose a network, leave time to close."""

from __future__ import annotations

import datetime
import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models import MODELS, build
from beholder.models.smaller import small_side
from beholder.training.calibration import Calibration, calibrate, cost_of_fast, measure
from beholder.training.plan import Choice, TooShortError, Widths, choose, epochs_of
from beholder.training.settings import Settings
from beholder.training.stages import mean_cost

CALIBRATION_SHARE = 0.1  # of the budget may go into measuring, once on each machine
MOST_CLOSING = 0.3  # of the budget is kept for packing, however long that took when the machine was last busy


def plan_budget(
    settings: Settings, train: Dataset, folder: Path, *, automatic: bool, budget: float, started: float
) -> tuple[Settings, dict[str, Any]]:
    """Plan a run that ends `budget` seconds after `started`.

    Args:
        settings: what the person asked for; epochs, and where `automatic` the network's widths, are replaced.
        train: the train part.
        folder: the cache, where the machine's speed is kept.
        automatic: whether the plan may choose the widths and resolution of `fast`.
        budget: seconds from `started` to the written report.
        started: on the clock of `time.monotonic`.

    Returns:
        The settings, and what will be done, JSON-ready, to be shown and kept.

    Raises:
        UsageError: the budget is too short; the sentence says what would do.
    """
    shape = train.picture_shape
    calibration = calibrate(folder, shape, settings.dtype, seconds=CALIBRATION_SHARE * budget)
    calibration = calibration.closing_within(MOST_CLOSING * budget)
    try:
        if automatic:
            remaining = started + budget - calibration.closing_seconds - time.monotonic()
            choice = choose(remaining, len(train), min(shape[:2]), rates(calibration, shape))
            options = {**settings.options, "widths": choice.widths, "side": choice.side}
            settings = replace(settings, options=options).fitted(len(train), shape)
        else:
            calibration, speed = _speed_of_chosen(settings, shape, calibration)
            remaining = started + budget - calibration.closing_seconds - time.monotonic()
            choice = epochs_of(remaining, len(train), min(shape[:2]), speed)
    except TooShortError as error:
        # Of a longer budget packing and measuring may take their shares too.
        shortest = math.ceil(budget + error.more / (1 - MOST_CLOSING - CALIBRATION_SHARE))
        raise UsageError(
            f"A budget of {budget:g} s is too short: {len(train):,} pictures need one of {shortest} s at least on this "
            "machine; give that, or fewer pictures."
        ) from error
    planned = replace(settings, recipe=replace(settings.recipe, epochs=choice.epochs))
    return planned, {**_summary(choice, calibration, len(train)), "budget_seconds": budget}


def _speed_of_chosen(
    settings: Settings, shape: tuple[int, int, int], calibration: Calibration
) -> tuple[Calibration, float]:
    """Pictures per second of the network that the person chose, and what is known of packing it."""
    model = build(settings.model, shape, 2, dtype=settings.dtype, **settings.options)
    _, a_picture = measure(model, settings.recipe)
    a_picture *= 1.0 if settings.initial is not None else mean_cost(settings.recipe, min(shape[:2]))
    if settings.own_file is not None:
        calibration = calibration.closing_of(settings.own_file, len(model.layers))
    return calibration, 1 / a_picture


def rates(calibration: Calibration, shape: tuple[int, int, int]) -> Callable[[Widths, int], float]:
    """From widths and side of `fast` to the pictures of `shape` that a whole run on this machine sees in a second."""

    def rate(widths: Widths, side: int) -> float:
        return calibration.rate(cost_of_fast(shape, widths, side)) / mean_cost(MODELS["fast"], side)

    return rate


def _summary(choice: Choice, calibration: Calibration, pictures: int) -> dict[str, Any]:
    ends = datetime.datetime.now() + datetime.timedelta(seconds=choice.seconds + calibration.closing_seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return {
        "widths": choice.widths,
        "side": choice.side,
        "first_side": None if choice.widths is None else small_side(choice.side),
        "epochs": choice.epochs,
        "training_seconds": round(choice.seconds, 1),
        "closing_seconds": calibration.closing_seconds,
        "pictures_per_second": round(choice.epochs * pictures / choice.seconds),
        "ends": f"{ends:%H:%M:%S}",
        "memory_gb": round(peak, 1),
        "matrix_product_gflops": calibration.ceiling,
    }

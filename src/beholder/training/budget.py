"""From a budget of seconds to settings and a deadline: measure the machine, choose a network, leave time to close."""

from __future__ import annotations

import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models import MODELS, build
from beholder.training.calibration import Calibration, calibrate, calibrate_chosen, cost_of_fast
from beholder.training.plan import Choice, TooShortError, Widths, choose, epochs_of
from beholder.training.settings import Settings
from beholder.training.stages import mean_cost

CALIBRATION_SHARE = 0.1  # of the budget may go into measuring, once on each machine
MOST_CLOSING = 0.3  # of the budget is kept for packing, however long that took when the machine was last busy

# The machine as measured; from seconds of training to what is trained in them; from the most seconds that packing may
# take to those that it is expected to.
Known = tuple[Calibration, Callable[[float], Choice], Callable[[float], float]]


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
    began = time.monotonic()
    measured = _measured_for_auto if automatic else _measured_for_chosen
    calibration, choice_in, closing_within = measured(settings, train, folder, CALIBRATION_SHARE * budget)
    now, closing = time.monotonic(), closing_within(MOST_CLOSING * budget)
    try:
        choice = choice_in(started + budget - closing - now)
    except TooShortError as error:
        shortest = _shortest(began - started + error.needed, closing_within)
        raise UsageError(
            f"A budget of {budget:g} s is too short: {len(train):,} pictures need one of {shortest} s at least on this "
            "machine; give that, or fewer pictures."
        ) from error
    shape = train.picture_shape
    if automatic:
        options = {**settings.options, "widths": choice.widths, "side": choice.side}
        settings = replace(settings, options=options).fitted(len(train), shape)
    settings = replace(settings, recipe=replace(settings.recipe, epochs=choice.epochs))
    summary = _summary(settings, choice, shape, len(train), closing)
    return settings, {**summary, "matrix_product_gflops": calibration.ceiling, "budget_seconds": budget}


def _measured_for_auto(settings: Settings, train: Dataset, folder: Path, seconds: float) -> Known:
    """What is known after measuring for so many `seconds`, where the plan chooses the network."""
    shape = train.picture_shape
    calibration = calibrate(folder, shape, settings.dtype, seconds=seconds)
    choice_in = partial(choose, pictures=len(train), side=min(shape[:2]), rate=rates(calibration, shape))
    return calibration, choice_in, calibration.closing_seconds


def _measured_for_chosen(settings: Settings, train: Dataset, folder: Path, seconds: float) -> Known:
    """The same where the person chose it."""
    shape = train.picture_shape
    side, first_side = settings.sides(shape)
    model = build(settings.model, shape, 2, dtype=settings.dtype, **settings.options)
    calibration, a_picture = calibrate_chosen(folder, shape, settings, model, seconds=seconds)
    if first_side is not None:
        a_picture *= mean_cost(settings.recipe, side)
    choice_in = partial(epochs_of, pictures=len(train), side=side, rate=1 / a_picture)
    layers = len(model.layers)
    return calibration, choice_in, partial(calibration.closing_seconds, file=settings.own_file, layers=layers)


def _shortest(needed: float, closing_within: Callable[[float], float]) -> int:
    """The least budget, in whole seconds, that leaves the seconds `needed` beside measuring and packing."""

    def left(budget: int) -> float:
        return budget * (1 - CALIBRATION_SHARE) - closing_within(MOST_CLOSING * budget)

    return bisect_left(range(10**9), needed, key=left)


def rates(calibration: Calibration, shape: tuple[int, int, int]) -> Callable[[Widths, int], float]:
    """From widths and side of `fast` to the pictures of `shape` that a whole run on this machine sees in a second."""

    def rate(widths: Widths, side: int) -> float:
        return calibration.rate(cost_of_fast(shape, widths, side)) / mean_cost(MODELS["fast"], side)

    return rate


def _summary(
    settings: Settings, choice: Choice, shape: tuple[int, int, int], pictures: int, closing: float
) -> dict[str, Any]:
    side, first_side = settings.sides(shape)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return {
        "widths": settings.options.get("widths"),
        "side": side,
        "first_side": first_side,
        "epochs": choice.epochs,
        "training_seconds": round(choice.seconds, 1),
        "closing_seconds": round(closing, 2),
        "pictures_per_second": round(choice.epochs * pictures / choice.seconds),
        "memory_gb": round(peak, 1),
    }

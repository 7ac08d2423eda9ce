"""From a budget of seconds to settings and a deadline: measure the machine, choose a network, leave time to close."""

from __future__ import annotations

import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models import MODELS, build
from beholder.training.budget.forecast import (
    NARROWEST,
    Forecast,
    GroupWidths,
    choose_network,
    forecast_epochs,
    least_seconds,
    sides,
)
from beholder.training.budget.machine_speed import Calibration, calibrate, calibrate_chosen, cost_of_fast
from beholder.training.budget.stage_costs import mean_cost
from beholder.training.export.onnx_layers import knows
from beholder.training.settings import Settings

CALIBRATION_SHARE = 0.1  # of the budget may go into measuring, once on each machine
_ANSWER = 1.0  # of the time of training on an image, for one of the validation set: two views, in float32 and in int8
MOST_CLOSING = 0.3  # of the budget is kept for packing, however long that took when the machine was last busy


@dataclass(frozen=True)
class Machine:
    """What was measured, and what follows from it for one network or for the networks to choose from."""

    calibration: Calibration  # as measured
    needed: float  # seconds of training that the least run takes
    forecast: Callable[[float], Forecast]  # from seconds of training to what they buy
    # From the most seconds that packing may take to those that it is expected to
    closing_within: Callable[[float], float]
    # Measures what else the forecast profits from, in the seconds to spare, or fewer
    measure_more: Callable[[float], object]


def allocate_budget(
    settings: Settings,
    train: Dataset,
    folder: Path,
    *,
    automatic: bool,
    budget: float,
    started: float,
    validation: int = 0,
) -> tuple[Settings, dict[str, Any]]:
    """Divide a budget, so that a run ends `budget` seconds after `started`.

    Args:
        settings: what the person asked for; epochs, and where `automatic` the network's widths, are replaced.
        train: the training set.
        folder: the cache, where the machine's speed is kept.
        automatic: whether widths and resolution of `fast` may be chosen.
        budget: seconds from `started` to the written report.
        started: on the clock of `time.monotonic`.
        validation: images of the validation set, all of which are answered while the model is packed.

    Returns:
        The settings, and a summary of what will be done, JSON-ready, to be shown and kept.

    Raises:
        UsageError: the budget is too short; the sentence says what would do.
    """
    measured = _measured_for_auto if automatic else partial(_measured_for_chosen, validation=validation)
    # What measuring takes now it does not take next time: the shortest budget is the same before and after.
    spent = time.monotonic() - started
    machine = measured(settings, train, folder, CALIBRATION_SHARE * budget)
    shortest = shortest_budget(spent, machine.needed, machine.closing_within)
    if budget < shortest:
        raise UsageError(
            f"A budget of {budget:g} s is too short: {len(train):,} images need one of {shortest} s at least on this "
            "machine; give that, or fewer images."
        )
    machine.measure_more(budget - shortest)
    now, closing = time.monotonic(), machine.closing_within(MOST_CLOSING * budget)
    # What suffices was decided above, whatever the measurements took since.
    forecast = machine.forecast(max(started + budget - closing - now, machine.needed))
    shape = train.image_shape
    if automatic:
        options = {**settings.options, "widths": forecast.widths, "side": forecast.side}
        settings = replace(settings, options=options).fitted(len(train), shape)
    settings = replace(settings, recipe=replace(settings.recipe, epochs=forecast.epochs))
    side, first_side = settings.sides(shape)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return settings, {
        "widths": settings.options.get("widths"),
        "side": side,
        "first_side": first_side,
        "epochs": forecast.epochs,
        "training_seconds": round(forecast.seconds, 1),
        "closing_seconds": round(closing, 2),
        "images_per_second": round(forecast.epochs * len(train) / forecast.seconds),
        "memory_gb": round(peak, 1),
        "matrix_product_gflops": machine.calibration.ceiling,
        "budget_seconds": budget,
    }


def _measured_for_auto(settings: Settings, train: Dataset, folder: Path, seconds: float) -> Machine:
    """Where the network may be chosen: the narrowest is measured at once, and others where there is time."""
    shape, until = train.image_shape, time.monotonic() + seconds
    calibration = calibrate(folder, shape, settings.dtype, seconds=0)
    side, rate = min(shape[:2]), rates(calibration, shape)

    def measure_more(spare: float) -> None:
        most = min(spare, until - time.monotonic())
        calibrate(folder, shape, settings.dtype, seconds=most, known=calibration)

    return Machine(
        calibration,
        least_seconds(len(train), rate(NARROWEST, sides(side)[-1])),
        partial(choose_network, images=len(train), side=side, rate=rate),
        calibration.closing_seconds,
        measure_more,
    )


def _measured_for_chosen(
    settings: Settings, train: Dataset, folder: Path, seconds: float, *, validation: int
) -> Machine:
    """Where the person chose it."""
    shape = train.image_shape
    side, first_side = settings.sides(shape)
    model = build(settings.model, shape, 2, dtype=settings.dtype, **settings.options)
    calibration, an_image = calibrate_chosen(folder, shape, settings, model, seconds=seconds)
    answering = _ANSWER * an_image * validation
    if first_side is not None:
        an_image *= mean_cost(settings.recipe, side)
    return Machine(
        calibration,
        least_seconds(len(train), 1 / an_image),
        partial(forecast_epochs, images=len(train), side=side, rate=1 / an_image),
        partial(
            calibration.closing_seconds,
            kind=settings.packed_like,
            layers=len(model.layers),
            converted=not knows(model),
            answering=answering,
        ),
        lambda _: None,
    )


def shortest_budget(spent: float, needed: float, closing_within: Callable[[float], float]) -> int:
    """The least budget, in whole seconds, that leaves the seconds `needed` beside those `spent` before and packing."""

    def left(budget: int) -> float:
        return budget - spent - closing_within(MOST_CLOSING * budget)

    return bisect_left(range(10**9), needed, lo=1, key=left)


def rates(calibration: Calibration, shape: tuple[int, int, int]) -> Callable[[GroupWidths, int], float]:
    """From widths and side of `fast` to the images of `shape` that a whole run on this machine sees in a second."""

    def rate(widths: GroupWidths, side: int) -> float:
        return calibration.rate(cost_of_fast(shape, widths, side)) / mean_cost(MODELS["fast"], side)

    return rate

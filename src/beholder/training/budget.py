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
from beholder.training.calibration import Calibration, calibrate, calibrate_chosen, cost_of_fast
from beholder.training.onnx_layers import knows
from beholder.training.plan import NARROWEST, Choice, Widths, choose, epochs_of, least_seconds, sides
from beholder.training.settings import Settings
from beholder.training.stage_costs import mean_cost

CALIBRATION_SHARE = 0.1  # of the budget may go into measuring, once on each machine
MOST_CLOSING = 0.3  # of the budget is kept for packing, however long that took when the machine was last busy


@dataclass(frozen=True)
class Machine:
    """What was measured, and what follows from it for one network or for the networks to choose from.

    Attributes:
        calibration: as measured.
        needed: seconds of training that the least run takes.
        choice_in: from seconds of training to what is trained in them.
        closing_within: from the most seconds that packing may take to those that it is expected to.
        measure_more: measures what else the plan profits from, in the seconds to spare, or fewer.
    """

    calibration: Calibration
    needed: float
    choice_in: Callable[[float], Choice]
    closing_within: Callable[[float], float]
    measure_more: Callable[[float], object]


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
    measured = _measured_for_auto if automatic else _measured_for_chosen
    # What measuring takes now it does not take next time: the shortest budget is the same before and after.
    spent = time.monotonic() - started
    machine = measured(settings, train, folder, CALIBRATION_SHARE * budget)
    shortest = shortest_budget(spent, machine.needed, machine.closing_within)
    if budget < shortest:
        raise UsageError(
            f"A budget of {budget:g} s is too short: {len(train):,} pictures need one of {shortest} s at least on this "
            "machine; give that, or fewer pictures."
        )
    machine.measure_more(budget - shortest)
    now, closing = time.monotonic(), machine.closing_within(MOST_CLOSING * budget)
    # What suffices was decided above, whatever the measurements took since.
    choice = machine.choice_in(max(started + budget - closing - now, machine.needed))
    shape = train.picture_shape
    if automatic:
        options = {**settings.options, "widths": choice.widths, "side": choice.side}
        settings = replace(settings, options=options).fitted(len(train), shape)
    settings = replace(settings, recipe=replace(settings.recipe, epochs=choice.epochs))
    summary = _summary(settings, choice, shape, len(train), closing)
    return settings, {**summary, "matrix_product_gflops": machine.calibration.ceiling, "budget_seconds": budget}


def _measured_for_auto(settings: Settings, train: Dataset, folder: Path, seconds: float) -> Machine:
    """Where the plan chooses the network: the narrowest is measured at once, and others where there is time."""
    shape, until = train.picture_shape, time.monotonic() + seconds
    calibration = calibrate(folder, shape, settings.dtype, seconds=0)
    side, rate = min(shape[:2]), rates(calibration, shape)

    def measure_more(spare: float) -> None:
        most = min(spare, until - time.monotonic())
        calibrate(folder, shape, settings.dtype, seconds=most, known=calibration)

    return Machine(
        calibration,
        least_seconds(len(train), rate(NARROWEST, sides(side)[-1])),
        partial(choose, pictures=len(train), side=side, rate=rate),
        calibration.closing_seconds,
        measure_more,
    )


def _measured_for_chosen(settings: Settings, train: Dataset, folder: Path, seconds: float) -> Machine:
    """Where the person chose it."""
    shape = train.picture_shape
    side, first_side = settings.sides(shape)
    model = build(settings.model, shape, 2, dtype=settings.dtype, **settings.options)
    calibration, a_picture = calibrate_chosen(folder, shape, settings, model, seconds=seconds)
    if first_side is not None:
        a_picture *= mean_cost(settings.recipe, side)
    return Machine(
        calibration,
        least_seconds(len(train), 1 / a_picture),
        partial(epochs_of, pictures=len(train), side=side, rate=1 / a_picture),
        partial(
            calibration.closing_seconds, file=settings.own_file, layers=len(model.layers), converted=not knows(model)
        ),
        lambda _: None,
    )


def shortest_budget(spent: float, needed: float, closing_within: Callable[[float], float]) -> int:
    """The least budget, in whole seconds, that leaves the seconds `needed` beside those `spent` before and packing."""

    def left(budget: int) -> float:
        return budget - spent - closing_within(MOST_CLOSING * budget)

    return bisect_left(range(10**9), needed, lo=1, key=left)


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

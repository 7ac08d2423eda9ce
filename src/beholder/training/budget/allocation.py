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
from beholder.training.budget.fine_tuning import SIDES, Tuning, sides_of
from beholder.training.budget.forecast import (
    NARROWEST,
    Forecast,
    GroupWidths,
    choose_network,
    forecast_epochs,
    least_seconds,
    sides,
)
from beholder.training.budget.machine_speed import (
    Calibration,
    calibrate,
    calibrate_chosen,
    cost_of_fast,
    multiply_adds,
)
from beholder.training.budget.packing import Packing
from beholder.training.budget.stage_costs import mean_cost
from beholder.training.export.onnx_layers import knows
from beholder.training.settings import Settings

CALIBRATION_SHARE = 0.1  # of the budget may go into measuring, once on each machine
STARTING_SECONDS = 5.0  # that each of several trainings takes to compile, and to judge what it is judged by
MOST_CLOSING = 0.3  # of the budget is kept for packing, however long that took when the machine was last busy
# Of fewer sounds a wider network learns the speakers rather than the words (docs/lab-notebook.md).
WIDEST_OF_SOUNDS, MANY_SOUNDS = (32, 64, 128), 10_000


@dataclass(frozen=True)
class Machine:
    """What was measured, and what follows from it for one network or for the networks to choose from."""

    calibration: Calibration  # as measured
    needed: float  # seconds of training that the least run takes
    forecast: Callable[[float], Forecast]  # from seconds of training to what they buy
    # Multiply-adds of an image through the network of a forecast; of the cheapest one for None
    cost: Callable[[Forecast | None], int]
    # Measures what else the forecast profits from, in the seconds to spare, or fewer
    measure_more: Callable[[float], object]
    an_image: float = 0.0  # seconds that training takes for an image, where the network is chosen


def allocate_budget(
    settings: Settings,
    train: Dataset,
    folder: Path,
    *,
    automatic: bool,
    judged: int,
    budget: float,
    started: float,
    trainings: int = 1,
) -> tuple[Settings, dict[str, Any]]:
    """Divide a budget, so that a run ends `budget` seconds after `started`.

    Args:
        settings: what the person asked for; epochs, and where `automatic` the network's widths, are replaced.
        train: the training set.
        folder: the cache, where the machine's speed is kept.
        automatic: whether widths and resolution of `fast` may be chosen; a network that learned from other images is
            looked at in the size that the time buys, unless the person chose it.
        judged: images of the validation set.
        budget: seconds from `started` to the written report.
        started: on the clock of `time.monotonic`.
        trainings: of so many steps each the time is shared among.

    Returns:
        The settings, and a summary of what will be done, JSON-ready, to be shown and kept.

    Raises:
        UsageError: the budget is too short; the sentence says what would do.
    """
    tuned = settings.recipe.side is not None and settings.head_is_new
    measured = _measured_for_auto if automatic and not tuned else _measured_for_chosen
    # What measuring takes now it does not take next time: the shortest budget is the same before and after.
    spent = time.monotonic() - started
    machine, packing = measured(settings, train, folder, CALIBRATION_SHARE * budget)
    if tuned:
        machine = _tuning(settings, train, judged, machine, trainings)
    packing = replace(packing, images=judged * (2 if settings.mirrors(train.image_shape[2]) else 1))

    def closing(most: float, forecast: Forecast | None = None) -> float:
        return machine.calibration.closing_seconds(most, packing, machine.cost(forecast))

    starting = STARTING_SECONDS * trainings if trainings > 1 else 0.0
    shortest = shortest_budget(spent, starting + machine.needed * trainings, closing)
    if budget < shortest:
        raise UsageError(
            f"A budget of {budget:g} s is too short: {train.file_kind.count(len(train.files))} need at least "
            f"{shortest} s on this machine; give a longer budget, or fewer {train.file_kind.plural}."
        )
    machine.measure_more(budget - shortest)
    left, most = started + budget - time.monotonic() - starting, MOST_CLOSING * budget
    # What suffices was decided above, whatever the measurements took since.
    first = machine.forecast(max((left - closing(most)) / trainings, machine.needed))
    # The wider the network, the longer it is packed, and the less time it has.
    forecast = machine.forecast(max((left - closing(most, first)) / trainings, machine.needed))
    shape = train.image_shape
    if tuned:
        settings = replace(settings, options={**settings.options, "side": forecast.side}).fitted(len(train), shape)
    elif automatic:
        options = {**settings.options, "widths": forecast.widths, "side": forecast.side}
        settings = replace(settings, options=options).fitted(len(train), shape)
    settings = replace(settings, recipe=replace(settings.recipe, epochs=forecast.epochs))
    return settings, {
        **_summary(settings, forecast, len(train), shape),
        "training_seconds": round(starting + trainings * forecast.seconds, 1),
        "closing_seconds": round(closing(most, forecast), 2),
        "closing_guess": round(packing.guess(machine.cost(forecast), machine.calibration.ceiling), 2),
        "matrix_product_gflops": machine.calibration.ceiling,
        "budget_seconds": budget,
    }


def _summary(settings: Settings, forecast: Forecast, images: int, shape: tuple[int, int, int]) -> dict[str, Any]:
    """What is told of a `forecast`, and how much memory was taken so far."""
    side, first_side = settings.sides(shape)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return {
        "widths": settings.options.get("widths"),
        "side": side,
        "first_side": first_side,
        "epochs": forecast.epochs,
        "images_per_second": round(forecast.epochs * images / forecast.seconds),
        "memory_gb": round(peak, 1),
    }


def _measured_for_auto(settings: Settings, train: Dataset, folder: Path, seconds: float) -> tuple[Machine, Packing]:
    """Where the network may be chosen: the narrowest is measured at once, and others where there is time."""
    shape, until = train.image_shape, time.monotonic() + seconds
    calibration = calibrate(folder, shape, settings.dtype, seconds=0)
    side, rate = min(shape[:2]), rates(calibration, shape)

    def cost(forecast: Forecast | None) -> int:
        if forecast is None or forecast.widths is None:
            return cost_of_fast(shape, NARROWEST, sides(side)[-1])
        return cost_of_fast(shape, forecast.widths, forecast.side)

    def measure_more(spare: float) -> None:
        most = min(spare, until - time.monotonic())
        calibrate(folder, shape, settings.dtype, seconds=most, known=calibration)

    machine = Machine(
        calibration,
        least_seconds(len(train), rate(NARROWEST, sides(side)[-1])),
        partial(choose_network, images=len(train), side=side, rate=rate, widest=_widest(train)),
        cost,
        measure_more,
    )
    return machine, Packing(0)


def _widest(train: Dataset) -> GroupWidths | None:
    """How wide a network may be chosen; None: there is no limit."""
    few_sounds = train.file_kind.name == "sound" and len(train.files) < MANY_SOUNDS
    return WIDEST_OF_SOUNDS if few_sounds else None


def _measured_for_chosen(settings: Settings, train: Dataset, folder: Path, seconds: float) -> tuple[Machine, Packing]:
    """Where the person chose it."""
    shape = train.image_shape
    side, first_side = settings.sides(shape)
    model = build(settings.model, shape, 2, dtype=settings.dtype, **settings.options)
    calibration, an_image = calibrate_chosen(folder, shape, settings, model, seconds=seconds)
    if first_side is not None:
        an_image *= mean_cost(settings.recipe, side)
    machine = Machine(
        calibration,
        least_seconds(len(train), 1 / an_image),
        partial(forecast_epochs, images=len(train), side=side, rate=1 / an_image),
        lambda _: multiply_adds(model),
        lambda _: None,
        an_image,
    )
    return machine, Packing(0, settings.packed_like, len(model.layers), not knows(model))


def _tuning(settings: Settings, train: Dataset, judged: int, machine: Machine, trainings: int) -> Machine:
    """`machine`, measured for a network that learned from other images, where its size may be chosen, if it may."""
    side = settings.options.get("side") or settings.recipe.side or SIDES[0]
    sides = (side,) if "side" in settings.options else sides_of(settings.recipe)
    plan = Tuning(len(train), judged, machine.an_image, side, sides, trainings)

    def cost(forecast: Forecast | None) -> int:
        looked_at = sides[-1] if forecast is None else forecast.side
        return round(machine.cost(None) * (looked_at / side) ** 2)

    return replace(machine, needed=plan.least_seconds, forecast=plan.forecast, cost=cost)


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

"""Smaller images at first: when whole ones begin, what is still to come, and that a resumed run is the same run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.models import MODELS
from beholder.runs.events import EventLog
from beholder.runs.run_folder import create_run
from beholder.training.settings import choose

pytestmark = pytest.mark.usefixtures("framework")
RECIPE = MODELS["fast"]


def images(count: int) -> Dataset:
    random = np.random.default_rng(0)
    labels = np.arange(count) % 3
    bright = random.integers(80, size=(count, 32, 32, 3)) + 60 * labels[:, None, None, None]
    return Dataset(bright.astype(np.uint8), labels, ("a", "b", "c"), [str(row) for row in range(count)])


def after(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 1001))
    return lambda: next(calls) >= steps


def test_the_share_of_the_recipe_decides_when_whole_images_begin() -> None:
    from beholder.models import build
    from beholder.training.budget.stage_costs import SMALL_COST, mean_cost
    from beholder.training.stages import Stages
    from beholder.training.steps.optimizer import build_optimizer

    model = build("fast", (32, 32, 3), 3, widths=(8, 8, 8))
    stages = Stages(model, build_optimizer(RECIPE), RECIPE)
    first = stages.step
    assert stages.ahead(0.0) == pytest.approx(mean_cost(RECIPE, 32) / SMALL_COST)
    assert not stages.at(0.39)
    assert stages.step is first
    assert stages.at(0.40)
    assert stages.step is not first
    assert not stages.at(0.41), "the switch is told once"
    assert stages.ahead(0.41) == 1.0


def test_small_images_and_earlier_networks_have_one_stage() -> None:
    from beholder.models import build
    from beholder.training.budget.stage_costs import mean_cost
    from beholder.training.stages import Stages
    from beholder.training.steps.optimizer import build_optimizer

    small = build("fast", (8, 8, 1), 3, widths=(8, 8, 8))
    assert mean_cost(RECIPE, 8) == 1.0
    for model, whole in ((small, False), (build("fast", (32, 32, 3), 3, widths=(8, 8, 8)), True)):
        stages = Stages(model, build_optimizer(RECIPE), RECIPE, whole=whole)
        assert not stages.at(0.5)
        assert stages.ahead(0.0) == 1.0


def test_a_run_stopped_before_and_after_the_switch_ends_as_if_it_never_stopped(tmp_path: Path) -> None:
    from beholder.training.fit import Fit

    chosen = choose(
        "fast", seed=1, precision="float32", changes={"epochs": 2, "batch_size": 24}, options={"widths": (8, 8, 8)}
    )
    train, validation = images(120), images(30)

    def trained(name: str, stops: list[int]) -> list[np.ndarray]:
        run = create_run(tmp_path / name)
        for steps in [*stops, 1000]:
            fit = Fit(train, validation, chosen, run, EventLog(run.events_file), after(steps))
            outcome = fit.run_to_end()
        return outcome.weights

    whole = trained("whole", [])
    for stops in ([3], [4], [6, 1]):  # of ten steps, the fifth is the first over whole images
        for one, other in zip(whole, trained(str(stops), stops), strict=True):
            assert np.array_equal(one, other)

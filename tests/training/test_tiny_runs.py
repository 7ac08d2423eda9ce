"""Few images and little time: the arithmetic of every run holds, though it has a single step, or ends in the middle."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.training.budget.ending import ending_in_words
from beholder.training.budget.forecast import MOST_EPOCHS
from beholder.training.budget.pace import Pace
from beholder.training.budget.schedule import Schedule
from beholder.training.budget.stage_costs import SMALL_COST, cost_ahead
from beholder.training.settings import choose


@given(
    images=st.integers(2, 40),
    batch=st.none() | st.integers(1, 64),
    epochs=st.floats(0.1, 3),
    budget=st.none() | st.floats(0.01, 60),
    step=st.floats(1e-4, 20),
    side=st.sampled_from([8, 32, 64]),
)
def test_a_run_of_any_size_reaches_its_end(
    images: int, batch: int | None, epochs: float, budget: float | None, step: float, side: int
) -> None:
    """As `Fit` walks through it, on a clock of its own."""
    changes = {"epochs": max(epochs, 1) if budget is None else None, "batch_size": batch}
    settings = choose("fast", seed=0, precision="float32", changes=changes).fitted(images, (side, side, 3))
    share = settings.recipe.small_share if settings.sides((side, side, 3))[1] else 0.0
    steps_an_epoch = math.ceil(images / settings.recipe.batch_size)
    planned = settings.steps(images) if budget is None else max(1, round(epochs * steps_an_epoch))
    schedule, now, done, small = Schedule([(0, planned)]), 0.0, 0, share > 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beholder.training.budget.pace.time.monotonic", lambda: now)
        pace = None if budget is None else Pace(budget, steps_an_epoch, round(MOST_EPOCHS * steps_an_epoch), 1.0, 3.0)
        while done < schedule.steps:
            assert 0 <= schedule.learning_rate(settings.recipe, done) <= settings.recipe.learning_rate
            if small and schedule.progress(done) >= share:
                small = False
                if pace is not None:
                    pace.next_stage(1 / SMALL_COST)
            now += step * (SMALL_COST if small else 1.0)
            done += 1
            ahead = cost_ahead(share, schedule.progress(done)) if small else 1.0
            assert 1 <= ahead <= 1 / SMALL_COST
            fitting = None if pace is None else pace.fitting(done, schedule.steps, ahead)
            if fitting is not None:
                schedule.replan(done, fitting)
    assert schedule.progress(done) == pytest.approx(1)
    assert done <= max(planned, MOST_EPOCHS * steps_an_epoch)
    if budget is None:
        assert done == planned


@given(share=st.floats(0, 0.9), progress=st.floats(0, 1))
def test_steps_to_come_cost_what_lies_between_a_small_one_and_a_whole_one(share: float, progress: float) -> None:
    assert 1 - 1e-9 <= cost_ahead(share, progress) <= 1 / SMALL_COST + 1e-9


def test_a_run_of_one_step_ends_among_its_small_images(framework: None, tmp_path: Path) -> None:
    import beholder

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(16) % 2
    trained = beholder.train((images, labels), model="fast", epochs=1, widths=(8, 8, 8), out=tmp_path / "one")
    assert trained.summary["steps"] == 1


@pytest.mark.parametrize(
    ("done", "planned", "most", "left", "told"),
    [
        (430, 430, 680, 1.0, None),
        (216, 430, 680, 0.0, None),
        (18, 430, 680, 0.0, "enough for 18 of 430 planned steps; expect a worse network"),
        (3, 3, 680, 0.0, "enough for 3 steps of training, and a network needs some hundred"),
        (1, 1, 680, 0.0, "enough for one step of training"),
        (40, 40, 40, 9.0, None),
        (680, 430, 680, 12.4, "ended 12 s before its time, since more epochs would only memorise"),
        (680, 680, 680, 12.4, None),
        (680, 430, 680, 2.0, None),
    ],
)
def test_a_run_that_did_not_go_as_planned_says_so(
    done: int, planned: int, most: int, left: float, told: str | None
) -> None:
    sentence = ending_in_words(done, planned, most, left=left, seconds=20.0)
    assert sentence is None if told is None else told in str(sentence)

"""The learning rate rises once, falls to zero at the run's end, and does not jump where the run was re-planned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.models import MODELS
from beholder.training.budget.schedule import Schedule


@pytest.mark.parametrize("name", MODELS)
def test_the_learning_rate_rises_once_and_ends_at_zero(name: str) -> None:
    recipe, schedule = MODELS[name], Schedule([(0, 200)])
    rates = [schedule.learning_rate(recipe, step) for step in range(200)]
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(recipe.learning_rate, rel=0.02)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[-1] < recipe.learning_rate * 0.01


@given(first=st.integers(50, 500), at=st.floats(0.05, 0.95), factor=st.floats(0.3, 3.0))
def test_a_replanned_run_ends_at_zero_without_a_jump(first: int, at: float, factor: float) -> None:
    schedule = Schedule([(0, first)])
    step = int(first * at)
    schedule.replan(step, step + int((first - step) * factor))
    progress = [schedule.progress(number) for number in range(schedule.steps + 1)]
    assert progress[0] == 0
    assert progress[-1] == pytest.approx(1)
    jumps = np.diff(progress)
    assert (jumps > 0).all()
    before, after = 1 / first, (1 - progress[step]) / (schedule.steps - step)
    assert jumps.max() == pytest.approx(max(before if step else 0, after), rel=1e-6)


def test_a_plan_always_leaves_a_step() -> None:
    schedule = Schedule([(0, 100)])
    schedule.replan(60, 10)
    assert schedule.steps == 61
    assert schedule.progress(61) == pytest.approx(1)

"""A person relies on: a budget is divided so that a learned network answers first and is tuned where there is time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.training.budget.fine_tuning import SIDES, Tuning
from beholder.training.budget.forecast import MOST_EPOCHS

PLANS = st.builds(
    Tuning,
    images=st.integers(10, 50_000),
    judged=st.integers(2, 5_000),
    an_image=st.floats(1e-4, 1.0),
    side=st.sampled_from(SIDES),
)


@given(plan=PLANS, more=st.floats(1.0, 100.0))
def test_what_is_planned_fits_into_the_time_and_uses_it(plan: Tuning, more: float) -> None:
    seconds = plan.least_seconds * more
    forecast = plan.forecast(seconds)
    assert forecast.side in SIDES
    assert forecast.seconds <= seconds * (1 + 1e-6)
    assert forecast.epochs in (0, MOST_EPOCHS) or forecast.epochs * plan.images >= 2490  # never a few steps


@given(plan=PLANS, more=st.floats(1.0, 50.0))
def test_more_time_is_never_spent_on_a_smaller_size_and_fewer_epochs(plan: Tuning, more: float) -> None:
    one, other = (plan.forecast(plan.least_seconds * times) for times in (more, 2 * more))
    assert other.side >= one.side or other.epochs > one.epochs


def test_photographs_of_clothes_on_two_slow_cores() -> None:
    """2,608 images, 51 of 128 pixels a second in training: in a minute a first answer, in five it is tuned, larger."""
    plan = Tuning(images=2608, judged=341, an_image=1 / 51, side=128)
    minute, five, fifteen = (plan.forecast(seconds) for seconds in (38, 275, 870))
    assert minute.epochs == 0
    assert 2 < five.epochs < 7
    assert minute.side == five.side == 160
    assert fifteen.side == 224


def test_a_size_that_the_person_chose_is_kept() -> None:
    plan = Tuning(images=1000, judged=100, an_image=0.01, side=160, sides=(160,))
    assert {plan.forecast(seconds).side for seconds in (plan.least_seconds, 100, 10_000)} == {160}
    assert plan.seconds_an_image(80) == pytest.approx(0.0025)

"""The pace sees a machine become slower, and says how many steps still fit before the deadline."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from fake_clock import Clock

from beholder.training.budget.pace import Pace, ends_in


def run(
    clock: Clock, seconds: float, planned: int, cost: list[float], judging: float = 0.0, closing: float = 0.0
) -> tuple[int, float]:
    """Train with a step's cost in seconds that depends on how far the run is; steps done and time over or under."""
    pace = Pace(clock.now + seconds, steps_an_epoch=50, most_steps=10_000, closing=closing)
    start, done = clock.now, 0
    while done < planned:
        clock.now += cost[min(int((clock.now - start) / seconds * len(cost)), len(cost) - 1)]
        done += 1
        planned = pace.fitting(done, planned) or planned
        if judging and done % 50 == 0:
            clock.now += judging
            pace.judged(judging)
    return done, clock.now - start - seconds


@pytest.mark.parametrize("cost", [[0.1], [0.1, 0.2], [0.2, 0.1], [0.05, 0.3, 0.1]])
@pytest.mark.parametrize("judging", [0.0, 1.5])
@pytest.mark.parametrize("planned", [100, 1000, 5000])
def test_a_run_ends_on_time_whatever_the_machine_does(
    clock: Clock, cost: list[float], judging: float, planned: int
) -> None:
    done, late = run(clock, 100, planned, cost, judging)
    assert abs(late) < 3.0
    assert done > 100


@pytest.mark.parametrize(("told", "real"), [(0.6, 0.6), (0.6, 0.5), (0.6, 0.75)])
def test_a_run_whose_first_stage_is_cheaper_ends_on_time(clock: Clock, told: float, real: float) -> None:
    """Its first 40 % cost `real` times as much a step as the rest, and the pace was told `told`."""
    pace = Pace(clock.now + 100, steps_an_epoch=50, most_steps=10_000, closing=4.0)
    start, planned, done, progress, small = clock.now, 600, 0, 0.0, True
    while done < planned:
        if small and progress >= 0.4:
            pace.next_stage(1 / told)
            clock.now += 1.0  # compiling
            small = False
        clock.now += 0.2 * (real if small else 1.0)
        progress += (1 - progress) / (planned - done)
        done += 1
        share = max(0.0, 0.4 - progress) / max(1 - progress, 1e-9)
        planned = pace.fitting(done, planned, (share * told + 1 - share) / told if small else 1.0) or planned
    assert abs(clock.now - start - 100) < 2.0


def test_the_end_of_a_run_has_a_date_and_a_time_zone() -> None:
    moment = datetime.datetime.fromisoformat(ends_in(86_400))
    assert moment.tzinfo is not None
    assert moment.date() > datetime.datetime.now().date()


def test_a_steady_machine_is_not_replanned(clock: Clock) -> None:
    pace = Pace(clock.now + 100, steps_an_epoch=10_000, most_steps=10_000)
    for done in range(1, 900):
        clock.now += 0.1
        assert pace.fitting(done, 1000) is None


@pytest.mark.parametrize("seconds", [20.0, 100.0, 600.0])
def test_a_machine_whose_steps_vary_a_little_is_hardly_replanned(clock: Clock, seconds: float) -> None:
    random = np.random.default_rng(0)
    pace = Pace(clock.now + seconds, steps_an_epoch=10_000, most_steps=10_000)
    start, planned, done, replans = clock.now, 2000, 0, 0
    while done < planned:
        clock.now += seconds / 2000 * random.uniform(0.9, 1.1)
        done += 1
        fitting = pace.fitting(done, planned)
        planned, replans = fitting or planned, replans + (fitting is not None)
    assert replans <= 3
    assert abs(clock.now - start - seconds) <= 0.03 * seconds


def test_more_time_than_the_most_steps_need_stays_unused(clock: Clock) -> None:
    pace = Pace(clock.now + 1000, steps_an_epoch=50, most_steps=400)
    for done in range(1, 400):
        clock.now += 0.1
        assert pace.fitting(done, 400) is None


@pytest.mark.parametrize("seconds", [20.0, 60.0, 600.0])
@pytest.mark.parametrize(
    ("steps_slower", "packing_slower"), [(1.0, 1.0), (1.3, 1.0), (1.6, 1.1), (2.0, 1.5), (2.2, 1.6)]
)
def test_a_budget_is_kept_when_cores_are_taken_halfway(
    clock: Clock, seconds: float, steps_slower: float, packing_slower: float
) -> None:
    """Packing has four seconds of the budget, and takes longer too."""
    closing, step = 4.0, seconds / 1000
    _, late = run(clock, seconds - closing, 500, [step, step * steps_slower], closing=closing)
    assert abs(late + (packing_slower - 1) * closing) <= 0.05 * seconds


def test_one_look_at_a_machine_that_stood_still_does_not_end_the_run(clock: Clock) -> None:
    pace = Pace(clock.now + 600, steps_an_epoch=10_000, most_steps=10_000, closing=4.0)
    planned = 6000
    for done in range(1, 3000):
        clock.now += 40.0 if done == 500 else 0.1
        planned = pace.fitting(done, planned) or planned
    assert planned == pytest.approx(5600, rel=0.03)

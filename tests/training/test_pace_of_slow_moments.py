"""A slow moment costs the time that it took, and no more: runs on a clock of their own, beside what was possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from fake_clock import Clock

from beholder.training.budget.pace import Pace
from beholder.training.budget.schedule import Schedule

Cost = Callable[[float, int], float]  # seconds of a step, from the seconds trained so far and its number (from 1)


@dataclass
class Ran:
    """How a run went: `possible` steps are those that the same machine does in the same seconds."""

    done: int
    possible: int
    late: float
    least_planned: int
    schedule: Schedule


def run(
    clock: Clock,
    cost: Cost,
    *,
    seconds: float,
    planned: int,
    most: int = 10**6,
    epoch: int = 50,
    judging: float = 0.0,
    first_judging: float = 0.0,
) -> Ran:
    start, schedule, least = clock.now, Schedule([(0, planned)]), planned
    pace = Pace(start + seconds, epoch, most, judged_steps=1.0 if judging else 0.0)
    done = 0
    while done < schedule.steps:
        done += 1
        clock.now += cost(clock.now - start, done)
        fitting = pace.fitting(done, schedule.steps)
        if fitting is not None:
            schedule.replan(done, fitting)
            least = min(least, schedule.steps)
        if judging and (done % epoch == 0 or done == schedule.steps):
            pause = first_judging if done <= epoch else judging
            clock.now += pause
            pace.judged(pause)
    late = clock.now - start - seconds
    return Ran(done, min(most, possible(cost, seconds, epoch, judging, first_judging)), late, least, schedule)


def possible(cost: Cost, seconds: float, epoch: int, judging: float, first_judging: float) -> int:
    """Steps that fit into the seconds, by walking through them: no plan at all."""
    now, done = 0.0, 0
    while True:
        now += cost(now, done + 1)
        if now > seconds:
            return max(done, 1)
        done += 1
        if judging and done % epoch == 0:
            now += first_judging if done == epoch else judging


def steady(step: float) -> Cost:
    return lambda _now, _number: step


def slow_once(step: float, slow: dict[int, float]) -> Cost:
    """Steps of so many seconds, but for the number of some."""
    return lambda _now, number: slow.get(number, step)


def slower_from(step: float, moment: float, factor: float) -> Cost:
    return lambda now, _number: step * (factor if now >= moment else 1)


def bursts(step: float, every: float, lasting: float, factor: float) -> Cost:
    """Load that comes `every` so many seconds and goes."""
    return lambda now, _number: step * (factor if now % every < lasting else 1)


@pytest.mark.parametrize("step", [0.004, 0.05, 0.5])
@pytest.mark.parametrize("seconds", [12.0, 60.0, 600.0])
@pytest.mark.parametrize("at", [2, 5, 12])
def test_one_slow_moment_costs_its_own_seconds_alone(clock: Clock, step: float, seconds: float, at: int) -> None:
    planned = round(seconds / step)
    ran = run(clock, slow_once(step, {at: 5.0}), seconds=seconds, planned=planned)
    assert ran.done >= 0.95 * ran.possible - 1
    assert ran.least_planned >= 0.95 * min(ran.possible, planned) - 1, "no plan ever believed it"
    assert ran.late <= max(step, 0.02 * seconds)


@pytest.mark.parametrize("step", [0.004, 0.05, 0.5])
@pytest.mark.parametrize("slow", [(9, 10), (9, 30), (100, 400)])
def test_two_slow_moments_cost_theirs(clock: Clock, step: float, slow: tuple[int, int]) -> None:
    seconds = 40.0
    ran = run(clock, slow_once(step, dict.fromkeys(slow, 5.0)), seconds=seconds, planned=round(seconds / step))
    assert ran.done >= 0.95 * ran.possible - 1
    assert ran.late <= max(step, 0.02 * seconds)


def test_a_first_epoch_that_compiles_its_last_batch_and_its_judgement_ends_no_run(clock: Clock) -> None:
    """As `train digits --budget 40s` met it: 430 steps became 18, for 25 seconds that were left."""
    cost = slow_once(0.01, {1: 3.0, 17: 3.0})
    ran = run(clock, cost, seconds=25, planned=430, most=680, epoch=17, judging=0.05, first_judging=2.0)
    assert ran.done == 680
    assert ran.least_planned == 430
    assert ran.late < 0


@pytest.mark.parametrize("step", [0.004, 0.05, 0.5])
@pytest.mark.parametrize("factor", [1.5, 3.0, 6.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_machine_that_stays_slower_ends_on_time(clock: Clock, step: float, factor: float, share: float) -> None:
    seconds = 40.0
    ran = run(clock, slower_from(step, share * seconds, factor), seconds=seconds, planned=round(seconds / step))
    assert ran.late <= max(2 * step * factor, 0.02 * seconds)
    assert ran.done >= 0.95 * ran.possible - 2
    ends = [ran.schedule.progress(step) for step in (ran.done - 1, ran.done)]
    assert ends[0] > 0.75, "the learning rate falls to its end, it is not cut off"
    assert ends[1] == pytest.approx(1)


@pytest.mark.parametrize("step", [0.004, 0.05])
@pytest.mark.parametrize(("every", "lasting"), [(1.0, 0.3), (7.0, 3.0), (15.0, 5.0)])
def test_load_that_comes_and_goes_costs_what_it_took(clock: Clock, step: float, every: float, lasting: float) -> None:
    seconds = 60.0
    ran = run(clock, bursts(step, every, lasting, 4.0), seconds=seconds, planned=round(seconds / step))
    assert ran.late <= 0.03 * seconds
    assert ran.done >= 0.93 * ran.possible


@pytest.mark.parametrize("too_few", [2, 10, 40])
def test_a_plan_that_was_too_small_grows_while_there_is_time(clock: Clock, too_few: int) -> None:
    """As a speed that was measured in a slow moment makes it."""
    step, seconds = 0.01, 20.0
    ran = run(clock, steady(step), seconds=seconds, planned=max(round(seconds / step / too_few), 20))
    assert ran.done >= 0.97 * ran.possible
    assert ran.late <= 0.02 * seconds


def test_it_grows_to_the_most_epochs_and_no_further(clock: Clock) -> None:
    ran = run(clock, steady(0.01), seconds=60, planned=40, most=700)
    assert ran.done == 700
    assert ran.late < -50


@pytest.mark.parametrize("seconds", [0.001, 0.5, 3.0])
@pytest.mark.parametrize("planned", [1, 2, 5, 1000])
def test_a_run_without_time_ends_after_the_step_that_it_is_at(clock: Clock, seconds: float, planned: int) -> None:
    ran = run(clock, steady(4.0), seconds=seconds, planned=planned)
    assert ran.done <= 2
    assert ran.schedule.progress(ran.done) == pytest.approx(1)


def test_a_clock_that_stands_still_stops_nothing(clock: Clock) -> None:
    pace = Pace(clock.now + 10, steps_an_epoch=1, most_steps=100)
    assert [pace.fitting(done, 50) for done in range(1, 50)] == [None] * 49
    clock.now += 20
    assert pace.fitting(49, 60) == 50

"""A person relies on: measuring takes its share of the budget, once, and runs correct what was measured."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models import Recipe
from beholder.training.settings import Settings, choose

pytestmark = pytest.mark.usefixtures("framework")

SHAPE = (32, 32, 3)
OUTSIDE = 0.8  # seconds that Python takes to start and to end
SECONDS_A_COST = 1e-10  # of a multiply-add: the widest of `fast` takes ten seconds to measure


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The multiply-adds of what is measured, on a machine where each takes the same time."""
    from beholder.training.budget import machine_speed

    costs: list[int] = []

    def measure(model: Any, _: Recipe, __: float = 0) -> tuple[int, float]:
        costs.append(machine_speed.multiply_adds(model))
        return costs[-1], costs[-1] * SECONDS_A_COST

    monkeypatch.setattr(machine_speed, "measure_training", measure)
    monkeypatch.setattr(machine_speed, "matrix_product_rate", lambda *_: {"float32": 100.0})
    return costs


def images(count: int, shape: tuple[int, int, int] = SHAPE) -> Dataset:
    pixels = np.broadcast_to(np.uint8(7), (count, *shape))
    return Dataset(pixels, np.arange(count) % 2, ("a", "b"), [""] * count)


def planned(folder: Path, budget: float, *, automatic: bool = True, **changes: Any) -> tuple[Settings, dict[str, Any]]:
    from beholder.training.budget.allocation import allocate_budget

    train = changes.pop("train", images(45_000))
    settings = choose(changes.pop("model", "fast"), seed=0, precision="float32", **changes)
    settings = settings.fitted(len(train), train.image_shape)
    return allocate_budget(
        settings, train, folder, automatic=automatic, judged=5_000, budget=budget, started=time.monotonic()
    )


def test_a_longer_budget_measures_what_a_shorter_one_had_no_time_for(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import calibrate

    calibrate(tmp_path, SHAPE, "float32", seconds=0)
    assert len(measured) == 1, "one network in any case"
    calibrate(tmp_path, SHAPE, "float32", seconds=8)
    assert len(measured) == 2
    calibrate(tmp_path, SHAPE, "float32", seconds=60)
    assert measured == sorted(measured), "wider ones, as there is time"
    assert len(measured) == 3
    for seconds in (60, 8, 0):
        known = calibrate(tmp_path, SHAPE, "float32", seconds=seconds)
    assert len(measured) == 3, "what is known is not measured again"
    assert known.rate(measured[-1]) == pytest.approx(1 / (measured[-1] * SECONDS_A_COST))


def test_larger_images_are_measured_at_both_ends_of_their_resolutions(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import calibrate

    calibrate(tmp_path, (64, 64, 3), "float32", seconds=60)
    narrow, wide, narrow_and_large = measured
    assert narrow < narrow_and_large
    assert narrow < wide


def test_a_network_that_somebody_chose_is_measured_once_and_no_other(tmp_path: Path, measured: list[int]) -> None:
    for _ in range(2):
        settings, _ = planned(tmp_path, 600, automatic=False, model="linear")
        assert settings.model == "linear"
        assert len(measured) == 1
    planned(tmp_path, 600, automatic=False, options={"widths": (8, 16, 16)})
    assert len(measured) == 2


def test_large_images_are_planned_at_the_side_that_the_network_looks_at(tmp_path: Path, measured: list[int]) -> None:
    large = images(100, (128, 128, 3))
    _, forecast = planned(tmp_path, 600, automatic=False, train=large)
    assert (forecast["side"], forecast["first_side"]) == (64, 48)
    _, forecast = planned(tmp_path, 600, automatic=False, train=large, options={"side": 32})
    assert (forecast["side"], forecast["first_side"]) == (32, 24)


def test_the_shortest_budget_is_the_same_whatever_was_asked_and_works(tmp_path: Path, measured: list[int]) -> None:
    said = set()
    for budget in (0.5, 3, 5):
        with pytest.raises(UsageError) as told:
            planned(tmp_path, budget)
        said |= {int(seconds) for seconds in re.findall(r"need at least (\d+) s", str(told.value))}
    [shortest] = said
    planned(tmp_path, shortest)
    for budget in (0.75 * shortest, shortest - 1, shortest - 0.01):
        with pytest.raises(UsageError, match=f"need at least {shortest} s"):
            planned(tmp_path, budget)


def test_a_first_run_on_the_shortest_budget_is_not_refused_for_the_time_that_measuring_takes(
    tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from beholder.training.budget import machine_speed

    with pytest.raises(UsageError) as told:
        planned(tmp_path / "first", 1)
    [shortest] = (int(seconds) for seconds in re.findall(r"need at least (\d+) s", str(told.value)))
    moment, measure = time.monotonic, machine_speed.measure_training
    passed = [0.0]

    def slow(*arguments: Any) -> tuple[int, float]:
        passed[0] += 5.0
        return measure(*arguments)

    monkeypatch.setattr(machine_speed, "measure_training", slow)
    monkeypatch.setattr(time, "monotonic", lambda: moment() + passed[0])
    settings, forecast = planned(tmp_path / "second", shortest)
    assert passed == [5.0], "one network, and no other: there is no time to spare"
    assert settings.recipe.epochs == forecast["epochs"] == 0.1


@given(
    spent=st.floats(0, 100),
    needed=st.floats(1e-6, 1e5),
    told=st.lists(st.floats(0.1, 500), max_size=2),
    products=st.floats(1, 1e4),
    cost=st.integers(1, 10**9),
)
def test_the_shortest_budget_is_enough_and_a_second_less_is_not(
    spent: float, needed: float, told: list[float], products: float, cost: int
) -> None:
    from beholder.training.budget.allocation import MOST_CLOSING, shortest_budget
    from beholder.training.budget.machine_speed import Calibration
    from beholder.training.budget.packing import Packing

    machine = Calibration(ceiling={"float32": products}, packings={"": told} if told else {})

    def closing(most: float) -> float:
        return machine.closing_seconds(most, Packing(1000), cost)

    def left(budget: float) -> float:
        return budget - spent - closing(MOST_CLOSING * budget)

    shortest = shortest_budget(spent, needed, closing)
    assert left(shortest) >= needed
    assert left(shortest - 1) < needed


@given(images=st.integers(1, 10**6), rate=st.floats(1e-3, 1e7), side=st.integers(8, 300))
def test_the_least_seconds_are_enough_for_every_way_of_planning(images: int, rate: float, side: int) -> None:
    from beholder.training.budget import forecast

    for planned in (
        partial(forecast.choose_network, images=images, side=side, rate=lambda *_: rate),
        partial(forecast.forecast_epochs, images=images, side=side, rate=rate),
    ):
        seconds = forecast.least_seconds(images, rate)
        choice = planned(seconds)
        assert choice.epochs >= forecast.FEWEST_EPOCHS
        assert choice.seconds > 0
        with pytest.raises(forecast.TooShortError):
            planned(0.999 * seconds)


def test_a_slow_run_says_no_more_than_that_the_machine_is_half_as_fast(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import calibrate, learn_from_run

    settings, _ = planned(tmp_path, 600)
    before = calibrate(tmp_path, SHAPE, "float32", seconds=0).points
    learn_from_run(tmp_path, SHAPE, settings, 4.0, 1000.0)
    after = calibrate(tmp_path, SHAPE, "float32", seconds=0).points
    assert [seconds for _, seconds in after] == pytest.approx([2 * seconds for _, seconds in before])
    learn_from_run(tmp_path, SHAPE, settings, 4.0, 1e-9)
    assert calibrate(tmp_path, SHAPE, "float32", seconds=0).points[0][1] < 1e-6, "a speed that was reached is believed"


def test_a_chosen_network_is_not_believed_to_be_much_slower_after_one_run(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import learn_from_run

    settings, first = planned(tmp_path, 600, automatic=False, model="linear")
    learn_from_run(tmp_path, SHAPE, settings, 4.0, 1000.0)
    _, forecast = planned(tmp_path, 600, automatic=False, model="linear")
    assert forecast["epochs"] >= 0.45 * min(first["epochs"], 40)


def test_one_slow_step_among_those_that_are_measured_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.models import build
    from beholder.training.budget import machine_speed

    settings = choose("linear", seed=0, precision="float32")
    model = build("linear", (8, 8, 1), 2, dtype="float32")
    moments = iter([0.0, 0.5, 1.0, 31.0])  # half a second with compiling, then a step in a slow moment

    class Clock:
        monotonic = staticmethod(lambda: 100.0)
        perf_counter = staticmethod(lambda: next(moments))

    monkeypatch.setattr(machine_speed, "time", Clock)
    _, an_image = machine_speed.measure_training(model, settings.recipe, until=0.0)
    assert an_image == 0.5 / settings.recipe.batch_size


def test_the_next_plan_goes_by_the_speed_of_the_last_run(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import Calibration, calibrate, cost_of_fast, learn_from_run

    def known() -> Calibration:
        return calibrate(tmp_path, SHAPE, "float32", seconds=0)

    settings, _ = planned(tmp_path, 600)
    cost = cost_of_fast(SHAPE, settings.options["widths"], settings.options["side"])
    before = known()
    for slower in (2.0, 0.5):
        now = known()
        learn_from_run(tmp_path, SHAPE, settings, 4.0, slower / now.rate(cost))
        assert [seconds for _, seconds in known().points] == pytest.approx([slower * old for _, old in now.points])
    for one, other in zip(known().points, before.points, strict=True):
        assert one == pytest.approx(other), "a busy moment is forgotten"
    now = known()
    few = replace(settings, recipe=replace(settings.recipe, batch_size=16))
    learn_from_run(tmp_path, SHAPE, few, 4.0, 1.0)
    assert known().points == now.points, "small batches tell nothing of large ones"


def test_noise_promises_no_network_a_cheaper_multiply_add_than_any_was_measured_at() -> None:
    from beholder.training.budget.machine_speed import Calibration

    noisy = Calibration([(10**7, 4e-3), (10**8, 2e-3)])
    for cost in (10**6, 10**7, 10**8, 10**9):
        assert 1 / noisy.rate(cost) >= 2e-11 * cost * (1 - 1e-9)
    sound = Calibration([(10**7, 2e-3), (10**8, 11e-3)])
    assert 1 / sound.rate(5 * 10**7) == pytest.approx(6e-3), "on the line between two"


def test_a_chosen_network_that_is_no_longer_kept_teaches_nothing(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import calibrate, learn_from_run

    known = calibrate(tmp_path, SHAPE, "float32", seconds=0)  # as another run wrote it meanwhile
    learn_from_run(tmp_path, SHAPE, choose("linear", seed=0, precision="float32"), 4.0, 1.0)
    assert calibrate(tmp_path, SHAPE, "float32", seconds=0).points == known.points


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], 1.0),  # the first guess
        ([0.8], 0.88),  # and a margin
        ([2.0, 2.1], 1.5),  # two runs beside other work are not believed beyond half more than the guess
        ([2.0, 0.8], 0.88),
        ([2.0, 2.1, 2.2], 2.2),  # three agree
        ([2.0, 2.1, 2.2, 0.8, 5.0], 0.88),  # a quiet run is believed at once, and for a while
    ],
)
def test_packing_is_expected_to_take_what_the_fastest_of_the_last_runs_took(
    tmp_path: Path, measured: list[int], told: list[float], expected: float
) -> None:
    from beholder.training.budget.machine_speed import learn_from_run

    settings, _ = planned(tmp_path, 600)
    for times in told:
        learn_from_run(tmp_path, SHAPE, settings, times, None)
    _, forecast = planned(tmp_path, 600)
    assert forecast["closing_seconds"] == pytest.approx(expected * forecast["closing_guess"] + OUTSIDE, rel=0.01)


def test_packing_takes_a_share_of_the_budget_at_most(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.machine_speed import learn_from_run

    settings, _ = planned(tmp_path, 100)
    for _ in range(3):
        learn_from_run(tmp_path, SHAPE, settings, 500.0, None)
    assert planned(tmp_path, 100)[1]["closing_seconds"] == pytest.approx(30 + OUTSIDE)


def test_wide_networks_and_many_images_are_given_more_time_to_pack(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.budget.packing import Packing

    def guess(images: int, multiply_adds: int) -> float:
        return Packing(images).guess(multiply_adds, {"float32": 235.0})

    assert guess(9000, 100_000_000) > guess(9000, 20_000_000) > guess(1000, 20_000_000)
    # Measured on two cores of 235 GFLOP/s: 16/64/128 and 48/128/192 over 4,500 images of CIFAR-10, in two views.
    assert guess(9000, 12_936_352) == pytest.approx(3.7, rel=0.25)
    assert guess(9000, 48_397_344) == pytest.approx(7.3, rel=0.25)
    narrow, wide = (planned(tmp_path, budget)[1] for budget in (100, 6000))
    assert narrow["widths"] < wide["widths"]
    assert narrow["closing_guess"] < wide["closing_guess"]


def test_a_first_look_in_a_busy_moment_is_corrected_by_the_next(
    tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from beholder.training.budget import machine_speed

    rates = iter([100.0, 200.0, 150.0])
    monkeypatch.setattr(machine_speed, "matrix_product_rate", lambda *_: {"float32": next(rates)})
    options = {"widths": (32, 64, 128)}
    first, *others = (planned(tmp_path, 600, automatic=False, options=options)[1] for _ in range(3))
    for later in others:
        assert later["closing_guess"] == pytest.approx(first["closing_guess"] / 2, rel=0.01)


def test_other_numbers_of_threads_are_other_machines(
    tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(tmp_path, 600)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    planned(tmp_path, 600)
    assert len(list((tmp_path / "calibration").iterdir())) == 2


def test_a_slow_machine_is_given_more_time_to_pack_before_any_run_has_told() -> None:
    from beholder.training.budget.packing import Packing

    fast, usual, slow, crawling = (Packing(100).guess(10**6, {"float32": rate}) for rate in (9000.0, 250.0, 50.0, 1.0))
    assert fast == 1.5, "an accelerator does not pack"
    assert usual < 2 < slow < 15
    assert crawling == 30


@pytest.mark.parametrize(
    "damage",
    [
        {"points": [[420000, 0]]},
        {"points": [[420000, -1.0]]},
        {"points": [[420000, float("nan")]]},
        {"points": [[420000, float("inf")]]},
        {"points": [[10**400, 1e-4]]},
        {"points": [["a", "b"]]},
        {"points": 5},
        {"packings": {"": [-1000]}},
        {"packings": {"": []}},
        {"packings": []},
        {"chosen": {"a": None}},
        {"ceiling": {"float32": float("nan")}},
        [],
        "x" * 10,
    ],
)
def test_a_damaged_calibration_is_measured_again(tmp_path: Path, measured: list[int], damage: Any) -> None:
    _, forecast = planned(tmp_path, 600)
    [file] = (tmp_path / "calibration").iterdir()
    sound = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**sound, **damage} if isinstance(damage, dict) else damage), encoding="utf-8")
    _, again = planned(tmp_path, 600)
    assert len(measured) == 4, "two networks, twice"
    assert again["widths"] == forecast["widths"]
    assert json.loads(file.read_text(encoding="utf-8"))["points"] == sound["points"]


def test_a_calibration_too_deep_to_be_read_is_measured_again(tmp_path: Path, measured: list[int]) -> None:
    planned(tmp_path, 600)
    [file] = (tmp_path / "calibration").iterdir()
    file.write_text("[" * 100_000, encoding="utf-8")
    planned(tmp_path, 600)
    assert len(measured) == 4

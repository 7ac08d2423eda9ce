"""A person relies on: measuring takes its share of the budget, once, and runs correct what was measured."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models import Recipe
from beholder.training.settings import Settings, choose

pytestmark = pytest.mark.usefixtures("framework")

SHAPE = (32, 32, 3)
SECONDS_A_COST = 1e-10  # of a multiply-add: the widest of `fast` takes ten seconds to measure


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The multiply-adds of what is measured, on a machine where each takes the same time."""
    from beholder.training import calibration

    costs: list[int] = []

    def measure(model: Any, _: Recipe, __: float = 0) -> tuple[int, float]:
        costs.append(calibration.multiply_adds(model))
        return costs[-1], costs[-1] * SECONDS_A_COST

    monkeypatch.setattr(calibration, "measure", measure)
    monkeypatch.setattr(calibration, "matrix_product_rate", lambda *_: {"float32": 100.0})
    return costs


def pictures(count: int, shape: tuple[int, int, int] = SHAPE) -> Dataset:
    pixels = np.broadcast_to(np.uint8(7), (count, *shape))
    return Dataset(pixels, np.arange(count) % 2, ("a", "b"), [""] * count)


def planned(folder: Path, budget: float, *, automatic: bool = True, **changes: Any) -> tuple[Settings, dict[str, Any]]:
    from beholder.training.budget import plan_budget

    train = changes.pop("train", pictures(45_000))
    settings = choose(changes.pop("model", "fast"), seed=0, precision="float32", **changes)
    settings = settings.fitted(len(train), train.picture_shape)
    return plan_budget(settings, train, folder, automatic=automatic, budget=budget, started=time.monotonic())


def test_a_longer_budget_measures_what_a_shorter_one_had_no_time_for(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.calibration import calibrate

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


def test_larger_pictures_are_measured_at_both_ends_of_their_resolutions(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.calibration import calibrate

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


def test_large_pictures_are_planned_at_the_side_that_the_network_looks_at(tmp_path: Path, measured: list[int]) -> None:
    large = pictures(100, (128, 128, 3))
    _, plan = planned(tmp_path, 600, automatic=False, train=large)
    assert (plan["side"], plan["first_side"]) == (64, 48)
    _, plan = planned(tmp_path, 600, automatic=False, train=large, options={"side": 32})
    assert (plan["side"], plan["first_side"]) == (32, 24)


def test_the_shortest_budget_is_the_same_whatever_was_asked_and_works(tmp_path: Path, measured: list[int]) -> None:
    said = set()
    for budget in (0.5, 3, 5):
        with pytest.raises(UsageError) as told:
            planned(tmp_path, budget)
        said |= {int(seconds) for seconds in re.findall(r"need one of (\d+) s at least", str(told.value))}
    [shortest] = said
    planned(tmp_path, shortest)
    with pytest.raises(UsageError):
        planned(tmp_path, 0.75 * shortest)


def test_the_next_plan_goes_by_the_speed_of_the_last_run(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.calibration import Calibration, calibrate, cost_of_fast, learn_from_run

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
    from beholder.training.calibration import Calibration

    noisy = Calibration([(10**7, 4e-3), (10**8, 2e-3)])
    for cost in (10**6, 10**7, 10**8, 10**9):
        assert 1 / noisy.rate(cost) >= 2e-11 * cost * (1 - 1e-9)
    sound = Calibration([(10**7, 2e-3), (10**8, 11e-3)])
    assert 1 / sound.rate(5 * 10**7) == pytest.approx(6e-3), "on the line between two"


def test_a_chosen_network_that_is_no_longer_kept_teaches_nothing(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.calibration import calibrate, learn_from_run

    known = calibrate(tmp_path, SHAPE, "float32", seconds=0)  # as another run wrote it meanwhile
    learn_from_run(tmp_path, SHAPE, choose("linear", seed=0, precision="float32"), 4.0, 1.0)
    assert calibrate(tmp_path, SHAPE, "float32", seconds=0).points == known.points


def test_packing_is_expected_to_take_what_the_faster_of_two_runs_took(tmp_path: Path, measured: list[int]) -> None:
    from beholder.training.calibration import learn_from_run

    settings, _ = planned(tmp_path, 600)
    expected = []
    for seconds in (6.0, 30.0, 7.0, 9.0):
        learn_from_run(tmp_path, SHAPE, settings, seconds, None)
        expected.append(planned(tmp_path, 600)[1]["closing_seconds"])
    assert expected == [6.0, 6.0, 7.0, 7.0]
    learn_from_run(tmp_path, SHAPE, settings, 500.0, None)
    learn_from_run(tmp_path, SHAPE, settings, 500.0, None)
    assert planned(tmp_path, 600)[1]["closing_seconds"] == 0.3 * 600, "a share of the budget at most"


def test_a_slow_machine_is_given_more_time_to_pack_before_any_run_has_told() -> None:
    from beholder.training.calibration import Calibration

    fast, slow, crawling = (Calibration(ceiling={"float32": rate}) for rate in (400.0, 130.0, 1.0))
    assert 3 <= fast.closing_seconds(0) < 4
    assert 8 < slow.closing_seconds(0) < 10
    assert crawling.closing_seconds(0) == 15


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
        {"closings": {"": [-1000]}},
        {"closings": {"": []}},
        {"closings": []},
        {"chosen": {"a": None}},
        {"ceiling": {"float32": float("nan")}},
        [],
        "x" * 10,
    ],
)
def test_a_damaged_calibration_is_measured_again(tmp_path: Path, measured: list[int], damage: Any) -> None:
    _, plan = planned(tmp_path, 600)
    [file] = (tmp_path / "calibration").iterdir()
    sound = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**sound, **damage} if isinstance(damage, dict) else damage), encoding="utf-8")
    _, again = planned(tmp_path, 600)
    assert len(measured) == 4, "two networks, twice"
    assert again["widths"] == plan["widths"]
    assert json.loads(file.read_text(encoding="utf-8"))["points"] == sound["points"]


def test_a_calibration_too_deep_to_be_read_is_measured_again(tmp_path: Path, measured: list[int]) -> None:
    planned(tmp_path, 600)
    [file] = (tmp_path / "calibration").iterdir()
    file.write_text("[" * 100_000, encoding="utf-8")
    planned(tmp_path, 600)
    assert len(measured) == 4

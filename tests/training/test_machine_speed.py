"""A person relies on: measuring the machine takes its share of the budget, and what is known is not measured again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beholder.models import Recipe

pytestmark = pytest.mark.usefixtures("framework")

SHAPE = (32, 32, 3)
SECONDS_A_COST = 1e-10  # of a multiply-add: the widest of `fast` takes ten seconds to measure


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The multiply-adds of what is measured, on a machine where each takes the same time."""
    from beholder.training import calibration

    costs: list[int] = []

    def measure(model: Any, _: Recipe) -> tuple[int, float]:
        costs.append(calibration.multiply_adds(model))
        return costs[-1], costs[-1] * SECONDS_A_COST

    monkeypatch.setattr(calibration, "measure", measure)
    monkeypatch.setattr(calibration, "matrix_product_rate", lambda *_: {"float32": 100.0})
    return costs


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

"""A number that a person asks for in Python is one, and within its limits, or is told in one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import beholder
from beholder.errors import UsageError
from beholder.training.settings import choose, resolve_precision

NO_NUMBERS: list[Any] = ["soon", "3", float("nan"), float("inf"), -float("inf"), True, [1], {}, b"1", 1j, 10**400, -1]


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("budget", [0, *NO_NUMBERS], "a budget of more than 0 seconds"),
        ("epochs", [0, 0.5, *NO_NUMBERS], "a number of at least 1 for the epochs"),
        ("seed", [1.5, 1.0, 2**32, *NO_NUMBERS], "a whole number from 0 to 4294967295 for the seed"),
        ("batch_size", [0, 1.5, "32", *NO_NUMBERS[:-2], -1], "a whole number of at least 1 for the batch"),
        ("learning_rate", [0, *NO_NUMBERS], "a finite learning rate above 0"),
        ("weight_decay", NO_NUMBERS, "a finite weight decay of at least 0"),
        ("early_stop", [0, 1.5, *NO_NUMBERS[:-2]], "a whole number of at least 1 for the early stop"),
        ("risk", [0, 1, 5, *NO_NUMBERS], "a risk between 0 and 1"),
        ("images", [0, 2.5, *NO_NUMBERS[:-2]], "a whole number of at least 1 for the images"),
        ("dropout", [1, *NO_NUMBERS], "a dropout of at least 0 and below 1"),
        ("widths", [5, "48,128,192", (1, 2), (0, 1, 1), (1.5, 2, 2)], "whole number"),
        ("side", [7, 32.5, "64"], "a whole number of at least 8 for the side"),
        ("augment", ["yes", 1, 0.0], "True or False for augment"),
        ("balance", ["weight"], "a balance of none, weights, sampling"),
        ("precision", ["float16"], "a precision of auto, float32 or bfloat16"),
    ],
)
def test_what_is_out_of_its_limits_is_told(tmp_path: Path, name: str, wrong: list[Any], expected: str) -> None:
    for value in wrong:
        with pytest.raises(UsageError, match=rf"^Expected .*{re.escape(expected)}.*Received: .{{1,90}}\.$"):
            beholder.train("digits", out=tmp_path / "run", **{"model": "fast", name: value})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("budget", [0, *NO_NUMBERS])
def test_audit_and_compare_refuse_the_same_budgets(tmp_path: Path, budget: Any) -> None:
    for command in (beholder.audit, beholder.compare):
        with pytest.raises(UsageError, match=r"^Expected a budget of more than 0 seconds\. Received: "):
            command("digits", out=tmp_path / "out", budget=budget)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", [None, -1, 2**32, 0.5, "1", True])
def test_a_seed_that_is_none_is_told_by_whatever_takes_one(tmp_path: Path, seed: Any) -> None:
    for command in (beholder.audit, beholder.compare, beholder.look):
        out = {} if command is beholder.look else {"out": tmp_path / "out"}
        with pytest.raises(UsageError, match=r"^Expected a whole number from 0 to 4294967295 for the seed\. "):
            command("digits", seed=seed, **out)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("input_range", [(0,), (1, 0), "0,1", (0, float("inf"))], "two numbers, the first below the second"),
        ("labels", ["x", 1], "fine or coarse"),
        ("neighbours", ["no", 1], "True or False"),
    ],
)
def test_what_is_of_another_kind_is_told(tmp_path: Path, name: str, wrong: list[Any], expected: str) -> None:
    for value in wrong:
        with pytest.raises(UsageError, match=rf"^Expected .*{expected}.* Received: "):
            beholder.train("digits", out=tmp_path / "run", **{name: value})
    assert not (tmp_path / "run").exists()


def test_numbers_of_numpy_are_numbers_and_are_kept_as_python_has_them() -> None:
    changes = {"epochs": np.float32(2.5), "batch_size": np.int64(8), "learning_rate": np.float64(0.1)}
    seed: Any = np.int32(3)
    chosen = choose("fast", seed=seed, precision="float32", changes=changes, options={"dropout": np.float64(0.2)})
    recipe = chosen.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate, chosen.seed) == (2.5, 8, 0.1, 3)
    kept = (recipe.epochs, recipe.batch_size, recipe.learning_rate, chosen.seed, chosen.options["dropout"])
    assert [type(one) for one in kept] == [float, int, float, int, float]
    assert isinstance(choose("fast", seed=0, precision="float32", changes={"epochs": 3.0}).recipe.epochs, int)


def test_an_unknown_precision_is_told() -> None:
    with pytest.raises(UsageError, match="Received: 'half'"):
        resolve_precision("half")  # type: ignore[arg-type]  # as a person may write it

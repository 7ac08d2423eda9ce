"""A person relies on: an interval and a promise about the risk hold where images of a group are alike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.evaluation.abstention import risk_facts, risk_in_words
from beholder.evaluation.groups import accuracy_interval, group_figures, group_numbers, one_of_each
from beholder.evaluation.metrics import wilson_interval

ACCURACY = 0.8


def drawn(random: np.random.Generator, groups: int, size: int) -> tuple[NDArray[np.bool_], list[str]]:
    """Answers about `size` images of each group; how often they are right differs from group to group (Beta)."""
    right = random.beta(4 * ACCURACY, 4 * (1 - ACCURACY), groups)
    return (random.random((groups, size)) < right[:, np.newaxis]).ravel(), [
        f"g{g}" for g in range(groups) for _ in range(size)
    ]


@pytest.mark.parametrize("groups", [4, 8, 20, 60])
def test_the_interval_covers_the_accuracy_on_new_groups(groups: int) -> None:
    random = np.random.default_rng(groups)
    trials = [drawn(random, groups, 30) for _ in range(400)]
    covered = [low <= ACCURACY <= high for low, high in (accuracy_interval(*one) for one in trials)]
    naive = [low <= ACCURACY <= high for low, high in (accuracy_interval(one[0], None) for one in trials)]
    assert np.mean(covered) >= 0.93
    assert np.mean(naive) < 0.7, "what groups are about"


def test_single_images_and_groups_that_do_not_matter_have_wilsons_interval() -> None:
    random = np.random.default_rng(0)
    correct = random.random(3000) < 0.7
    wilson = wilson_interval(int(correct.sum()), 3000)
    assert accuracy_interval(correct, None) == wilson
    assert accuracy_interval(correct, [""] * 3000) == wilson
    pairs = accuracy_interval(correct, [f"g{row // 2}" for row in range(3000)])
    assert pairs == pytest.approx(wilson, abs=0.003)
    assert accuracy_interval(correct, [str(row) for row in range(3000)]) == wilson


@pytest.mark.parametrize(("correct", "groups"), [(np.ones(50, bool), 5), (np.zeros(50, bool), 5)])
def test_where_groups_tell_no_variance_each_counts_as_one_image(correct: NDArray[np.bool_], groups: int) -> None:
    names = [f"g{row % groups}" for row in range(50)]
    expected = wilson_interval(groups * int(correct[0]), groups)
    assert accuracy_interval(correct, names) == pytest.approx(expected)
    low, high = accuracy_interval(np.arange(50) < 40, ["one"] * 50)
    assert high - low > 0.7, "one speaker tells nearly nothing of others"


def test_images_without_a_group_are_groups_of_their_own() -> None:
    assert group_numbers(["a", "", "b", "", "a"]).tolist() == [0, 1, 2, 3, 0]
    rows = one_of_each(["a", "", "b", "", "a"])
    assert len(rows) == 4
    assert {1, 2, 3} < set(rows.tolist())


def test_risk_is_promised_by_group_and_holds_for_new_groups() -> None:
    """Answers of 600 groups, each of which is right or wrong as a whole; the promise holds in 99 of 100 draws."""
    random, kept, promised = np.random.default_rng(1), 0, 0
    for _ in range(300):
        sure = random.random(600)  # how sure of each group; wrong more often where less sure
        wrong = random.random(600) < 0.3 * (1 - sure)
        confidences, correct = np.repeat(sure, 20).astype(np.float32), np.repeat(~wrong, 20)
        groups = [f"g{number}" for number in range(600) for _ in range(20)]
        threshold, facts = risk_facts(confidences, correct, np.zeros(12000, bool), 0.1, groups)
        assert facts["groups"] == 600
        if threshold is not None and facts["promised"]:
            promised += 1
            kept += 0.3 * (1 - (1 + threshold) / 2) <= 0.1  # the mean over all that are at least as sure
    assert promised > 150
    assert kept >= 0.98 * promised


def test_few_groups_promise_nothing_however_many_images_they_have() -> None:
    confidences, correct = np.full(5000, 0.99, np.float32), np.ones(5000, bool)
    groups = [f"g{row % 12}" for row in range(5000)]
    threshold, facts = risk_facts(confidences, correct, np.zeros(5000, bool), None, groups)
    assert threshold is None
    assert risk_in_words(facts) == (
        "It cannot be promised that at most 5 % of its answers are wrong: this takes at least 90 validation groups, "
        "and there are 12, so no answer is marked unsure because of its probability."
    )
    _, alone = risk_facts(confidences, correct, np.zeros(5000, bool), None)
    assert alone["promised"]


def test_figures_of_groups_are_told_only_where_somebody_said_groups() -> None:
    correct = np.arange(6) < 4
    assert group_figures(correct, None) == {}
    groups = ["a", "a", "b", "", "", "b"]
    assert group_figures(correct, groups) == {"groups": 4, "interval": list(accuracy_interval(correct, groups))}

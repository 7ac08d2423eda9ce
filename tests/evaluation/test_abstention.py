"""A person relies on: of the answers given, no more than the promised share is wrong, as often as that is promised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from beholder.evaluation.abstention import (
    ALL_UNSURE,
    coverage_curve,
    fewest_images,
    given_answers,
    risk_facts,
    risk_in_words,
    risk_threshold,
)


def drawn(random: np.random.Generator, count: int, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and answers that are right with exactly the probability confidence ** power."""
    confidences = (0.5 + 0.5 * random.beta(4, 1, count)).astype(np.float32)
    return confidences, random.random(count) < confidences**power


def true_risk(threshold: float, power: float) -> float:
    """The share of wrong answers of at least `threshold` in all the world, integrated on a grid."""
    spread = np.linspace(0, 1, 20_001)[1:]
    confidences, density = 0.5 + 0.5 * spread, 4 * spread**3
    given = confidences >= threshold
    return float((density * (1 - confidences**power))[given].sum() / density[given].sum())


@pytest.mark.parametrize(("risk", "power", "count"), [(0.05, 1.0, 2000), (0.02, 0.3, 4500), (0.1, 2.0, 600)])
def test_the_promise_holds_at_its_confidence_where_the_true_risk_is_known(
    risk: float, power: float, count: int
) -> None:
    broken = promised = 0
    for seed in range(500):
        threshold = risk_threshold(*drawn(np.random.default_rng(seed), count, power), risk)
        if threshold is not None:
            promised += 1
            broken += true_risk(threshold, power) > risk
    assert promised > 300
    assert broken <= 5 + 3 * 5**0.5  # 1 % of 500, and three times what chance adds


def test_it_is_not_needlessly_careful() -> None:
    """With many images the answers that are given come near to the risk that is tolerated."""
    threshold = risk_threshold(*drawn(np.random.default_rng(0), 100_000), 0.05)
    assert threshold is not None
    assert 0.04 < true_risk(threshold, 1.0) < 0.05


def test_every_threshold_that_it_went_through_passes_clopper_and_pearson() -> None:
    confidences, correct = drawn(np.random.default_rng(1), 3000)
    threshold = risk_threshold(confidences, correct, 0.05)
    given = confidences >= np.float32(threshold)
    wrong, count = int((~correct[given]).sum()), int(given.sum())
    assert beta.ppf(0.99, wrong + 1, count - wrong) <= 0.05


def test_too_few_images_or_too_many_mistakes_promise_nothing() -> None:
    assert fewest_images(0.05) == 90  # 0.95 ** 90 < 0.01 < 0.95 ** 89
    sure = np.linspace(0.9, 1, 89, dtype=np.float32)
    assert risk_threshold(sure, np.ones(89, np.bool_), 0.05) is None
    sure = np.linspace(0.9, 1, 90, dtype=np.float32)
    assert risk_threshold(sure, np.ones(90, np.bool_), 0.05) == pytest.approx(0.9)
    assert risk_threshold(np.full(5000, 0.9, np.float32), np.arange(5000) % 10 > 0, 0.05) is None


def test_answers_that_are_equally_sure_are_given_or_held_back_together() -> None:
    confidences = np.repeat(np.array([1.0, 0.6], np.float32), 500)
    correct = np.concatenate([np.ones(500, np.bool_), np.arange(500) % 2 == 0])
    assert risk_threshold(confidences, correct, 0.05) == 1.0


def test_what_was_not_asked_for_stays_open_and_what_was_makes_every_answer_unsure() -> None:
    confidences, correct = np.full(30, 0.8, np.float32), np.ones(30, np.bool_)
    strange = np.zeros(30, np.bool_)
    threshold, facts = risk_facts(confidences, correct, strange, None)
    assert threshold is None
    assert (facts["asked"], facts["promised"], facts["coverage"], facts["observed"]) == (0.05, False, 1.0, 0.0)
    assert "takes at least 90 validation images" in risk_in_words(facts)
    threshold, facts = risk_facts(confidences, correct, strange, 0.02)
    assert threshold == ALL_UNSURE
    assert (facts["promised"], facts["coverage"], facts["observed"]) == (False, 0.0, None)
    assert risk_in_words(facts).endswith("so every answer is unsure.")


def test_strange_images_are_neither_answered_nor_counted_as_answers() -> None:
    confidences, correct = np.full(400, 0.9, np.float32), np.ones(400, np.bool_)
    strange = np.arange(400) < 100
    correct[:100] = False
    threshold, facts = risk_facts(confidences, correct, strange, 0.05)
    assert threshold == pytest.approx(0.9)
    assert (facts["promised"], facts["coverage"], facts["observed"]) == (True, 0.75, 0.0)
    assert "at most 5 % are wrong, at 99 % confidence" in risk_in_words(facts)
    assert given_answers(confidences, strange, threshold).sum() == 300


def test_the_curve_ends_with_all_images() -> None:
    curve = coverage_curve(np.array([0.9, 0.5, 0.7, 0.6], np.float32), np.array([True, False, True, False]))
    assert [point["coverage"] for point in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [point["risk"] for point in curve] == pytest.approx([0, 0, 1 / 3, 1 / 2])

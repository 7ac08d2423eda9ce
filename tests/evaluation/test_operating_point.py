"""A person relies on: the recall or precision that is promised of a class holds, as often as that is promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import beta

from beholder.errors import UsageError
from beholder.evaluation.abstention import risk_in_words
from beholder.evaluation.decision import OperatingPoint, decide
from beholder.evaluation.operating_point import choose_point, judge_point, precision_threshold, recall_threshold
from beholder.evaluation.point_curves import operating_curves
from beholder.evaluation.point_words import point_in_words, point_test_in_words
from beholder.evaluation.promises import make_promises
from beholder.evaluation.targets import Target, check_target, target_of

RESPLITS = 100  # `bench/trust.py` makes 200
NAMES = ("fine", "scratched", "defective")


@dataclass(frozen=True)
class World:
    """What a network is shown and says: a rare class, how well it is told, how untrue its probabilities are."""

    share: float  # of the images that are defective
    apart: float  # distance of the classes, in standard deviations
    sharpness: float  # 1: the probabilities are true; more: overconfident

    def drawn(self, random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) float32 probabilities and (N,) int64 labels."""
        shares = np.array([0.8 * (1 - self.share), 0.2 * (1 - self.share), self.share])
        labels = random.choice(3, count, p=shares).astype(np.int64)
        centres = self.apart * np.eye(3) / 2**0.5
        seen = centres[labels] + random.standard_normal((count, 3))
        logits = self.sharpness * (seen @ centres.T + np.log(shares))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32), labels


WORLDS = [World(0.1, 2.5, 1.0), World(0.3, 1.5, 3.0), World(0.05, 3.0, 0.5)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("figure", "asked"), [("recall", 0.9), ("precision", 0.8)])
def test_the_promise_holds_on_twenty_thousand_other_images_of_the_class(
    world: World, figure: str, asked: float
) -> None:
    many, labels = world.drawn(np.random.default_rng(1000), round(21_000 / world.share))
    assert (labels == 2).sum() >= 20_000
    target = Target("recall" if figure == "recall" else "precision", "defective", asked)
    kept = promised = 0
    for seed in range(RESPLITS):
        point, facts = choose_point(target, *world.drawn(np.random.default_rng(seed), 3000), NAMES)
        assert facts["promised"] is (point is not None)
        if point is None:
            continue
        promised += 1
        kept += (judge_point(point.reached(many), labels == 2)[figure] or 0.0) >= asked
    assert promised >= RESPLITS / 2 if figure == "precision" else promised == RESPLITS
    assert kept >= 0.95 * promised


@pytest.mark.parametrize(("count", "recall"), [(90, 0.95), (500, 0.95), (2000, 0.99), (60, 0.5)])
def test_recall_is_promised_exactly_whatever_the_probabilities_are_like(count: int, recall: float) -> None:
    """Of uniform scores the k-th smallest is a beta variable: the rank taken is the last that is sure enough."""
    own = np.linspace(0.1, 0.9, count, dtype=np.float32)
    threshold = recall_threshold(np.random.default_rng(0).permutation(own), recall)
    rank = int(np.flatnonzero(own == np.float32(threshold))[0]) + 1
    assert beta.cdf(1 - recall, rank, count - rank + 1) >= 0.99
    assert beta.cdf(1 - recall, rank + 1, count - rank) < 0.99


def test_what_precision_is_promised_passes_clopper_and_pearson() -> None:
    probabilities, labels = WORLDS[0].drawn(np.random.default_rng(3), 4000)
    threshold = precision_threshold(probabilities[:, 2], labels == 2, 0.8)
    called = probabilities[:, 2] >= np.float32(threshold)
    wrong, count = int((labels[called] != 2).sum()), int(called.sum())
    assert beta.ppf(0.99, wrong + 1, count - wrong) <= 0.2


def test_it_is_not_needlessly_careful() -> None:
    """With many images the figure comes near to the one asked for: what is over is paid for in the other."""
    world = World(0.2, 2.5, 1.0)
    probabilities, labels = world.drawn(np.random.default_rng(4), 100_000)
    for figure, asked in (("recall", 0.95), ("precision", 0.9)):
        target = target_of(*(({"defective": asked}, None) if figure == "recall" else (None, {"defective": asked})))
        assert target is not None
        _, facts = choose_point(target, probabilities, labels, NAMES)
        assert asked < facts[figure] < asked + 0.015


def labelled(*counts: int) -> np.ndarray:
    """Labels of so many images a class."""
    return np.repeat(np.arange(len(counts)), counts).astype(np.int64)


def test_images_of_a_group_count_as_one_and_the_promise_is_for_new_groups() -> None:
    """Twenty images of each of 150 patients, all found or all missed: 3,000 images tell no more than 150."""
    random = np.random.default_rng(7)
    target, kept = Target("recall", "b", 0.9), []
    for _ in range(RESPLITS):
        own = np.repeat(random.random(150), 20).astype(np.float32)
        probabilities = np.concatenate([np.stack([1 - own, own], axis=1), [[0.9, 0.1]]]).astype(np.float32)
        groups = [*np.repeat(np.arange(150), 20).astype(str).tolist(), ""]
        labels = np.append(np.ones(3000, np.int64), 0)
        alone, _ = choose_point(target, probabilities, labels, ("a", "b"))
        point, facts = choose_point(target, probabilities, labels, ("a", "b"), groups)
        assert point is not None
        assert alone is not None
        assert facts["groups"] == 150
        assert point.threshold <= alone.threshold
        kept.append(point.threshold <= 0.1)  # scores are uniform
    assert np.mean(kept) >= 0.95
    assert "new groups, each group as likely as any other, like the 150 groups with such" in point_in_words(facts)
    impossible, facts = choose_point(Target("recall", "b", 0.99), probabilities, labels, ("a", "b"), groups)
    assert impossible is None
    there = "there are 150 groups with validation images of the class, and it takes about 459;"
    assert there in point_in_words(facts), "groups are compared with groups"
    check_target(target, ("a", "b"), labels, groups)
    with pytest.raises(UsageError, match="459 groups with validation images of the class, and there are 150"):
        check_target(Target("recall", "b", 0.99), ("a", "b"), labels, groups)
    for figure in ("recall", "precision"):
        asked = {"b": 0.6}
        made = make_promises(
            probabilities,
            labels,
            labels < 0,
            ("a", "b"),
            None,
            target_of(asked if figure == "recall" else None, asked if figure == "precision" else None),
            groups,
        )
        assert made.point is not None
        assert made.point["groups"] == (150 if figure == "recall" else 151)
        assert "groups" in made.risk


def test_ninety_images_all_found_promise_95_percent_and_89_promise_nothing() -> None:
    own = np.linspace(0.2, 0.9, 90, dtype=np.float32)
    assert recall_threshold(own, 0.95) == pytest.approx(0.2)
    assert recall_threshold(own[1:], 0.95) is None
    assert recall_threshold(own[:0], 0.95) is None
    assert precision_threshold(own[:0], np.zeros(0, np.bool_), 0.9) is None
    target = Target("recall", "b", 0.95)
    check_target(target, ("a", "b"), labelled(5, 90))
    with pytest.raises(UsageError, match=r"at least 90 validation images of the class, and there are 89; .* 94.9 %"):
        check_target(target, ("a", "b"), labelled(500, 89))
    with pytest.raises(UsageError, match="there are 0; add images of it"):
        check_target(target, ("a", "b"), labelled(500, 0))
    with pytest.raises(UsageError, match="no class 'b'; the classes are a, c"):
        check_target(target, ("a", "c"), labelled(500, 500))
    with pytest.raises(UsageError, match="only class"):
        check_target(target, ("b",), labelled(500))


def test_images_that_are_equally_probable_are_called_together() -> None:
    scores = np.repeat(np.array([0.9, 0.4], np.float32), 200)
    of_class = np.arange(400) < 210
    probabilities = np.stack([1 - scores, scores], axis=1)
    point, facts = choose_point(Target("recall", "b", 0.9), probabilities, of_class.astype(np.int64), ("a", "b"))
    assert point is not None
    assert 0.4 < point.threshold < 0.9  # the 10 others may be missed, and no score lies between
    assert (facts["found"], facts["false"]) == (200, 0)
    point, facts = choose_point(Target("recall", "b", 0.96), probabilities, of_class.astype(np.int64), ("a", "b"))
    assert point is not None
    assert point.threshold <= 0.4
    assert (facts["recall"], facts["false_alarms"]) == (1.0, 1.0)


def test_what_cannot_be_promised_says_how_many_images_would() -> None:
    random = np.random.default_rng(5)
    scores = random.random(600).astype(np.float32)
    probabilities = np.stack([1 - scores, scores], axis=1)
    labels = (random.random(600) < scores).astype(np.int64)
    point, facts = choose_point(Target("precision", "b", 0.95), probabilities, labels, ("a", "b"))
    assert point is None
    assert facts["threshold"] is None
    assert facts["needed"] > facts["count"]
    there = f"there are {facts['count']:,} validation images of the class, and it takes about {facts['needed']:,};"
    assert there in point_in_words(facts)
    never, facts = choose_point(Target("precision", "b", 0.9), probabilities, np.arange(600) % 2, ("a", "b"))
    assert (never, facts["needed"]) == (None, None)
    assert "more images would not change that" in point_in_words(facts)


def test_the_class_is_answered_where_its_threshold_is_reached_and_nowhere_else() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.95, 0.0, 0.05], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]], np.float32)
    assert decide(probabilities, None).tolist() == [0, 0, 1, 2]
    assert decide(probabilities, OperatingPoint(1, float(np.float32(0.1)))).tolist() == [1, 0, 1, 1]
    assert decide(probabilities, OperatingPoint(1, 0.8)).tolist() == [0, 0, 0, 2]
    assert decide(probabilities[2], OperatingPoint(1, 0.8)) == 0


def test_the_curves_are_those_of_every_threshold() -> None:
    probabilities, labels = WORLDS[0].drawn(np.random.default_rng(6), 900)
    scores, of_class = np.round(probabilities[:, 2], 2), labels == 2  # many are equal
    told = operating_curves(scores, of_class)
    expected = [judge_point(scores >= least, of_class) for least in np.unique(scores[of_class])]
    places = {tuple(one[name] for name in ("recall", "precision", "false_alarms")) for one in expected}
    drawn = [tuple(one[name] for name in ("recall", "precision", "false_alarms")) for one in told["curve"]]
    assert set(drawn[:-1]) <= places
    assert drawn[-1] == (1.0, of_class.mean(), 1.0)
    assert drawn[-2] == max(places)  # the highest threshold at which all are found
    assert len(drawn) <= 100
    pairs = scores[of_class][:, None] - scores[~of_class][None]
    assert told["auroc"] == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    steps = sorted(expected, key=lambda one: one["recall"])
    gained = np.diff([0.0, *(one["recall"] for one in steps)])
    assert told["average_precision"] == pytest.approx(sum(gained * [one["precision"] for one in steps]))
    assert operating_curves(scores, labels > 5) == {"curve": [], "average_precision": None, "auroc": None}


def test_what_is_not_the_promised_class_keeps_its_risk_as_often_as_promised() -> None:
    """Though the operating point was chosen on the same images."""
    world = WORLDS[0]
    many, labels = world.drawn(np.random.default_rng(1000), 200_000)
    for figure, asked in (("recall", 0.9), ("precision", 0.8)):
        target = Target("recall" if figure == "recall" else "precision", "defective", asked)
        broken = promised = 0
        for seed in range(RESPLITS):
            own, right = world.drawn(np.random.default_rng(seed), 3000)
            made = make_promises(own, right, np.zeros(3000, np.bool_), NAMES, 0.1, target)
            if made.point is None or not made.point["promised"] or not made.risk["promised"]:
                continue
            assert made.risk["other_than"] == "defective"
            point = OperatingPoint(2, made.point["threshold"])
            answers = decide(many, point)
            given = (answers != 2) & (many[np.arange(len(many)), answers] >= (made.unsure_below or 0))
            promised += 1
            broken += (answers[given] != labels[given]).mean() > 0.1
        assert promised > RESPLITS / 2
        assert broken <= 1 + 3 * 1  # 1 % of 100, and three times what chance adds


def test_where_every_image_gets_the_promised_class_nothing_is_said_of_others() -> None:
    probabilities = np.tile(np.array([[0.2, 0.8]], np.float32), (200, 1))
    labels = (np.arange(200) % 2).astype(np.int64)
    for risk, coverage in ((None, 1.0), (0.05, 0.0)):
        made = make_promises(probabilities, labels, labels < 0, ("a", "b"), risk, Target("recall", "b", 0.9))
        assert (made.risk["count"], made.risk["coverage"], made.risk["promised"]) == (0, coverage, False)
        assert "cannot be promised that at most 5 % of its answers other than 'b' are wrong" in risk_in_words(made.risk)


def test_the_price_is_told_in_words() -> None:
    facts = {"class_name": "defective", "figure": "recall", "asked": 0.95, "confidence": 0.99, "promised": True}
    facts |= {"threshold": 0.031, "needed": None, "count": 125, "others": 1000, "found": 120, "false": 880}
    facts |= {"recall": 0.96, "precision": 0.12, "false_alarms": 0.88}
    words = point_in_words(facts)
    assert "at least 95 % of its images are found, at 99 % confidence" in words
    assert "On the validation set 96.0 % of 125 were found, and 88.0 % of the 1,000 others were false alarms" in words
    assert "12.0 % of its answers 'defective' were right" in words
    words = point_in_words({**facts, "figure": "precision", "precision": 0.97, "asked": 0.9})
    assert "at least 90 % of these answers are right" in words
    assert "On the validation set 97.0 % were right" in words


@pytest.mark.parametrize(
    ("observed", "interval", "words"),
    [
        (0.97, (0.94, 0.99), "it is 97.0 % (95 % interval 94.0 % to 99.0 %): it held. 97.0 % of 200 were found"),
        (0.94, (0.9, 0.97), "less than promised, but within what chance explains"),
        (0.8, (0.75, 0.85), "it did not hold: these images are not like those of the validation set"),
        (None, None, "cannot tell whether it held: it has no image of the class"),
    ],
)
def test_whether_it_held_is_told_in_words(
    observed: float | None, interval: tuple[float, float] | None, words: str
) -> None:
    promise = {"class_name": "b", "figure": "recall", "asked": 0.95, "recall": observed, "interval": interval}
    promise |= {"count": 200, "others": 50, "precision": 0.5, "false_alarms": 0.1}
    assert words in point_test_in_words(promise)

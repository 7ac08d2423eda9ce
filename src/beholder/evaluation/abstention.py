"""Abstention: which answers to hold back so that, of those given, few are wrong, and what can be promised of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.kinds import named
from beholder.evaluation.fold_words import judged_in_words
from beholder.evaluation.groups import one_of_each
from beholder.evaluation.shares import as_percent, as_said

RISK = 0.05  # share of wrong answers among those given, where nobody asks for another
CONFIDENCE = 0.99
ALL_UNSURE = 2.0  # a threshold that no probability reaches
_STEPS = 50  # thresholds that are tried, and points of a curve


def risk_threshold(
    confidences: NDArray[np.float32], correct: NDArray[np.bool_], risk: float, confidence: float = CONFIDENCE
) -> float | None:
    """The least probability from which on answers may be given, so that at most the share `risk` of them is wrong.

    Thresholds are tried in a sequence that the confidences alone decide, before any label is seen: first so high that
    few images are answered, then lower and lower, until for one of them the exact binomial test (equal to the upper
    bound of Clopper and Pearson, 1934) no longer rules out at level 1 - `confidence` that more than `risk` of its
    answers are wrong. The last that passed is returned. Since testing stops at the first failure, no correction for
    many tests is due: fixed sequence testing (Bauer, Multiple testing in clinical trials, 1991; for risks of
    classifiers Angelopoulos, Bates, Candès, Jordan and Lei, Learn then Test, 2021).

    The promise is for new images of the same kind as these, and holds with probability `confidence` over the choice
    of these. None where nothing can be promised: too few images, or too many wrong answers among the surest.

    Args:
        confidences: (N,) float32, the probability of each answer on the validation set.
        correct: (N,) bool, whether it is right.
        risk: the share that is tolerated, between 0 and 1, both excluded.
        confidence: with which it is promised, likewise.
    """
    from scipy.special import bdtr  # not above: a light install reads the words of this module without it

    count, fewest = len(confidences), fewest_images(risk, confidence)
    if count < fewest:
        return None
    order = np.argsort(-confidences, kind="stable")
    falling, errors = confidences[order], np.cumsum(~correct[order])
    ranks = np.unique(np.linspace(fewest, count, _STEPS).astype(np.int64))
    threshold = None
    for rank in ranks[_first(falling, ranks, risk, confidence) :]:
        tried = float(falling[rank - 1])
        answered = int(np.searchsorted(-falling, -tried, side="right"))  # with all that are exactly as sure
        if bdtr(int(errors[answered - 1]), answered, risk) > 1 - confidence:
            break
        threshold = tried
    return threshold


def _first(falling: NDArray[np.float32], ranks: NDArray[np.int64], risk: float, confidence: float) -> int:
    """Where among `ranks` the sequence starts: where the test would most probably pass if the confidences were true.

    A start with few images bears no mistake, one with many bears as many as the risk. No label is seen here: were the
    confidences wrong, less would be promised, but not more than is true.
    """
    # Not scipy.stats, which takes a second to import.
    from scipy.special import bdtr, bdtrik, pdtr

    expected = np.cumsum(1 - falling.astype(np.float64))[ranks - 1]  # mistakes among so many of the surest
    borne = np.floor(bdtrik(1 - confidence, ranks, risk))
    borne = np.where(bdtr(borne, ranks, risk) > 1 - confidence, borne - 1, borne)
    return int(np.argmax(np.where(borne < 0, 0.0, pdtr(borne, expected))))


def fewest_images(risk: float, confidence: float = CONFIDENCE) -> int:
    """How many validation images, all answered right, it takes to promise `risk` at all."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-risk))


def risk_facts(
    confidences: NDArray[np.float32],
    correct: NDArray[np.bool_],
    unlike: NDArray[np.bool_],
    asked: float | None,
    groups: Sequence[str] | None = None,
) -> tuple[float | None, dict[str, Any]]:
    """The threshold of a classifier and what its manifest says of it.

    Args:
        confidences: (N,) float32, the probability of each answer on the validation set.
        correct: (N,) bool, whether it is right.
        unlike: (N,) bool, images that are not answered however sure the answer is.
        asked: the risk that the person asked for; None: 5 %.
        groups: of each image, as `Dataset.groups`. Images of a group are no independent draws, so the promise rests on
            one image of each, and is for an image of a new group, each as likely as any other.

    Returns:
        The probability below which an answer is unsure, and the facts: `asked`, the risk; `confidence`; `promised`;
        `count`, N; `groups`, how many there are, if any; `coverage`, the share that is answered, and `observed`, the
        share of wrong answers among these (None of none). Where nothing can be promised the threshold is None; where a
        risk was asked for, no answer is sure.
    """
    risk = RISK if asked is None else asked
    rows = np.arange(len(correct)) if groups is None else one_of_each(groups)
    drawn = rows[~unlike[rows]]
    threshold = risk_threshold(confidences[drawn], correct[drawn], risk)
    promised = threshold is not None
    if threshold is None and asked is not None:
        threshold = ALL_UNSURE
    given = given_answers(confidences, unlike, threshold)
    facts = {"asked": risk, "confidence": CONFIDENCE, "promised": promised, "count": len(confidences)}
    facts |= {} if groups is None else {"groups": len(rows)}
    return threshold, {**facts, "coverage": share(given), "observed": share(~correct[given])}


def given_answers(
    confidences: NDArray[np.float32], unlike: NDArray[np.bool_], threshold: float | None
) -> NDArray[np.bool_]:
    """(N,) bool: which answers are not unsure."""
    return ~unlike if threshold is None else ~unlike & (confidences >= threshold)


def coverage_curve(confidences: NDArray[np.float32], correct: NDArray[np.bool_]) -> list[dict[str, float]]:
    """What fewer answers would be worth: `coverage`, the share that is answered, and `risk`, the share of wrong ones.

    The surest are answered first (El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification,
    2010); at most 50 points, from few to all.
    """
    errors = np.cumsum(~correct[np.argsort(-confidences, kind="stable")])
    count = len(confidences)
    ranks = np.unique(np.linspace(max(1, count // _STEPS), count, min(_STEPS, count)).astype(np.int64))
    return [{"coverage": int(rank) / count, "risk": float(errors[rank - 1] / rank)} for rank in ranks]


def risk_in_words(facts: dict[str, Any]) -> str:
    """One sentence about the facts that `risk_facts` gave: what is promised, or why nothing is."""
    risk, count = as_said(facts["asked"]), f"{facts['count']:,}"
    plural = named(facts.get("kind", "image")).plural
    sure = as_said(facts["confidence"])
    groups, folds = facts.get("groups"), facts.get("folds")
    of_them = judged_in_words(folds)
    promised = facts.get("other_than")  # a class with an operating point, which is never unsure
    other, these = ("", "") if promised is None else (f" other than {promised!r}", " that got one")
    if facts["promised"]:
        like = f"{plural} like the {count} {of_them}"
        if groups is not None:
            like = f"{plural} of new groups, each group as likely as any other, like the {groups:,} {of_them}"
        given = f"Of the answers{other} that it gives, " if folds is None else f"{estimated(folds)}, of the answers"
        given += "" if folds is None else f"{other} that it gives "
        return (
            f"{given}at most {risk} are wrong, at {sure} confidence and for {like}{these}; of those it was unsure "
            f"about {as_percent(1 - facts['coverage'])}."
        )
    fewest = fewest_images(facts["asked"], facts["confidence"])
    there, what = (facts["count"], plural) if groups is None else (groups, "groups")
    what = f"validation {what}" if folds is None else what
    are = "is" if there == 1 else "are"
    why = (
        f"this takes at least {fewest:,} {what}{these}, and there {are} {there:,}"
        if there < fewest
        else f"it is wrong too often on the {there:,} {what}{these}"
    )
    always = facts["coverage"] == 0
    every, none = ("every answer", "no answer") if promised is None else ("each of them", "none of them")
    then = f"so {every} is unsure" if always else f"so {none} is marked unsure because of its probability"
    promise = "promised" if folds is None else "estimated"
    return f"It cannot be {promise} that at most {risk} of its answers{other} are wrong: {why}, {then}."


def estimated(folds: int) -> str:
    """How a sentence begins about a promise that rests on what the networks of so many `folds` answered."""
    return f"By an estimate from {folds} folds"


def share(of: NDArray[np.bool_]) -> float | None:
    """The share that is true, 0 to 1; None of nothing."""
    return float(of.mean()) if len(of) else None

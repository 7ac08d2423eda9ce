"""An operating point in words: what is promised, and what it costs in the other figure."""

from __future__ import annotations

from typing import Any

from beholder.data.kinds import FileKind, named
from beholder.evaluation.abstention import estimated, risk_in_words
from beholder.evaluation.fold_words import judged_in_words
from beholder.evaluation.shares import as_percent, as_said


def promises_in_words(point: dict[str, Any] | None, risk: dict[str, Any] | None) -> list[str]:
    """What is promised of one class, as `choose_point` tells it, and of the other answers, as `risk_facts` does."""
    told = [] if point is None else [point_in_words(point)]
    return told if risk is None else [*told, risk_in_words(risk)]


def point_in_words(facts: dict[str, Any]) -> str:
    """Two sentences about the facts that `choose_point` gave: the promise with its price, or why there is none."""
    name, sure, folds = repr(facts["class_name"]), as_said(facts["confidence"]), facts.get("folds")
    if not facts["promised"]:
        promised = "promised" if folds is None else "estimated"
        return f"{_wanted(facts)} cannot be {promised} at {sure} confidence: {_why_not(facts)}."
    of_them, plural = judged_in_words(folds), _kind(facts).plural
    alike = f"{plural} like the {facts['count'] + facts['others']:,} {of_them}"
    if facts.get("groups") is not None:
        having = f" with such {plural}" if facts["figure"] == "recall" else ""
        groups = f"the {facts['groups']:,} groups{having} {of_them}"
        alike = f"{plural} of new groups, each group as likely as any other, like {groups}"
    alike += "" if facts["figure"] == "recall" else ", in the same proportions of classes"
    kept = f"of its {plural} are found" if facts["figure"] == "recall" else "of these answers are right"
    least = as_said(facts["threshold"])
    so = "so that" if folds is None else f"so that, {estimated(folds)[0].lower()}{estimated(folds)[1:]},"
    return (
        f"It answers {name} wherever its probability is at least {least}, {so} at least "
        f"{as_said(facts['asked'])} {kept}, at {sure} confidence and for {alike}. {_price(facts)}"
    )


def point_test_in_words(promise: dict[str, Any]) -> str:
    """Whether the promise held on the test set; `promise` as of `evaluate`."""
    figure, name, asked = promise["figure"], repr(promise["class_name"]), promise["asked"]
    observed, interval = promise[figure], promise["interval"]
    was = "promised" if promise.get("folds") is None else "estimated"
    if observed is None:
        one = _kind(promise).name
        nothing = f"it has no {one} of the class" if figure == "recall" else f"no {one} got that answer"
        return f"{as_said(asked)} {figure} of {name} was {was}; the test set cannot tell whether it held: {nothing}."
    held = "it held" if observed >= asked else "it is less than promised, but within what chance explains"
    if interval[1] < asked:
        held = (
            f"it did not hold: these {_kind(promise).plural} are not like those {judged_in_words(promise.get('folds'))}"
        )
    return (
        f"{as_said(asked)} {figure} of {name} was {was}; on the test set it is {as_percent(observed)} (95 % "
        f"interval {as_percent(interval[0])} to {as_percent(interval[1])}): {held}. {_outcome(promise)}"
    )


def _wanted(facts: dict[str, Any]) -> str:
    return f"{as_said(facts['asked'])} {facts['figure']} of {facts['class_name']!r}"


def _why_not(facts: dict[str, Any]) -> str:
    needed, groups, kind = facts["needed"], facts.get("class_groups") is not None, _kind(facts)
    validation = "validation " if facts.get("folds") is None else ""
    if needed is None:
        too_often = f"it is wrong too often even where it is most certain, and more {kind.plural} would not change that"
        return f"{too_often}; the most probable class is answered"
    count = facts["class_groups"] if groups else facts["count"]
    is_or_are = "is" if count == 1 else "are"
    if groups:
        what = f"{'group' if count == 1 else 'groups'} with {validation}{kind.plural}"
    else:
        what = f"{validation}{kind.name if count == 1 else kind.plural}"
    there = f"there {is_or_are} {count:,} {what} of the class"
    return f"{there}, and it takes about {needed:,}; the most probable class is answered"


def _price(facts: dict[str, Any]) -> str:
    """What was found, and at which price, on the images that the promise was chosen by."""
    there = "On the validation set" if facts.get("folds") is None else "Out of fold"
    if facts["figure"] == "recall":
        return f"{there} {_outcome(facts)}"
    return (
        f"{there} {as_percent(facts['precision'])} were right, and {as_percent(facts['recall'])} of the "
        f"{facts['count']:,} {_kind(facts).plural} of the class were found."
    )


def _outcome(facts: dict[str, Any]) -> str:
    found = "none" if facts["recall"] is None else f"{as_percent(facts['recall'])} of {facts['count']:,}"
    false = (
        "none" if facts["false_alarms"] is None else f"{as_percent(facts['false_alarms'])} of the {facts['others']:,}"
    )
    right = "" if facts["precision"] is None else f"; {as_percent(facts['precision'])} of its answers "
    right += f"{facts['class_name']!r} were right" if right else ""
    return f"{found} were found, and {false} others were false alarms{right}."


def _kind(facts: dict[str, Any]) -> FileKind:
    """Of the files that the facts are of."""
    return named(facts.get("kind", "image"))

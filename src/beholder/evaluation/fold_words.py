"""What was judged out of fold, in words; and for a small set that was judged otherwise, that this tells more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beholder.data.kinds import Kind, named
from beholder.evaluation.shares import as_percent, interval_in_words

FOLDS = 5  # that are advised
_WIDE = 0.1  # between the ends of an interval: a figure that says little


def folds_in_words(facts: Mapping[str, Any]) -> str:
    """What came of folds: the accuracy with its interval, and whose it is; `facts` as `Trained.folds`."""
    folds, judged = facts["folds"], facts["judged"]
    if "accuracy" not in facts:
        return f"{judged} of {folds} folds are judged, and there is no model yet."
    return f"{accuracy_in_words(facts)} {whose_in_words(facts)}"


def accuracy_in_words(facts: Mapping[str, Any]) -> str:
    """The accuracy out of fold with its interval, a sentence."""
    groups = facts.get("groups")
    of_groups = "" if groups is None else f" of {groups:,} group{'s' * (groups != 1)}"
    return (
        f"Out-of-fold accuracy {as_percent(facts['accuracy'])} (95 % interval {interval_in_words(facts['interval'])}) "
        f"on {facts['count']:,} {_plural(facts)}{of_groups}."
    )


def whose_in_words(facts: Mapping[str, Any]) -> str:
    """Whose answers are judged out of fold, a sentence."""
    return (
        f"It is that of {facts['folds']} networks, each judged on a share of the {_plural(facts)} that it never saw; "
        "the model learned from all of them and is another network, so its figures and thresholds are estimates."
    )


def judged_in_words(folds: int | None) -> str:
    """Which files figures or promises are of, those judged in so many `folds` or of a validation set; after `those`."""
    return "of the validation set" if folds is None else "judged out of fold"


def better_in_words(count: int, interval: Sequence[float], what: str, kind: Kind = "image") -> str | None:
    """How to know more than a figure on so many files of a `kind` in the `what` set tells; None where it is enough."""
    low, high = interval
    if high - low <= _WIDE:
        return None
    between = f"the accuracy may lie anywhere from {interval_in_words(interval)}"
    files = named(kind)
    return (
        f"{count:,} {files.plural} of the {what} set say little: {between}; `beholder train DATA --folds {FOLDS}` "
        f"judges every {files.name}, each by a network that never saw it."
    )


def _plural(facts: Mapping[str, Any]) -> str:
    """What the files are called that were judged."""
    return named(facts.get("kind", "image")).plural

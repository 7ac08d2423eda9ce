"""Reads the figures of a test set that `evaluate` kept; those that a change made senseless are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beholder.runs.document_rules import (
    Rule,
    check_fields,
    is_count,
    is_flag,
    is_number,
    is_text,
    list_of,
    object_of,
    or_none,
)
from beholder.runs.run_folder import read_document

_WAY_OUT = "delete it and evaluate again"


def read_evaluation(path: Path) -> dict[str, Any] | None:
    """The figures in `path`, None where there is no such file.

    Raises:
        RunError: it cannot be read, is damaged, or of another schema.
    """
    if not path.exists():
        return None
    document = read_document(path, missing="", damaged=_WAY_OUT)
    check_fields(path, document, _WAY_OUT, {**_NEEDED, "per_class": _per_class(document)}, _OPTIONAL)
    return document


def _per_class(document: dict[str, Any]) -> Rule:
    confusion = document.get("confusion")
    return list_of(_CLASS, len(confusion) if isinstance(confusion, list) else None)


def _is_square(value: Any) -> bool:
    return isinstance(value, list) and list_of(list_of(is_count, len(value)))(value)


def _is_selective(value: Any) -> bool:
    if not _SELECTIVE(value) or not value["curve"]:
        return False
    asked, answered = value["asked"], value["coverage"]
    return (asked is not None or not value["promised"]) and (answered is not None or value["risk"] is None)


def _is_point(value: Any) -> bool:
    if not _POINT_FACTS(value) or value["figure"] not in ("recall", "precision"):
        return False
    judged = (value[value["figure"]], value["held"], value["interval"])
    return all(one is None for one in judged) or None not in judged


_SHARE = or_none(is_number)
_CLASS = object_of(class_name=is_text, precision=is_number, recall=is_number, f1=is_number, count=is_count)
_BIN = object_of(count=is_count, confidence=_SHARE, accuracy=_SHARE)
_POINT = object_of(coverage=is_number, risk=is_number)
_SELECTIVE = object_of(
    unsure_below=_SHARE, asked=_SHARE, promised=is_flag, coverage=_SHARE, risk=_SHARE, curve=list_of(_POINT)
)
_POINT_FACTS = object_of(
    class_name=is_text,
    figure=is_text,
    asked=is_number,
    threshold=is_number,
    count=is_count,
    others=is_count,
    recall=_SHARE,
    precision=_SHARE,
    false_alarms=_SHARE,
    interval=or_none(list_of(is_number, 2)),
    held=or_none(is_flag),
    average_precision=_SHARE,
    auroc=_SHARE,
    curve=list_of(object_of(recall=is_number, precision=is_number, false_alarms=is_number)),
)
_KIND = object_of(name=is_text, accuracies=list_of(is_number, 5), accuracy=is_number)
_SAME = object_of(same=is_number)
_NEEDED: dict[str, Rule] = {
    "count": is_count,
    "accuracy": is_number,
    "interval": list_of(is_number, 2),
    "top5": _SHARE,
    "log_loss": is_number,
    "confusion": _is_square,
    "mistakes": list_of(object_of()),
    "created": is_text,
    "judged": is_text,
    "uneven": is_flag,
    "macro_recall": is_number,
    "macro_f1": is_number,
    "ece": is_number,
    "reliability": list_of(_BIN),
    "selective": _is_selective,
}
_OPTIONAL: dict[str, Rule] = {
    "data": is_text,
    "file": is_text,
    "notes": list_of(is_text),
    "precision": is_text,
    "group_rule": object_of(by=is_text, rule=is_text),
    "group_fingerprint": is_text,
    "point": _is_point,
    "corruptions": object_of(
        kinds=list_of(_KIND), mean_accuracy=is_number, worst=object_of(name=is_text, accuracy=is_number)
    ),
    "consistency": object_of(shift=_SAME, flip=_SAME, brightness=_SAME, all=is_number),
}

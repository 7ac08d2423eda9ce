"""Reads the figures of a test set that `evaluate` kept; those that a change made senseless are refused.

Own code because a library for schemas would be one more that the light install brings, for this file alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beholder.errors import RunError
from beholder.runs.run_folder import read_document

Check = Callable[[Any], bool]

_WAY_OUT = "delete it and evaluate again"


def read_evaluation(path: Path) -> dict[str, Any] | None:
    """The figures in `path`, None where there is no such file.

    Raises:
        RunError: it cannot be read, is damaged, or of a newer schema.
    """
    if not path.exists():
        return None
    document = read_document(path, missing="", damaged=_WAY_OUT)
    wrong = _wrong_field(document)
    if wrong is not None:
        raise RunError(f"{str(path)!r} is damaged (its {wrong!r} is not as it should be); {_WAY_OUT}.")
    return document


def judged_in_words(document: dict[str, Any]) -> str:
    """How many images of how many the figures in `document` are of, a sentence or more."""
    earlier = "An earlier version of Beholder kept these figures; it did not check that the data were still the same."
    return str(document.get("judged") or earlier)


def _wrong_field(document: dict[str, Any]) -> str | None:
    """The name of a field that those who read the figures could not work with."""
    for name, check in _NEEDED.items():
        if name not in document or not check(document[name]):
            return name
    for name, check in _MORE.items():  # what figures of an earlier Beholder do not have
        if document.get(name) is not None and not check(document[name]):
            return name
    for name, others in _TOGETHER.items():
        if document.get(name) and any(document.get(other) is None for other in others):
            return name
    if len(document["per_class"]) != len(document["confusion"]):
        return "per_class"
    return next((name for name, value in document.items() if not _is_json(value)), None)


def _is_json(value: Any) -> bool:
    """Python reads infinities and NaN, which JSON does not have and no page takes."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 2**53


def _count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 2**53


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list(check: Check, count: int | None = None) -> Check:
    return lambda value: isinstance(value, list) and count in (None, len(value)) and all(map(check, value))


def _object(**fields: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(name in value and check(value[name]) for name, check in fields.items())
    )


def _square(value: Any) -> bool:
    return isinstance(value, list) and _list(_list(_count, len(value)))(value)


def _selective(value: Any) -> bool:
    if not _SELECTIVE(value) or not value["curve"]:
        return False
    asked, answered = value["asked"], value["coverage"]
    return (asked is not None or not value["promised"]) and (answered is not None or value["risk"] is None)


_SHARE = _or_none(_number)
_CLASS = _object(class_name=_text, precision=_number, recall=_number, f1=_number, count=_count)
_BIN = _object(count=_count, confidence=_SHARE, accuracy=_SHARE)
_POINT = _object(coverage=_number, risk=_number)
_SELECTIVE = _object(
    unsure_below=_SHARE, asked=_SHARE, promised=_flag, coverage=_SHARE, risk=_SHARE, curve=_list(_POINT)
)
_KIND = _object(name=_text, accuracies=_list(_number, 5), accuracy=_number)
_SAME = _object(same=_number)
_NEEDED: dict[str, Check] = {
    "count": _count,
    "accuracy": _number,
    "interval": _list(_number, 2),
    "top5": _SHARE,
    "log_loss": _number,
    "per_class": _list(_CLASS),
    "confusion": _square,
    "mistakes": _list(_object()),
    "created": _text,
}
_MORE: dict[str, Check] = {
    "data": _text,
    "file": _text,
    "judged": _text,
    "notes": _list(_text),
    "precision": _text,
    "uneven": _flag,
    "macro_recall": _number,
    "macro_f1": _number,
    "ece": _number,
    "reliability": _list(_BIN),
    "selective": _selective,
    "corruptions": _object(kinds=_list(_KIND), mean_accuracy=_number, worst=_object(name=_text, accuracy=_number)),
    "consistency": _object(shift=_SAME, flip=_SAME, brightness=_SAME, all=_number),
}
_TOGETHER = {"uneven": ("macro_recall", "macro_f1"), "selective": ("ece", "reliability")}

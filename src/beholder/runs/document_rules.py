"""Rules for the fields of a kept document; one that breaks them is refused rather than half understood.

Own code because a library for schemas would be one more that the light install brings, for these files alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from beholder.errors import RunError

Rule = Callable[[Any], bool]


def check_fields(
    path: Path, document: dict[str, Any], way_out: str, needed: Mapping[str, Rule], optional: Mapping[str, Rule]
) -> None:
    """Check the fields of the `document` that was read from `path`, each by the rule of its name.

    Raises:
        RunError: a field breaks its rule, or a needed one is missing; `way_out` says what the person can do.
    """
    wrong = [name for name, rule in needed.items() if name not in document or not rule(document[name])]
    wrong += [name for name, rule in optional.items() if not or_none(rule)(document.get(name))]
    wrong += [name for name, value in document.items() if not _is_json(value)]
    if wrong:
        raise RunError(f"{str(path)!r} is damaged (its {wrong[0]!r} is not valid); {way_out}.")


def is_number(value: Any) -> bool:
    """A number that can be calculated with."""
    return isinstance(value, int | float) and abs(value) < 2**53


def is_count(value: Any) -> bool:
    """A whole number, 0 or more."""
    return isinstance(value, int) and 0 <= value < 2**53


def is_text(value: Any) -> bool:
    """A text."""
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def or_none(rule: Rule) -> Rule:
    """None, or what obeys `rule`."""
    return lambda value: value is None or rule(value)


def list_of(rule: Rule, count: int | None = None) -> Rule:
    """A list, of `count` elements if that is given, each of which obeys `rule`."""
    return lambda value: isinstance(value, list) and count in (None, len(value)) and all(map(rule, value))


def object_of(**fields: Rule) -> Rule:
    """A JSON object with at least these fields, each obeying its rule."""
    return lambda value: (
        isinstance(value, dict) and all(name in value and rule(value[name]) for name, rule in fields.items())
    )


def _is_json(value: Any) -> bool:
    """Python reads infinities and NaN, which JSON does not have and no page takes."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True

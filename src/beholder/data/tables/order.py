"""The order of classes that are labels in a table: numbers by their value, `class 2` before `class 10`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?|[-+]?\.[0-9]+")
_DIGITS = re.compile(r"([0-9]+)")


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Each of `labels` once, in the order in which people count; without digits in them that of folders' names."""
    names = sorted(set(labels))
    if all(_NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=Decimal))
    return tuple(sorted(names, key=_natural))


def _natural(name: str) -> list[tuple[int, str]]:
    """Texts and digits in turn; digits compare by their number, which may be longer than `int` reads."""
    parts = _DIGITS.split(name)
    return [(len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (0, part) for place, part in enumerate(parts)]

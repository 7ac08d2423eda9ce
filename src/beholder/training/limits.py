"""Numbers that a person asks for: each is a number, and within its limits, or told in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from beholder.errors import UsageError

LARGEST_SEED = 2**32 - 1  # that NumPy and Keras take
DEFAULT_BUDGET = 600.0  # seconds, of `train` and of `audit`


def real(value: Any, expected: str, fits: Callable[[float], bool]) -> float:
    """`value` as a finite number that `fits`.

    Raises:
        UsageError: it is none; the sentence says what was `expected`.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _unexpected(value, expected)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or not fits(number):
        raise _unexpected(value, expected)
    return number


def whole(value: Any, name: str, least: int, most: int | None = None) -> int:
    """`value` as a whole number of at least `least`, and at most `most`.

    Raises:
        UsageError: it is none.
    """
    is_whole = not isinstance(value, bool) and isinstance(value, Integral)
    if not is_whole or value < least or (most is not None and value > most):
        between = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise _unexpected(value, f"a whole number {between} for the {name}")
    return int(value)


def seconds(budget: Any) -> float:
    """A budget in seconds.

    Raises:
        UsageError: it is no number of seconds, or none above 0.
    """
    return real(budget, "a budget of more than 0 seconds", lambda number: number > 0)


def length(budget: Any, epochs: Any) -> float | None:
    """The budget in seconds, if any, of a training that either a budget or a number of epochs ends.

    Raises:
        UsageError: it is none, or both are given.
    """
    if budget is None:
        return None
    given = seconds(budget)
    if epochs is not None:
        raise UsageError(f"A budget decides the epochs; give a budget ({given:g} s) or epochs ({epochs}), not both.")
    return given


def option(name: str, value: Any) -> Any:
    """The `value` of a network's own option, as its `build` takes it.

    Raises:
        UsageError: it is not within the limits of the option of that name.
    """
    if name in ("window", "stride"):
        return whole(value, name, 1)
    if name == "side":
        return whole(value, name, 8)
    if name == "dropout":
        return real(value, "a dropout of at least 0 and below 1", lambda share: 0 <= share < 1)
    if name == "padding" and value not in ("same", "valid"):
        raise _unexpected(value, "a padding of same or valid")
    if name == "widths":
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise _unexpected(value, "three whole numbers for the widths")
        return tuple(whole(width, "widths", 1) for width in value)
    return value


def _unexpected(value: Any, expected: str) -> UsageError:
    text = str(value) if isinstance(value, Real) else repr(value)
    return UsageError(f"Expected {expected}. Received: {text if len(text) <= 80 else text[:80] + '…'}.")

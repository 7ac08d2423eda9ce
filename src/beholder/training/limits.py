"""The default budget, and the kind and limits of each value that a person gives: it fits, or is one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from beholder.errors import UsageError
from beholder.models import SMALLEST_SIDE

LARGEST_SEED = 2**32 - 1  # that NumPy and Keras take
DEFAULT_BUDGET = 600.0  # seconds: of `audit`, and of `train` where the budget chooses the network

_WHOLE: dict[str, tuple[int, int | None]] = {
    "batch_size": (1, None),
    "early_stop": (1, None),
    "images": (1, None),
    "seed": (0, LARGEST_SEED),
    "side": (SMALLEST_SIDE, None),
    "stride": (1, None),
    "widths": (1, None),
    "window": (1, None),
}
_REAL: dict[str, tuple[str, Callable[[float], bool]]] = {
    "budget": ("a budget of more than 0 seconds", lambda seconds: seconds > 0),
    "dropout": ("a dropout of at least 0 and below 1", lambda share: 0 <= share < 1),
    "epochs": ("a number of at least 1 for the epochs", lambda number: number >= 1),
    "learning_rate": ("a finite learning rate above 0", lambda rate: rate > 0),
    "risk": ("a risk between 0 and 1", lambda share: 0 < share < 1),
    "weight_decay": ("a finite weight decay of at least 0", lambda decay: decay >= 0),
}
_FLAGS = ("augment", "mirror", "neighbours")
_CHOICES = {"labels": ("fine", "coarse"), "padding": ("same", "valid")}


def checked(name: str, value: Any) -> Any:
    """The `value` of the setting, or of the network's own option, `name` as training takes it; None stays: not said.

    Raises:
        UsageError: it is of another kind, or not within its limits.
    """
    if value is None:
        return None
    if name == "widths":
        return _widths(value)
    if name in _WHOLE:
        return _whole(value, name)
    if name in _REAL:
        number = _real(value, *_REAL[name])
        return int(number) if name == "epochs" and number.is_integer() else number
    if name == "input_range":
        return _range(value)
    if name in _FLAGS and not isinstance(value, bool):
        raise _unexpected(value, f"True or False for {name}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise _unexpected(value, f"{' or '.join(_CHOICES[name])} for {name}")
    return value


def checked_seed(value: Any) -> int:
    """The seed `value`, where it cannot be left out.

    Raises:
        UsageError: it is none.
    """
    return _whole(value, "seed")


def check_one_length(budget: float | None, epochs: float | None) -> None:
    """Refuse a budget beside epochs.

    Raises:
        UsageError: both were given.
    """
    if budget is not None and epochs is not None:
        raise UsageError(f"A budget decides the epochs; give a budget ({budget:g} s) or epochs ({epochs}), not both.")


def _widths(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise _unexpected(value, "three whole numbers for the widths")
    return tuple(_whole(width, "widths") for width in value)


def _range(value: Any) -> tuple[float, float]:
    expected = "two numbers, the first below the second, for the input range"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise _unexpected(value, expected)
    low, high = (_real(limit, expected, math.isfinite) for limit in value)
    if low >= high:
        raise _unexpected(value, expected)
    return low, high


def _real(value: Any, expected: str, fits: Callable[[float], bool]) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _unexpected(value, expected)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or not fits(number):
        raise _unexpected(value, expected)
    return number


def _whole(value: Any, name: str) -> int:
    least, most = _WHOLE[name]
    is_whole = not isinstance(value, bool) and isinstance(value, Integral)
    if not is_whole or value < least or (most is not None and value > most):
        between = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise _unexpected(value, f"a whole number {between} for the {name.replace('_', ' ')}")
    return int(value)


def _unexpected(value: Any, expected: str) -> UsageError:
    text = str(value) if isinstance(value, Real) else repr(value)
    return UsageError(f"Expected {expected}. Received: {text if len(text) <= 80 else text[:80] + '…'}.")

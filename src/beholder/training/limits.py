"""The default budget, and the kind and limits of each value that a person gives: it fits, or is one sentence."""

from __future__ import annotations

from typing import Any

from beholder import arguments
from beholder.arguments import Kind, unexpected
from beholder.errors import UsageError
from beholder.models import SMALLEST_SIDE
from beholder.training.augmentation import augmentation

DEFAULT_BUDGET = 600.0  # seconds: of `audit`, and of `train` where the budget chooses the network

_SAME = (
    "augment",
    "labels",
    "mirror",
    "neighbours",
    "budget",
    "risk",
    "seconds",
    "seed",
    "target_precision",
    "target_recall",
)
_KINDS: dict[str, Kind] = {
    **{name: arguments.KINDS[name] for name in _SAME},
    **dict.fromkeys(("batch_size", "early_stop", "images", "stride", "window"), arguments.whole(1)),
    "augmentation": lambda _name, value: _augmentation(value),
    "dropout": arguments.real("a dropout of at least 0 and below 1", lambda share: 0 <= share < 1),
    "epochs": arguments.epochs,
    "folds": arguments.KINDS["folds"],
    "input_range": lambda _name, value: _range(value),
    "learning_rate": arguments.real("a finite learning rate above 0", lambda rate: rate > 0),
    "padding": arguments.choice("same", "valid"),
    "side": arguments.whole(SMALLEST_SIDE),
    "weight_decay": arguments.real("a finite weight decay of at least 0", lambda decay: decay >= 0),
    "widths": lambda _name, value: _widths(value),
}


def checked(name: str, value: Any) -> Any:
    """The `value` of the setting, or of the network's own option, `name` as training takes it; None stays: not said.

    Raises:
        UsageError: it is of another kind, or not within its limits.
    """
    return value if value is None or name not in _KINDS else _KINDS[name](name, value)


def checked_seed(value: Any) -> int:
    """The seed `value`, where it cannot be left out.

    Raises:
        UsageError: it is none.
    """
    return int(arguments.seed("seed", value))


def check_one_length(budget: float | None, epochs: float | None) -> None:
    """Refuse a budget beside epochs.

    Raises:
        UsageError: both were given.
    """
    if budget is not None and epochs is not None:
        raise UsageError(f"A budget decides the epochs; give a budget ({budget:g} s) or epochs ({epochs}), not both.")


def _augmentation(value: Any) -> str:
    if not isinstance(value, str):
        raise unexpected(value, "a text for the augmentation, such as photo,erase=0.3")
    augmentation(value)
    return value


def _widths(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise unexpected(value, "three whole numbers for the widths")
    width = arguments.whole(1)
    return tuple(width("widths", one) for one in value)


def _range(value: Any) -> tuple[float, float]:
    expected = "two numbers, the first below the second, for the input range"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise unexpected(value, expected)
    limit = arguments.real(expected)
    low, high = limit("input_range", value[0]), limit("input_range", value[1])
    if low >= high:
        raise unexpected(value, expected)
    return low, high

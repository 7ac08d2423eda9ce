"""What the arguments of public functions may be, by their names: as a person writes them, or one sentence.

A public function under `checked_arguments` gets paths as `Path`, durations in seconds, and numbers and flags as Python
has them, whatever of these a person or NumPy wrote. What is of another kind never reaches it.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from beholder.addresses import at_home, shortened, why_no_file
from beholder.errors import UsageError

LARGEST_SEED = 2**32 - 1  # that NumPy and Keras take
MOST_SECONDS = 366 * 86400
CLIP_SECONDS = (0.1, 60.0)  # of sound that a network hears at once, at least and at most
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LARGEST_PORT = 65535
_LARGEST = 2**31 - 1  # whole number that is a number of anything

Kind = Callable[[str, Any], Any]  # of the argument's name and value, to the value as the function gets it
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def unexpected(value: Any, expected: str) -> UsageError:
    """What is said where a `value` is not what is `expected`."""
    text = "None" if value is None else str(value) if isinstance(value, Real) else repr(value)
    return UsageError(f"Expected {expected}. Received: {text if len(text) <= 80 else text[:80] + '…'}.")


def whole(least: int, most: int | None = None) -> Kind:
    """Whole numbers from `least` to `most`."""

    def check(name: str, value: Any) -> int:
        is_whole = not isinstance(value, bool) and isinstance(value, Integral)
        if not is_whole or not least <= value <= (_LARGEST if most is None else most):
            between = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise unexpected(value, f"a whole number {between} for the {name.replace('_', ' ')}")
        return int(value)

    return check


def real(expected: str, fits: Callable[[float], bool] = math.isfinite, written: Kind | None = None) -> Kind:
    """Finite numbers that are as `expected`; texts as `written` reads them."""

    def check(name: str, value: Any) -> float:
        value = written(name, value) if written is not None else value
        if isinstance(value, bool) or not isinstance(value, Real):
            raise unexpected(value, expected)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or not fits(number):
            raise unexpected(value, expected)
        return number

    return check


def duration(text: str) -> float | None:
    """`90s`, `5m`, `1h30m`, `2d` as seconds; None where it is not written so."""
    pieces = re.findall(rf"({NUMBER.pattern})([smhd])", text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces)


def share(text: str) -> float | None:
    """`2%` or `0.02` as 0.02; None where it is not written so."""
    match = re.fullmatch(rf"({NUMBER.pattern})\s*(%?)", text)
    return float(match[1]) / (100 if match[2] else 1) if match else None


def _as_seconds(_name: str, value: Any) -> Any:
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    seconds = duration(value) if isinstance(value, str) else None
    return value if seconds is None or seconds > MOST_SECONDS else seconds


def _as_share(_name: str, value: Any) -> Any:
    written = share(value) if isinstance(value, str) else None
    return value if written is None else written


budget = real("a budget of more than 0 seconds", lambda seconds: seconds > 0, _as_seconds)
clip_seconds = real(
    "{:g} to {:g} seconds for a clip".format(*CLIP_SECONDS), lambda one: CLIP_SECONDS[0] <= one <= CLIP_SECONDS[1]
)
risk = real("a risk between 0 and 1", lambda one: 0 < one < 1, _as_share)
seed = whole(0, LARGEST_SEED)
_epochs = real("a number of at least 1 for the epochs", lambda number: number >= 1)


def epochs(name: str, value: Any) -> float:
    """A number of at least 1, an `int` where it is a whole one."""
    number: float = _epochs(name, value)
    return int(number) if number.is_integer() else number


def target(_name: str, value: Any) -> dict[str, float]:
    """A class name with a share, a mapping of one entry."""
    expected = "one class name with a share between 0 and 1, such as {'defective': 0.95}, for the target"
    if not isinstance(value, Mapping) or len(value) != 1:
        raise unexpected(value, expected)
    [(class_name, written)] = value.items()
    if not isinstance(class_name, str):
        raise unexpected(value, expected)
    return {str(class_name): real(expected, lambda one: 0 < one < 1, _as_share)("target", written)}


def _is_flag(value: Any) -> bool:
    """Whether `value` is True or False, if NumPy's; which is not imported for that, since help is instant."""
    return isinstance(value, bool) or (type(value).__module__, type(value).__name__.rstrip("_")) == ("numpy", "bool")


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not _is_flag(value):
        raise unexpected(value, f"True or False for {name}")
    return bool(value)


def text(name: str, value: Any) -> str:
    """A text; one of NumPy's is one too."""
    if not isinstance(value, str) or not value:
        raise unexpected(value, f"a text for {name}")
    return str(value)


def text_or_nothing(name: str, value: Any) -> str:
    """A text, which may be empty."""
    return "" if isinstance(value, str) and not value else text(name, value)


def path(name: str, value: Any) -> Path:
    """A path, as text with `~` for the home folder, or as an object that stands for one, as what `train` returned."""
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise unexpected(value, f"a path for {name}")
    written = os.fspath(value)
    if not written or "\0" in written:
        raise unexpected(written, f"a path for {name}")
    if reason := why_no_file(written):
        raise UsageError(f"{shortened(written)!r} {reason}.")
    return Path(at_home(written))


def address(name: str, value: Any) -> str:
    """A path, or the address of an object store, as text."""
    return value if isinstance(value, str) and "://" in value else str(path(name, value))


def function(name: str, value: Any) -> Any:
    """Something that can be called."""
    if not callable(value):
        raise unexpected(value, f"a function for {name}")
    return value


def progress(name: str, value: Any) -> Any:
    """A function that is told how far work is; False: nobody is."""
    if _is_flag(value) and not value:
        return lambda *_told: None
    if not callable(value):
        raise unexpected(value, f"a function, or False, for {name}")
    return value


def shown_progress(name: str, value: Any) -> Any:
    """A function that is told how far work is; True shows it, and False does not."""
    if _is_flag(value):
        return bool(value)
    if not callable(value):
        raise unexpected(value, f"True, False or a function for {name}")
    return value


def several(kind: Kind) -> Kind:
    """One or more values of a `kind`, in a tuple."""

    def check(name: str, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            return (kind(name, value),)
        try:
            return tuple(kind(name, one) for one in value)
        except TypeError as error:  # an array of no dimension, say
            raise unexpected(value, f"a list for {name}") from error

    return check


def two(kind: Kind) -> Kind:
    """Two values of a `kind`, in a tuple."""
    listed = several(kind)

    def check(name: str, value: Any) -> tuple[Any, Any]:
        given = listed(name, value)
        if len(given) != 2:
            raise unexpected(value, f"two values for {name}")
        return given[0], given[1]

    return check


def one_of(value: Any, choices: Iterable[str]) -> bool:
    """Whether `value` is one of these texts; what is no text, an array say, is none."""
    return isinstance(value, str) and value in choices


def choice(*choices: str) -> Kind:
    """One of these texts."""

    def check(name: str, value: Any) -> str:
        if not one_of(value, choices):
            raise unexpected(value, f"{' or '.join(choices)} for {name}")
        return str(value)

    return check


def anything(_name: str, value: Any) -> Any:
    """What the function checks itself: it may be of many kinds, or means something beside the others only."""
    return value


# By name, for every public function: the same name means the same everywhere. Settings of a training are checked with
# what they mean in `beholder.training.limits`, and data, images and arrays where they are opened.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("cache", "corrections", "directory", "file", "image_root", "out", "path", "plan", "run", "start_from"), path
    ),
    **dict.fromkeys(
        ("as_seen", "augmented", "cleaned", "consistency", "corruptions", "exact", "force", "for_audit", "frames"), flag
    ),
    **dict.fromkeys(("augment", "mirror", "neighbours", "random", "remove", "resume", "test"), flag),
    **dict.fromkeys(("group_column", "label_column", "path_column", "split_column"), text),
    **dict.fromkeys(("class_name", "command", "coordinator", "group_pattern", "host", "model"), text),
    **dict.fromkeys(
        ("augmentation", "balance", "colour", "fit", "precision"), text
    ),  # which ones there are is checked later
    **dict.fromkeys(("dropout", "input_range", "learning_rate", "weight_decay"), anything),  # with the settings
    **dict.fromkeys(("artifact", "data", "image", "rules", "source", "validation"), anything),  # where they are opened
    **dict.fromkeys(("batch_size", "early_stop", "images", "part_size", "processes", "stride", "threads"), whole(1)),
    **dict.fromkeys(("top", "window", "workers"), whole(1)),
    **dict.fromkeys(("listener", "ready"), function),
    "address": text,
    "allow_hosts": several(text),
    "budget": budget,
    "canvas": two(whole(1)),
    "classes": whole(2, 10_000),
    "columns": whole(1, 2500),
    "epochs": epochs,
    "folds": whole(2, 100),
    "labels": choice("fine", "coarse"),
    "models": several(text),
    "port": whole(0, _LARGEST_PORT),
    "process": whole(0),
    "progress": progress,
    "risk": risk,
    "root_path": text_or_nothing,
    "rows": whole(1, 2500),
    "seconds": clip_seconds,
    "seed": seed,
    "size": whole(1, 4096),
    "slide": whole(1),
    **dict.fromkeys(("target_precision", "target_recall"), target),
}


def checked_arguments(**own: Kind) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """A decorator: the function gets its arguments as `KINDS`, or its `own` kinds by name, take them.

    None is let through where it is the default: it was not said.

    Raises:
        UsageError: an argument of another kind, one too many, or one that is missing.
    """

    def decorate(called: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        signature = inspect.signature(called)
        kinds = {name: own.get(name, KINDS.get(name, anything)) for name in signature.parameters}

        @functools.wraps(called)
        def check(*given: _Given.args, **named: _Given.kwargs) -> _Result:
            try:
                bound = signature.bind(*given, **named)
            except TypeError as error:
                raise _misfit(called.__name__, signature, named, error) from error
            for name, value in bound.arguments.items():
                if value is not None or signature.parameters[name].default is not None:
                    bound.arguments[name] = kinds[name](name, value)
            return called(*bound.args, **bound.kwargs)

        return check

    return decorate


def _misfit(name: str, signature: inspect.Signature, named: Mapping[str, Any], error: TypeError) -> UsageError:
    """What is said where arguments do not fit the function `name`."""
    for odd in named:
        if odd not in signature.parameters:
            near = difflib.get_close_matches(odd, signature.parameters, n=1) or [", ".join(signature.parameters)]
            return UsageError(f"{name} has no argument {odd!r}; there is {near[0]}.")
    return UsageError(f"{name}{signature} cannot be called like this: {error}.")

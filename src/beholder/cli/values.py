"""Values as people write them. Own code: a few lines each, where a library would be one more thing to keep alive."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click

from beholder.training.limits import LARGEST_SEED

PATH = click.Path(path_type=Path)
POSITIVE = click.IntRange(min=1)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_SECONDS = 366 * 86400
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class Seed(click.IntRange):
    """A whole number that NumPy and Keras take as a seed."""

    def __init__(self) -> None:
        super().__init__(min=0, max=LARGEST_SEED)

    def _describe_range(self) -> str:
        return "x>=0"


class Duration(click.ParamType[float]):
    """`90s`, `5m`, `1h30m`, `2d` as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, more than 0."""
        if isinstance(value, int | float):
            return float(value)
        if _NUMBER.fullmatch(value):
            self.fail(f"{value!r} has no unit; write {value}s for seconds or {value}m for minutes.", param, ctx)
        pieces = re.findall(rf"({_NUMBER.pattern})([smhd])", value)
        if not pieces or "".join(number + unit for number, unit in pieces) != value:
            self.fail(f"{value!r} is not a duration; write 90s, 5m, 1h30m or 2d.", param, ctx)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in pieces)
        if seconds <= 0:
            self.fail(f"{value!r} leaves no time; give more than 0 seconds.", param, ctx)
        if seconds > _MOST_SECONDS:
            self.fail(f"{value!r} is longer than a year; give less.", param, ctx)
        return seconds


class Share(click.ParamType[float]):
    """`2%` or `0.02` as 0.02."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share above 0 and below 1."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(rf"({_NUMBER.pattern})\s*(%?)", value)
        share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
        if not 0 < share < 1:
            self.fail(f"{value!r} is not a share between 0 and 1; write 2% or 0.02.", param, ctx)
        return share


class Range(click.ParamType[tuple[float, float]]):
    """`-1,1`: the least and the largest value."""

    name = "low,high"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Two numbers, the first below the second."""
        if isinstance(value, tuple):
            return value
        if re.fullmatch(rf"-?{_NUMBER.pattern},-?{_NUMBER.pattern}", value):
            low, high = (float(number) for number in value.split(","))
            if -math.inf < low < high < math.inf:
                return low, high
        return self.fail(f"{value!r} is not a range; write 0,255 or 0,1 or -1,1.", param, ctx)


class Widths(click.ParamType[tuple[int, int, int]]):
    """`48,128,192`: how many windows each of three groups has."""

    name = "a,b,c"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int, int]:
        """Three whole numbers of at least 1."""
        if isinstance(value, tuple):
            return value
        if not re.fullmatch(r"[1-9][0-9]*,[1-9][0-9]*,[1-9][0-9]*", value):
            self.fail(f"{value!r} is not three whole numbers; write 48,128,192.", param, ctx)
        first, second, third = (int(number) for number in value.split(","))
        return first, second, third

"""Values as people write them. Own code: a few lines each, where a library would be one more thing to keep alive."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import click

from beholder.addresses import at_home, shortened, why_no_file
from beholder.arguments import LARGEST_SEED, MOST_SECONDS, NUMBER, duration, share


class LocalPath(click.Path):
    """A path on this machine, with `~` for the home folder also where no shell has replaced it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(path_type=Path, **given)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path; an address is refused."""
        if isinstance(value, str):
            if reason := why_no_file(value):
                self.fail(f"{shortened(value)!r} {reason}.", param, ctx)
            value = at_home(value)
        return super().convert(value, param, ctx)


PATH = LocalPath()
POSITIVE = click.IntRange(min=1)


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
        if NUMBER.fullmatch(value):
            self.fail(f"{value!r} has no unit; write {value}s for seconds or {value}m for minutes.", param, ctx)
        seconds = duration(value)
        if seconds is None:
            return self.fail(f"{value!r} is not a duration; write 90s, 5m, 1h30m or 2d.", param, ctx)
        if seconds <= 0:
            self.fail(f"{value!r} leaves no time; give more than 0 seconds.", param, ctx)
        if seconds > MOST_SECONDS:
            self.fail(f"{value!r} is longer than a year; give less.", param, ctx)
        return seconds


class Share(click.ParamType[float]):
    """`2%` or `0.02` as 0.02."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share above 0 and below 1."""
        if isinstance(value, int | float):
            return float(value)
        written = share(value)
        if written is None or not 0 < written < 1:
            return self.fail(f"{value!r} is not a share between 0 and 1; write 2% or 0.02.", param, ctx)
        return written


class ClassShare(click.ParamType[tuple[str, float]]):
    """`defective=95%` as ("defective", 0.95); what is before the last `=` is the class name."""

    name = "class=share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """A class name and a share above 0 and below 1."""
        if isinstance(value, tuple):
            return value
        name, _, share = value.rpartition("=")
        if not name:
            self.fail(f"{value!r} names no class and share; write defective=95% or defective=0.95.", param, ctx)
        return name, Share().convert(share.strip(), param, ctx)


class Range(click.ParamType[tuple[float, float]]):
    """`-1,1`: the least and the largest value."""

    name = "low,high"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Two numbers, the first below the second."""
        if isinstance(value, tuple):
            return value
        if re.fullmatch(rf"-?{NUMBER.pattern},-?{NUMBER.pattern}", value):
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

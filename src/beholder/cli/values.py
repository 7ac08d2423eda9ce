"""Values as people write them. Own code: a few lines each, where a library would be one more thing to keep alive."""

from __future__ import annotations

import re
from typing import Any

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """`90`, `90s`, `5m`, `1h30m`, `2d` as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, more than 0."""
        if isinstance(value, int | float):
            return float(value)
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", value)
        if re.fullmatch(r"\d+(\.\d+)?", value):
            seconds = float(value)
        elif parts and "".join(number + unit for number, unit in parts) == value:
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
        else:
            self.fail(f"{value!r} is not a duration; write 90s, 5m, 1h30m or 2d.", param, ctx)
        if seconds <= 0:
            self.fail(f"{value!r} leaves no time; give more than 0 seconds.", param, ctx)
        return seconds


class Share(click.ParamType[float]):
    """`2%` or `0.02` as 0.02."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share above 0 and below 1."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", value)
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
        if re.fullmatch(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?", value):
            low, high = (float(number) for number in value.split(","))
            if low < high:
                return low, high
        return self.fail(f"{value!r} is not a range; write 0,255 or 0,1 or -1,1.", param, ctx)


class Widths(click.ParamType[tuple[int, int, int]]):
    """`48,128,192`: how many windows each of three groups has."""

    name = "a,b,c"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int, int]:
        """Three whole numbers of at least 1."""
        if isinstance(value, tuple):
            return value
        if not re.fullmatch(r"[1-9]\d*,[1-9]\d*,[1-9]\d*", value):
            self.fail(f"{value!r} is not three whole numbers; write 48,128,192.", param, ctx)
        first, second, third = (int(number) for number in value.split(","))
        return first, second, third

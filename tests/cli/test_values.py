"""What a person writes is taken as it is meant, or refused in one sentence that says what to write."""

from __future__ import annotations

from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.cli.values import ClassShare, Duration, Range, Seed, Share, Widths


def value(kind: click.ParamType[Any], text: str) -> Any:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400), ("0.5s", 0.5), ("366d", 366 * 86400)],
)
def test_a_duration_has_units(text: str, seconds: float) -> None:
    assert value(Duration(), text) == seconds


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("defective=95%", ("defective", 0.95)),
        ("defective=0.95", ("defective", 0.95)),
        ("a=b=50 %", ("a=b", 0.5)),
        ("-x = 5%", ("-x ", 0.05)),
        ("50%=50%", ("50%", 0.5)),
    ],
)
def test_a_target_is_a_class_and_a_share(text: str, pair: tuple[str, float]) -> None:
    assert value(ClassShare(), text) == pair


@pytest.mark.parametrize("text", ["95%", "=95%", "", "defective=", "defective=1", "defective=100%", "defective=95"])
def test_what_is_no_target_says_how_to_write_one(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write "):
        value(ClassShare(), text)


@pytest.mark.parametrize("text", ["5", "0", "90", "1.5", "1000000"])
def test_a_bare_number_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match=f"'{text}' has no unit; write {text}s for seconds or {text}m"):
        value(Duration(), text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "soon",
            "",
            " ",
            "-5s",
            "+5s",
            "5x",
            "1h30",
            "5 m",
            "5m ",
            "5min",
            "300ms",
            "1e3",
            "1e3s",
            "inf",
            "nan",
            "5M",
        ),
        *("5,5m", "0s", "0m0s", "1.s", ".5s", "m", "٥m", "367d", "9" * 400 + "s"),
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"not a duration; write 90s|leaves no time|longer than a year"):
        value(Duration(), text)


@given(st.floats(0.001, 1e6))
def test_any_number_of_seconds_is_taken(seconds: float) -> None:
    assert value(Duration(), f"{seconds:.6f}s") == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("0.02", 0.02), ("2.5 %", 0.025), ("99.9%", 0.999)])
def test_a_share_is_a_percentage_or_a_number_below_one(text: str, share: float) -> None:
    assert value(Share(), text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "0", "0%", "100%", "1", "-2%", "nan", "2%%", "2,5%", "1e-2", "", "٢%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"not a share between 0 and 1; write 2% or 0\.02"):
        value(Share(), text)


@pytest.mark.parametrize("text", ["1,-1", "0,0", "0", "0,1,2", "a,b", "0, 1", "nan,1", "0,inf", "0," + "9" * 400, ""])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a range; write 0,255 or 0,1 or -1,1"):
        value(Range(), text)


@pytest.mark.parametrize("text", ["48", "48,128", "48,128,192,256", "0,1,1", "-1,1,1", "1.5,2,2", "1, 2, 3", "٤,٤,٤"])
def test_what_are_no_widths_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not three whole numbers; write 48,128,192"):
        value(Widths(), text)


@pytest.mark.parametrize("text", ["-1", "1.5", "4294967296", "nan", "x"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    assert value(Seed(), "4294967295") == 4294967295
    with pytest.raises(click.BadParameter):
        value(Seed(), text)

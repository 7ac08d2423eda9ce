"""Shares as people read them: in percent, with what is known of their precision."""

from __future__ import annotations

from collections.abc import Sequence


def as_percent(share: float) -> str:
    """0.8731 as 87.3 %."""
    return f"{share * 100:.1f} %"


def as_whole_percent(share: float) -> str:
    """0.8731 as 87 %, where more would say more than is known."""
    return f"{share * 100:.0f} %"


def as_said(share: float) -> str:
    """0.95 as 95 %, 0.005 as 0.5 %: shares that a person chose, and thresholds, by four digits."""
    return f"{share * 100:.4g} %"


def with_interval(share: float, interval: tuple[float, float]) -> str:
    """0.8731 and its interval as 87.3 % (85.1 to 89.2 %)."""
    return f"{as_percent(share)} ({interval_in_words(interval)})"


def interval_in_words(interval: Sequence[float]) -> str:
    """Its two ends as 85.1 to 89.2 %."""
    low, high = interval
    return f"{low * 100:.1f} to {as_percent(high)}"

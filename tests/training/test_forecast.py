"""A budget buys the network that the measured table says is best, and never less for more time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.errors import UsageError
from beholder.training.budget.forecast import (
    MOST_EPOCHS,
    Forecast,
    TooShortError,
    choose_network,
    networks,
    sides,
)

TABLE = {network.widths: network for network in networks()}


def rate(widths: tuple[int, int, int], side: int) -> float:
    """A machine of 1 TMAC/s of training, whatever it trains."""
    return 1e12 / 3 / (TABLE[widths].multiply_adds * (side / 32) ** 2)


def expected(choice: Forecast) -> float:
    assert choice.widths is not None
    return TABLE[choice.widths].expected(choice.epochs)


def test_the_table_says_that_longer_is_better_and_costs_more_for_wider() -> None:
    costs = [network.multiply_adds for network in networks()]
    assert costs == sorted(costs)
    for network in networks():
        assert len(network.accuracy) >= 2
        ordered = [network.accuracy[epochs] for epochs in sorted(network.accuracy)]
        assert ordered == sorted(ordered)
        assert network.expected(100) < 1
        for epochs, accuracy in network.accuracy.items():
            assert network.expected(epochs) == pytest.approx(accuracy)


@given(seconds=st.floats(5, 1e6), longer=st.floats(1, 10), images=st.integers(100, 10**6), side=st.integers(8, 256))
def test_more_time_never_promises_less(seconds: float, longer: float, images: int, side: int) -> None:
    try:
        choice = choose_network(seconds, images, side, rate)
    except UsageError:
        return
    assert choice.seconds <= seconds * 1.001
    assert 0.1 <= choice.epochs <= MOST_EPOCHS
    assert choice.side in sides(side)
    more = choose_network(seconds * longer, images, side, rate)
    if more.side == choice.side:
        assert expected(more) >= expected(choice) - 1e-3


def test_a_minute_buys_a_narrow_network_and_an_hour_a_wide_one() -> None:
    minute, hour = (choose_network(seconds, 45_000, 32, rate) for seconds in (8, 3600))
    assert sum(minute.widths or ()) < sum(hour.widths or ())


def test_too_short_a_budget_is_told_with_what_would_do() -> None:
    with pytest.raises(TooShortError, match=r"takes [\d.]+ s or more") as raised:
        choose_network(1, 10_000_000, 32, rate)
    assert choose_network(1.001 * raised.value.needed, 10_000_000, 32, rate).epochs > 0
    with pytest.raises(TooShortError):
        choose_network(0.999 * raised.value.needed, 10_000_000, 32, rate)


@given(st.integers(8, 256))
def test_large_images_are_looked_at_in_whole_shares_of_their_side(short: int) -> None:
    for side in sides(short):
        assert side == short or (32 <= side <= 128 and short // (short // side) == side)

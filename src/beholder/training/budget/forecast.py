"""What a budget is expected to buy: which widths of `fast`, at which resolution, for how many epochs.

Chosen from `scaling.json`, measured tables that `bench/scaling.py` wrote: for each width the validation accuracy after
so many epochs of the shared images at 32 × 32. Another data set has other accuracies; what carries over is which
network is ahead after so many epochs, and how much slower one is than another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

from beholder.errors import UsageError

MOST_EPOCHS = 40.0  # more only memorise; a small data set ends before its budget
FEWEST_EPOCHS = 0.1
FADING = 0.65  # as 32/64/128 and 48/128/192 do in the table
ENOUGH_EPOCHS = 4.0  # with fewer, a smaller resolution buys more than a larger one shows
_LEAST_SIDE, _MOST_SIDE = 32, 128  # pixels; resolutions that larger images are averaged down to

GroupWidths = tuple[int, int, int]  # of the three groups of `fast`
NARROWEST: GroupWidths = (16, 64, 128)


@dataclass(frozen=True)
class Network:
    """One row of the table."""

    widths: GroupWidths  # of the three groups of `fast`
    multiply_adds: int  # of one image of 32 × 32 × 3, forward
    accuracy: dict[float, float]  # from epochs to validation accuracy, 0 to 1

    @property
    def fewest_epochs(self) -> float:
        """Fewer than these nothing is known about, but that the narrowest network learns something at once."""
        return FEWEST_EPOCHS if self.widths == NARROWEST else min(self.accuracy) / 2

    def expected(self, epochs: float) -> float:
        """Accuracy after `epochs`.

        Between the measured ones the error follows a power law of the epochs; beyond them each doubling gains `FADING`
        of what the doubling before it gained, so that a narrow network is not promised what only a wide one reaches.
        """
        points = sorted((math.log2(count), math.log(1 - accuracy)) for count, accuracy in self.accuracy.items())
        x = math.log2(epochs)
        segments = list(pairwise(points))
        (x0, y0), (x1, y1) = next((pair for pair in segments if x <= pair[1][0]), segments[-1])
        slope = (y1 - y0) / (x1 - x0)
        if x <= x1:
            return 1 - math.exp(y0 + slope * (x - x0))
        doublings = FADING * (1 - FADING ** (x - x1)) / (1 - FADING)
        return 1 - math.exp(y1 + slope * doublings)


class TooShortError(UsageError):
    """So many `seconds` do not suffice for `FEWEST_EPOCHS` of `images` at `rate` images per second.

    Attributes:
        needed: seconds that would do.
    """

    def __init__(self, seconds: float, images: int, rate: float) -> None:
        self.needed = least_seconds(images, rate)
        left = f"{seconds:.1f} s" if seconds >= 0.05 else "no time"
        super().__init__(
            f"The budget leaves {left} for training, which takes {max(self.needed, 0.1):.1f} s or more on this "
            "machine; give a longer --budget or less data."
        )


@dataclass(frozen=True)
class Forecast:
    """What a budget buys."""

    widths: GroupWidths | None  # of the three groups of `fast`; None where the person chose the network
    side: int  # short side in pixels that the network looks at
    epochs: float  # with fractions
    seconds: float  # of training that it is expected to take


def networks() -> list[Network]:
    """The measured table, narrow networks first."""
    document = json.loads(
        resources.files("beholder.training.budget").joinpath("scaling.json").read_text(encoding="utf-8")
    )
    return [
        Network(
            (row["widths"][0], row["widths"][1], row["widths"][2]),
            row["multiply_adds"],
            {float(epochs): accuracy for epochs, accuracy in row["accuracy"].items()},
        )
        for row in document["networks"]
    ]


def choose_network(
    seconds: float, images: int, side: int, rate: Callable[[GroupWidths, int], float], widest: GroupWidths | None = None
) -> Forecast:
    """The network, at most as wide as the `widest`, that is expected to be best after so many `seconds` of training.

    The training set has so many `images` of a short `side` in pixels; `rate` gives images per second on this machine
    from widths and side.

    Raises:
        TooShortError: the seconds do not suffice for a tenth of an epoch of the narrowest network.
    """
    forecasts = []
    for network in networks():
        if widest is not None and network.widths > widest:
            continue
        speeds = {size: rate(network.widths, size) for size in sides(side)}
        # The largest resolution at which each image is seen a few times; the smallest if there is none.
        often = (size for size, speed in speeds.items() if seconds * speed / images >= ENOUGH_EPOCHS)
        looked_at = next(often, min(speeds))
        epochs = min(seconds * speeds[looked_at] / images, MOST_EPOCHS)
        if epochs >= network.fewest_epochs:
            forecast = Forecast(network.widths, looked_at, round(epochs, 2), epochs * images / speeds[looked_at])
            forecasts.append((network.expected(epochs), forecast))
    if not forecasts:
        raise TooShortError(seconds, images, rate(networks()[0].widths, sides(side)[-1]))
    return max(forecasts, key=lambda pair: pair[0])[1]


def forecast_epochs(seconds: float, images: int, side: int, rate: float) -> Forecast:
    """How long to train a network that the person chose, at `rate` images per second.

    Raises:
        TooShortError: the seconds do not suffice for a tenth of an epoch.
    """
    epochs = min(seconds * rate / images, MOST_EPOCHS)
    if epochs < FEWEST_EPOCHS:
        raise TooShortError(seconds, images, rate)
    return Forecast(None, side, round(epochs, 2), epochs * images / rate)


def least_seconds(images: int, rate: float) -> float:
    """Seconds of training that `FEWEST_EPOCHS` of so many `images` take at `rate` images per second."""
    return FEWEST_EPOCHS * images / rate * (1 + 1e-9)  # with which the division that undoes it is surely enough


def sides(short: int) -> list[int]:
    """The resolutions at which images of a `short` side can be looked at, in pixels, largest first.

    An image is averaged down by whole factors, so there are few; a small image is looked at as it is.
    """
    shrunk = [short // factor for factor in range(1, short // _LEAST_SIDE + 1)]
    return [side for side in shrunk if _LEAST_SIDE <= side <= _MOST_SIDE] or [short]

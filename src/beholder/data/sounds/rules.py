"""What a sound becomes, and how: the rate it is brought to, the seconds of a clip, and the image that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.arguments import CLIP_SECONDS
from beholder.errors import DataError

RULE = 1
BANDS = 64  # rows of the image
FFT = 512  # samples of a spectrum
MOST_RATE, LEAST_RATE = 16_000, 2_000  # Hz
LEAST_SECONDS, MOST_SECONDS = CLIP_SECONDS
LOWEST_HERTZ, HIGHEST_HERTZ = 125.0, 7_500.0


@dataclass(frozen=True)
class SoundRules:
    """What a sound becomes: an image of `BANDS` rows, high pitch at the top, and a column every hundredth of a second.

    Attributes:
        rate: in Hz, which each sound is brought to.
        seconds: of a clip.

    Raises:
        DataError: a rate or a length that cannot be.
    """

    rate: int
    seconds: float

    def __post_init__(self) -> None:
        if not LEAST_RATE <= self.rate <= MOST_RATE:
            raise DataError(f"Expected a rate of {LEAST_RATE:,} to {MOST_RATE:,} Hz. Received: {self}.")
        if not LEAST_SECONDS <= self.seconds <= MOST_SECONDS:
            raise DataError(f"Expected {LEAST_SECONDS:g} to {MOST_SECONDS:g} seconds of sound. Received: {self}.")

    @property
    def hop(self) -> int:
        """Samples from one column to the next."""
        return hop_of(self.rate)

    @property
    def step(self) -> float:
        """Seconds from one column to the next: 0.01, or next to it where the rate is no multiple of 100 Hz."""
        return self.hop / self.rate

    @property
    def frames(self) -> int:
        """Columns of the image: the spectra that lie within a clip, as librosa counts them with center=False."""
        return frames_of(round(self.seconds * self.rate), self.rate)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the image: (64, frames, 1)."""
        return BANDS, self.frames, 1

    @property
    def hertz(self) -> NDArray[np.float64]:
        """(64,): the pitch of each row of the image in Hz, the highest first."""
        return band_edges(self.rate)[1:-1][::-1]

    def in_words(self) -> str:
        """The clips that a network hears."""
        return f"clips of {self.seconds:g} s at {self.rate:,} Hz"

    def to_json(self) -> dict[str, Any]:
        """The rules as a JSON object, with the version of the decoding rule."""
        return {"rule": RULE, "kind": "sound", "rate": self.rate, "seconds": self.seconds}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> SoundRules:
        """The rules that `to_json` wrote.

        Raises:
            DataError: another version of the rule, or a missing or impossible value.
        """
        if document.get("kind") != "sound" or document.get("rule") != RULE:
            raise DataError(
                f"Expected sound rule {RULE}. Received: kind={document.get('kind')!r}, "
                f"rule={document.get('rule')!r}; use the version of Beholder that wrote it."
            )
        rate = document.get("rate")
        seconds: Any = document.get("seconds")
        if type(rate) is not int or type(seconds) not in (int, float) or not math.isfinite(seconds):
            raise DataError(f"Expected a whole number for rate and a number for seconds. Received: {document}.")
        return cls(rate, float(seconds))


def frames_of(samples: int, rate: int) -> int:
    """Spectra that a sound of so many samples at `rate` has; at least 1, for a shorter one is padded."""
    return 1 + max(samples - FFT, 0) // hop_of(rate)


def hop_of(rate: int) -> int:
    """Samples from one column to the next: 10 ms."""
    return round(rate / 100)


def window_of(rate: int) -> int:
    """Samples that a column is made of: 25 ms."""
    return round(rate / 40)


def band_edges(rate: int) -> NDArray[np.float64]:
    """(66,): the edges of the bands in Hz, equal steps of HTK's mel scale; band i rises to i + 1 and ends at i + 2."""
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (LOWEST_HERTZ, min(HIGHEST_HERTZ, rate / 2)))
    return 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)

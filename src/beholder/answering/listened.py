"""When and at which pitch a network listened, in words: from the heat over a spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MOST = 0.5  # of the greatest heat: from there on it listened most


@dataclass(frozen=True)
class Listened:
    """The part of a sound that spoke most for an answer.

    Attributes:
        start: seconds into the sound at which it begins.
        end: likewise, at which it ends.
        low: the lowest pitch in Hz.
        high: the highest.
    """

    start: float
    end: float
    low: int
    high: int

    def __str__(self) -> str:
        """It listened most at 0.32 to 0.45 s, 600 to 1,200 Hz."""
        return f"It listened most at {self.start:.2f} to {self.end:.2f} s, {self.low:,} to {self.high:,} Hz."


def listened_most(
    heat: NDArray[np.float32], frames: int, hertz: NDArray[np.float64], step: float, start: float = 0.0
) -> Listened | None:
    """Where the `heat` is at least half of its greatest, around that place.

    Args:
        heat: (h, w) float32 over the whole spectrogram, of any resolution, positive for the answer.
        frames: columns of the spectrogram.
        hertz: (H,) the pitch of its rows, the highest first.
        step: seconds from one of its columns to the next.
        start: seconds into the sound at which its first column is.

    Returns:
        None where nothing speaks for the answer.
    """
    if not heat.max() > 0:
        return None
    size = frames, len(hertz)
    smooth = np.asarray(Image.fromarray(np.maximum(heat, 0)).resize(size, Image.Resampling.BILINEAR))
    row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
    much = smooth >= _MOST * smooth[row, column]
    first, last = _run(much[row], int(column))
    top, bottom = _run(much[:, column], int(row))
    begin = max(start + first * step, 0.0) if start < 0 else start + first * step
    return Listened(round(begin, 2), round(start + (last + 1) * step, 2), _round(hertz[bottom]), _round(hertz[top]))


def _run(much: NDArray[np.bool_], place: int) -> tuple[int, int]:
    """The first and the last of the places around `place` that are all True."""
    before, after = np.flatnonzero(~much[:place]), np.flatnonzero(~much[place:])
    return int(before[-1]) + 1 if len(before) else 0, place + int(after[0]) - 1 if len(after) else len(much) - 1


def _round(hertz: float) -> int:
    """To two digits."""
    place = 10 ** max(len(str(int(hertz))) - 2, 0)
    return int(round(hertz / place) * place)

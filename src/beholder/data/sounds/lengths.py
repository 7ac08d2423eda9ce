"""How long a clip is, and at which rate: chosen from the training set, unless a person says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from beholder.data.sounds.rules import LEAST_RATE, LEAST_SECONDS, MOST_RATE

_MOST_CHOSEN = 10.0  # seconds
_SHARE = 95  # per cent of the sounds that lie within a clip


def clip_seconds(seconds: Sequence[float]) -> float:
    """The length of a clip in seconds, two decimals: the 95th percentile of `seconds`, from 0.1 to 10.

    Args:
        seconds: the lengths of the training set's sounds, at least one.
    """
    chosen = float(np.percentile(np.asarray(seconds, np.float64), _SHARE))
    return round(min(max(chosen, LEAST_SECONDS), _MOST_CHOSEN), 2)


def clip_rate(rates: Sequence[int]) -> int:
    """The rate in Hz that all sounds are brought to: 16,000, or the most frequent of `rates` where that is lower.

    Args:
        rates: those of the training set's sounds, at least one; of those equally frequent the highest counts.
    """
    counts = Counter(rates)
    frequent = max(counts, key=lambda rate: (counts[rate], rate))
    return min(max(frequent, LEAST_RATE), MOST_RATE)

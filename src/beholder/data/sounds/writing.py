"""Samples as a WAV file that every program reads."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray


def wav(samples: NDArray[np.float32], rate: int) -> bytes:
    """(n,) float32 mono, full scale at 1, as the content of a WAV file of 16 bits at `rate` Hz; louder ones are cut."""
    values = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(values.tobytes())
    return stream.getvalue()

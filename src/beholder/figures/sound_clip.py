"""The beginning of a sound, small enough to be played within a page: a WAV file as a data URI."""

from __future__ import annotations

import base64
import binascii
import io
import wave
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.headers import StoredImage
from beholder.data.sounds.reading import stream_sound
from beholder.data.sounds.writing import wav
from beholder.errors import ImageError

RATE = 8000  # Hz, as a telephone has it
SECONDS = 3.0  # that are played: 48,000 bytes
_START = "data:audio/wav;base64,"
_MOST_BYTES = 64_000  # of a file that is played

Player = Callable[[str], str | None]  # from the name of a sound to what a page plays; None where there is nothing


class SoundUri(str):
    """A `data:audio/…` address in a result: whole as a text, and a few words where it is shown among others."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<sound, {len(self):,} characters>"


def sound_uri(content: StoredImage | bytes) -> SoundUri | None:
    """The first `SECONDS` of a sound, mono at `RATE` Hz, as a WAV file in a data URI; None where it cannot be read."""
    parts: list[NDArray[np.float32]] = []
    count, most = 0, round(SECONDS * RATE)
    try:
        for part in stream_sound(content, RATE):
            parts.append(part)
            count += len(part)
            if count >= most:
                break
    except ImageError:
        return None
    return SoundUri(_START + base64.b64encode(wav(np.concatenate(parts)[:most], RATE)).decode())


def checked_sound(uri: object) -> str | None:
    """A sound given as a data URI, read and written anew: nothing but a small WAV file gets through; else None."""
    try:
        content = base64.b64decode(str(uri).partition(";base64,")[2], validate=True)
        if len(content) > _MOST_BYTES:
            return None
        with wave.open(io.BytesIO(content)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                return None
            rate, values = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except (binascii.Error, wave.Error, EOFError, ValueError, OSError):
        return None
    return _START + base64.b64encode(wav(values.astype(np.float32) / np.float32(32767), rate)).decode()

"""One sound file to samples: mono, at one rate, in chunks, so that a long sound need not fit into memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.headers import RefusedError, StoredImage, open_stream
from beholder.data.sounds.apart import DamagedError, decoded_apart
from beholder.data.sounds.headers import SoundHeader, read_header
from beholder.data.sounds.ogg import vorbis_streams
from beholder.data.sounds.resampling import resampled
from beholder.data.sounds.wav import plain_samples, read_wav_header
from beholder.errors import SoundError

_VALUES_AT_ONCE = 1 << 16
_MOST_IN_MEMORY = 1 << 24  # bytes of a file that are read at once; a longer one is streamed
_MOST_OGG = 1 << 28  # bytes; its pages are checked before they are decoded
MOST_SECONDS = 4 * 3600
# Values that a byte may become once there are many: silence shrinks to less only where it is made to keep us busy.
_MOST_GROWING, _MANY_VALUES = 1_000, 100_000_000


def read_sound(content: StoredImage | bytes, rate: int) -> NDArray[np.float32]:
    """A sound file, or its bytes, as samples: (n,) float32 mono at `rate` Hz, full scale at 1, n at least 1.

    Raises:
        SoundError: it cannot be read, is damaged, empty, too long, or of another format.
    """
    return np.concatenate(list(stream_sound(content, rate)))


def stream_sound(content: StoredImage | bytes, rate: int) -> Iterator[NDArray[np.float32]]:
    """What `read_sound` reads, in chunks.

    Raises:
        SoundError: as `read_sound`, some of it only when it comes to the damaged place.
    """
    with open_sound(content) as sound:
        yield from sound.chunks(rate)


def sound_header(content: StoredImage | bytes) -> SoundHeader:
    """What a sound file says of itself, read without decoding it.

    Raises:
        SoundError: it is no sound, or says what cannot be.
    """
    with open_sound(content) as sound:
        return sound.header


class OpenSound:
    """A sound file that is open.

    Attributes:
        stream: the file.
        header: what it says of itself.
        samples: how many of each channel were read by now.
    """

    def __init__(self, content: StoredImage | bytes, stream: IO[bytes]) -> None:
        self.stream = stream
        self.header = read_header(stream)
        self.samples = 0
        self._content = content

    def chunks(self, rate: int) -> Iterator[NDArray[np.float32]]:
        """The sound, as `stream_sound` gives it."""
        yield from resampled(self._mono(), self.header.rate, rate)

    def _mono(self) -> Iterator[NDArray[np.float32]]:
        """The sound at its own rate, the mean of its channels; as far as it goes where it is damaged further on."""
        header, size = self.header, self.stream.seek(0, os.SEEK_END)
        try:
            for frames in _frames(self._content, self.stream, header):
                with np.errstate(invalid="ignore", over="ignore"):
                    mono = frames.mean(1, dtype=np.float32) if header.channels > 1 else frames[:, 0]
                if not np.isfinite(mono).all():
                    raise RefusedError("it holds values that are no numbers; save it again from its source")
                self.samples += len(mono)
                if self.samples > MOST_SECONDS * header.rate:
                    raise RefusedError(f"it is longer than {MOST_SECONDS // 3600} hours; cut it")
                if self.samples * header.channels > max(_MANY_VALUES, _MOST_GROWING * size):
                    raise RefusedError("it is a small file of a very long sound; cut it")
                yield mono
        except DamagedError as error:
            if not self.samples:
                raise RefusedError("it is damaged; get a complete copy, or remove it") from error
        if not self.samples:
            raise RefusedError("it holds no sound; get a complete copy, or remove it")


@contextmanager
def open_sound(content: StoredImage | bytes) -> Iterator[OpenSound]:
    """Open a sound file, or its bytes; what is wrong with it while it is open becomes one sentence.

    Raises:
        SoundError: it is no sound, says what cannot be, or cannot be read.
    """
    try:
        with open_stream(content) as stream:
            yield OpenSound(content, stream)
    except (RefusedError, OSError) as error:
        name = "this sound" if isinstance(content, bytes) else repr(str(content))
        why = error if isinstance(error, RefusedError) else error.strerror or "it cannot be opened"
        raise SoundError(f"Cannot read {name}: {why}.") from error


def _frames(content: StoredImage | bytes, stream: IO[bytes], header: SoundHeader) -> Iterator[NDArray[np.float32]]:
    """(n, channels) float32 in chunks."""
    at_once = max(_VALUES_AT_ONCE // header.channels, 1)
    if header.format == "WAV":
        wav = read_wav_header(stream, header.place)
        if wav.plain:
            yield from plain_samples(stream, wav, at_once)
            return
    for source in _sources(content, stream, header):
        yield from decoded_apart(source, header.format, header.channels, header.rate, at_once)


def _sources(content: StoredImage | bytes, stream: IO[bytes], header: SoundHeader) -> Iterator[bytes | tuple[str, int]]:
    """What is to be decoded, in turn: the file, by its path and first byte where it is long, or its Ogg streams."""
    stream.seek(header.place)
    most = _MOST_OGG if header.format == "OGG" else _MOST_IN_MEMORY
    start = stream.read(most + 1)
    if header.format == "OGG":
        if len(start) > most:
            raise RefusedError(f"it is an Ogg file of more than {most >> 20} MiB; cut it, or save it as FLAC")
        yield from vorbis_streams(start)
    elif isinstance(content, Path) and len(start) > most:
        yield str(content), header.place
    else:
        yield start + stream.read()

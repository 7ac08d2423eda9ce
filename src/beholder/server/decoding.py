"""One file of a request to what the network takes of it, within what a request may ask for."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from beholder.data.decoding import Rules, kind_of, refuse_other_kind
from beholder.data.images.decode import ImageRules, decode, decode_array, read_size
from beholder.data.sounds.reading import sound_header, stream_sound
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import streamed_spectrogram
from beholder.data.sounds.windows import windows
from beholder.errors import ImageError, SoundError
from beholder.server.guard.request_limits import Limits

LARGE_PIXELS = 4_000_000  # an image of more is decoded alone: a small file may hold one that fills the memory


@dataclass
class Spent:
    """What the files of one request took so far: pixels of images, seconds of sounds."""

    pixels: int = 0
    seconds: float = 0.0


class BoundedDecoder:
    """Decodes the files of requests; to be called by several threads.

    Args:
        rules: what the network takes.
        limits: how large a file, and all of a request, may be.
    """

    def __init__(self, rules: Rules, limits: Limits) -> None:
        self._rules = rules
        self._limits = limits
        self._large = threading.Lock()
        self._counting = threading.Lock()

    def rows(self, content: bytes | NDArray[np.uint8], spent: Spent) -> NDArray[np.uint8]:
        """(n, H, W, C) uint8: one row of an image, and a row for each window of a sound.

        Args:
            content: the bytes of a file; or an image, (H, W), (H, W, 1) or (H, W, 3) uint8.
            spent: of its request, to which this is added.

        Raises:
            ImageError: it cannot be read, or asks for too much.
        """
        if isinstance(content, np.ndarray):
            return self._array(content)[np.newaxis]
        try:
            if isinstance(self._rules, SoundRules):
                return windows(self.spectrogram(content, spent), self._rules)
            return self._image(content, self._rules, spent)[np.newaxis]
        except ImageError as error:
            refuse_other_kind(content, kind_of(self._rules), error)
            raise

    def spectrogram(self, content: bytes, spent: Spent | None = None) -> NDArray[np.uint8]:
        """(64, T) uint8: all of a sound, as its windows are cut from.

        Raises:
            SoundError: it cannot be read, or asks for too much.
        """
        if not isinstance(self._rules, SoundRules):
            raise SoundError("This classifier answers images; give it one.")
        header, rate = sound_header(content), self._rules.rate
        most = min(self._limits.seconds, self._limits.samples / (header.rate * header.channels))
        # Closed here and now where too much comes: a decoder of this thread's stands behind it.
        with closing(cast("Generator[NDArray[np.float32]]", stream_sound(content, rate))) as chunks:
            return streamed_spectrogram(self._counted(chunks, rate, most, spent or Spent()), rate)

    def _array(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if isinstance(self._rules, SoundRules):
            raise SoundError("This classifier answers sounds; give the bytes of a sound file.")
        return decode_array(pixels, self._rules)

    def _image(self, content: bytes, rules: ImageRules, spent: Spent) -> NDArray[np.uint8]:
        height, width = read_size(content)
        limits = self._limits
        if height * width > limits.pixels:
            raise ImageError(
                f"Cannot read this image: it has {width} x {height} pixels, more than {limits.pixels / 1e6:g} "
                "million; make it smaller."
            )
        with self._counting:
            spent.pixels += height * width
            sum_of_all = spent.pixels
        if sum_of_all > limits.request_pixels:
            raise ImageError(
                f"Cannot read this image: with those before it the request has more than "
                f"{limits.request_pixels / 1e6:g} million pixels; send it in another request."
            )
        with self._large if height * width > LARGE_PIXELS else nullcontext():
            return decode(content, rules)

    def _counted(
        self, chunks: Iterable[NDArray[np.float32]], rate: int, most: float, spent: Spent
    ) -> Iterator[NDArray[np.float32]]:
        """`chunks` of a sound at `rate`, until they are too much: what its header says of its length may be wrong."""
        seconds = 0.0
        for chunk in chunks:
            seconds += len(chunk) / rate
            if seconds > most:
                raise SoundError(
                    f"Cannot read this sound: it is longer than {most:.0f} seconds, the most for its rate and "
                    "channels; cut it."
                )
            with self._counting:
                spent.seconds += len(chunk) / rate
                sum_of_all = spent.seconds
            if sum_of_all > self._limits.request_seconds:
                raise SoundError(
                    "Cannot read this sound: with those before it the request has more than "
                    f"{self._limits.request_seconds:.0f} seconds; send it in another request."
                )
            yield chunk

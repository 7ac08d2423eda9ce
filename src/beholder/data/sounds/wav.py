"""WAV files whose samples are plain numbers, read by NumPy: exact, and no C program sees their bytes.

Headers are often wrong: a length of 0 or of 4 GB is written by what did not know it, and taken to be the rest of the
file, a longer one than the file is too.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.headers import RefusedError

_MOST_CHUNKS = 4_096  # before the sound
_UNKNOWN = 0xFFFF_FF00  # lengths from here on are written by programs that did not know the length
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_PLAIN = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8)}  # bytes of a number, by codec
COMPRESSED = (0x02, 0x06, 0x07, 0x11)  # Microsoft's ADPCM, A-law, mu-law, IMA's ADPCM: what miniaudio reads


@dataclass(frozen=True)
class WavHeader:
    """What a WAV file says before its sound.

    Attributes:
        codec: 1 for whole numbers, 3 for floats, others for what is compressed.
        channels: as stored.
        rate: in Hz.
        bytes_a_second: on average.
        width: bytes of one number.
        place: of the first byte of sound.
        length: bytes of sound that are there.
        told: bytes of sound that it says there are; None where it does not know.
    """

    codec: int
    channels: int
    rate: int
    bytes_a_second: int
    width: int
    place: int
    length: int
    told: int | None

    @property
    def plain(self) -> bool:
        """Whether its samples are plain numbers."""
        return self.width in _PLAIN.get(self.codec, ())


def read_wav_header(stream: IO[bytes], place: int = 0) -> WavHeader:
    """The header of a WAV file that begins at the byte `place`; the sound need not be all there.

    Raises:
        RefusedError: no sound is found.
    """
    size = stream.seek(0, os.SEEK_END)
    begin = stream.seek(place)
    riff = int.from_bytes(stream.read(12)[4:8], "little")
    form: bytes | None = None
    for _ in range(_MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8:
            break
        name, length, place = head[:4], int.from_bytes(head[4:], "little"), stream.tell()
        if name == b"fmt " and form is None:
            form = stream.read(min(length, 40))
        elif name == b"data" and form is not None:
            unknown = length >= _UNKNOWN or (length == 0 and begin + riff + 8 != size)
            return _header(form, place, size - place, None if unknown else length)
        stream.seek(place + length + length % 2)
    raise RefusedError("it is a WAV file without sound; get a complete copy, or remove it")


def _header(form: bytes, place: int, held: int, told: int | None) -> WavHeader:
    if len(form) < 16:
        raise RefusedError("its header is damaged; get a complete copy, or remove it")
    codec, channels, rate, bytes_a_second, block, bits = struct.unpack_from("<HHIIHH", form)
    if codec == _EXTENSIBLE and len(form) >= 26:
        codec = int.from_bytes(form[24:26], "little")
    width = block // channels if channels and block and block % channels == 0 else -(-bits // 8)
    if codec in _PLAIN:
        bytes_a_second = rate * channels * width  # what the file says is often wrong
    return WavHeader(
        codec, channels, rate, bytes_a_second, width, place, held if told is None else min(told, held), told
    )


def plain_samples(stream: IO[bytes], header: WavHeader, at_once: int) -> Iterator[NDArray[np.float32]]:
    """The frames of a plain WAV file in chunks of up to `at_once`: (n, channels) float32, full scale at 1."""
    stream.seek(header.place)
    block = header.width * header.channels
    left = header.length // block
    while left > 0:
        content = stream.read(min(left, at_once) * block)
        frames = len(content) // block
        if not frames:
            break
        left -= frames
        yield _as_floats(content[: frames * block], header).reshape(frames, header.channels)


def _as_floats(content: bytes, header: WavHeader) -> NDArray[np.float32]:
    if header.codec == _FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number then is refused by the caller
            return np.frombuffer(content, f"<f{header.width}").astype(np.float32)
    if header.width == 1:  # 128 is silence
        return (np.frombuffer(content, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    if header.width == 3:
        whole = np.zeros((len(content) // 3, 4), np.uint8)
        whole[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        return whole.view("<i4")[:, 0].astype(np.float32) * np.float32(2.0**-31)
    return np.frombuffer(content, f"<i{header.width}").astype(np.float32) * np.float32(2.0 ** (1 - 8 * header.width))

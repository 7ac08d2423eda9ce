"""What an MP3 file tells in its first frame: rate, channels and, mostly, how long it is (ISO/IEC 11172-3, 13818-3).

A file without a table of contents is taken to go on as it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from beholder.data.images.headers import RefusedError
from beholder.data.sounds.formats import is_mp3_frame

_SCANNED = 1 << 16  # bytes that are searched for a frame
# Kilobits a second of layer III by index: version 1, then 2 and 2.5.
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True)
class Mp3Header:
    """What an MP3 file says.

    Attributes:
        rate: in Hz.
        channels: 1 or 2.
        seconds: of sound, an estimate where it does not say it.
        told: bytes of sound that it says there are; 0 where it does not.
    """

    rate: int
    channels: int
    seconds: float
    told: int


def read_mp3_header(stream: IO[bytes], place: int, size: int) -> Mp3Header:
    """The header of an MP3 file of `size` bytes whose sound begins at or behind the byte `place`.

    Raises:
        RefusedError: no frame is found.
    """
    stream.seek(place)
    scanned = stream.read(_SCANNED)
    offset = next((at for at in range(len(scanned) - 4) if _is_frame(scanned, at)), None)
    if offset is None:
        raise RefusedError("it holds no MP3 sound where it should begin; get a complete copy, or remove it")
    frame = scanned[offset:]
    first = frame[1] >> 3 & 3 == 3
    frames, told = _contents(frame)
    seconds = (size - place - offset) * 8 / (1000 * _BITRATES[not first][frame[2] >> 4])
    if frames:
        seconds = frames * (1152 if first else 576) / _rate(frame)
    return Mp3Header(_rate(frame), 1 if frame[3] >> 6 == 3 else 2, seconds, told)


def _is_frame(data: bytes, at: int) -> bool:
    """Whether a frame of layer III begins here, and another one behind it or the data end."""
    if data[at] != 0xFF or not is_mp3_frame(data[at : at + 4]):
        return False
    following = at + _frame_bytes(data[at : at + 4])
    return len(data) - following < 4 or is_mp3_frame(data[following : following + 4])


def _frame_bytes(head: bytes) -> int:
    first = head[1] >> 3 & 3 == 3
    kilobits = _BITRATES[not first][head[2] >> 4]
    return (144 if first else 72) * kilobits * 1000 // _rate(head) + (head[2] >> 1 & 1)


def _rate(head: bytes) -> int:
    return _RATES[head[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[head[1] >> 3 & 3]


def _contents(frame: bytes) -> tuple[int, int]:
    """Frames and bytes of sound that the first frame tells, as Xing or Fraunhofer have it; 0 where it does not."""
    at = max(frame.find(mark, 4, 64) for mark in (b"Xing", b"Info"))
    if at > 0:
        told = frame[at + 7]
        frames, size = (int.from_bytes(frame[at + start : at + start + 4], "big") for start in (8, 12))
        return (frames, size if told & 2 else 0) if told & 1 else (0, 0)
    if frame[36:40] == b"VBRI":
        return int.from_bytes(frame[50:54], "big"), int.from_bytes(frame[46:50], "big")
    return 0, 0

"""What the first bytes of a sound file tell: its format, rate, channels and length, read without decoding it.

Lengths are what the file says of itself where that is cheap, else an estimate: an MP3 without a table of contents is
taken to go on as it begins, a FLAC without a length to shrink as most do.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from typing import IO

from beholder.data.images.headers import RefusedError
from beholder.data.sounds.formats import START, SUFFIXES_OF, sound_format
from beholder.data.sounds.mp3 import read_mp3_header
from beholder.data.sounds.wav import COMPRESSED, read_wav_header

MOST_CHANNELS = 64
LEAST_HERTZ, MOST_HERTZ = 1_000, 768_000
_SCANNED = 1 << 16  # bytes that are searched for a frame or a page
_MOST_TAGS = 16


@dataclass(frozen=True)
class SoundHeader:
    """What a sound file says of itself.

    Attributes:
        format: `WAV`, `FLAC`, `OGG` or `MP3`.
        rate: in Hz, as stored.
        channels: as stored.
        seconds: of sound; an estimate where the file does not say it.
        place: of its first byte, behind tags that other programs have put before it.
    """

    format: str
    rate: int
    channels: int
    seconds: float
    place: int = 0


def read_header(stream: IO[bytes]) -> SoundHeader:
    """The header of a sound from its first byte on; the stream stands anywhere behind it then.

    Raises:
        RefusedError: it is no sound, of a format that Beholder does not read, or says what cannot be.
    """
    size = stream.seek(0, os.SEEK_END)
    if not size:
        raise RefusedError("it is empty; get a complete copy, or remove it")
    place = _after_tags(stream)
    stream.seek(place)
    start = stream.read(START)
    name = sound_format(start) if start or not place else "MP3"
    if name is None and place:
        name = "MP3"  # with something between its tags and its sound
    if name is None:
        raise RefusedError("it is not a sound that Beholder knows; give WAV, FLAC, Ogg Vorbis or MP3")
    if name not in SUFFIXES_OF:
        raise RefusedError(f"it is {name}, which Beholder does not read; save it as WAV or FLAC")
    try:
        header = {"WAV": _wav, "FLAC": _flac, "OGG": _ogg, "MP3": _mp3}[name](stream, place, size)
    except (struct.error, IndexError) as error:
        raise RefusedError("it is cut short; get a complete copy, or remove it") from error
    return _checked(replace(header, place=place))


def _checked(header: SoundHeader) -> SoundHeader:
    if not 1 <= header.channels <= MOST_CHANNELS:
        raise RefusedError(f"it claims to have {header.channels} channels; save it with 1 to {MOST_CHANNELS}")
    if not LEAST_HERTZ <= header.rate <= MOST_HERTZ:
        raise RefusedError(
            f"it claims to have {header.rate:,} samples per second; save it with {LEAST_HERTZ:,} to {MOST_HERTZ:,}"
        )
    return header


def _wav(stream: IO[bytes], place: int, _size: int) -> SoundHeader:
    wav = read_wav_header(stream, place)
    if not wav.plain and wav.codec not in COMPRESSED:
        raise RefusedError("it is a WAV file of a kind that Beholder does not read; save it with 16 or 24 bits")
    return SoundHeader("WAV", wav.rate, wav.channels, wav.length / wav.bytes_a_second if wav.bytes_a_second else 0.0)


def _flac(stream: IO[bytes], place: int, size: int) -> SoundHeader:
    rate, channels, bits, samples = _stream_info(stream, place)
    samples = samples or 2 * size * 8 // (channels * bits)
    return SoundHeader("FLAC", rate, channels, samples / rate if rate else 0.0)


def told_samples(stream: IO[bytes], place: int) -> int:
    """How many samples of each channel a FLAC file that begins at `place` says that it has; 0 where it does not."""
    return _stream_info(stream, place)[3]


def _stream_info(stream: IO[bytes], place: int) -> tuple[int, int, int, int]:
    """Rate, channels, bits and samples (RFC 9639, 8.2)."""
    stream.seek(place)
    head = stream.read(42)
    if len(head) < 42 or head[4] & 0x7F != 0:  # the block that has to come first
        raise RefusedError("its header is damaged; get a complete copy, or remove it")
    packed = int.from_bytes(head[18:26], "big")
    return packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1, packed & (1 << 36) - 1


def _ogg(stream: IO[bytes], place: int, size: int) -> SoundHeader:
    stream.seek(place)
    head = stream.read(28 + 30)
    channels, rate = struct.unpack_from("<BI", head, 28 + 11)
    stream.seek(max(size - _SCANNED, 0))
    tail = stream.read(_SCANNED)
    last = tail.rfind(b"OggS")
    granule = int.from_bytes(tail[last + 6 : last + 14], "little", signed=True) if last >= 0 else 0
    return SoundHeader("OGG", rate, channels, max(granule, 0) / rate if rate else 0.0)


def _mp3(stream: IO[bytes], place: int, size: int) -> SoundHeader:
    mp3 = read_mp3_header(stream, place, size)
    return SoundHeader("MP3", mp3.rate, mp3.channels, mp3.seconds)


def _after_tags(stream: IO[bytes]) -> int:
    """Where the sound begins: behind ID3v2 tags, of which there may be several."""
    place = 0
    for _ in range(_MOST_TAGS):
        stream.seek(place)
        head = stream.read(10)
        if len(head) < 10 or not head.startswith(b"ID3"):
            break
        length = 0
        for part in head[6:10]:
            length = length << 7 | part & 0x7F
        place += 10 + length + (10 if head[5] & 0x10 else 0)
    return place

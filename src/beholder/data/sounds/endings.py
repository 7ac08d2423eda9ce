"""Sound files that lack their end, as of a download that was cut off: read as far as they go, and it is said."""

from __future__ import annotations

import os
from typing import IO

from beholder.data.images.headers import RefusedError, StoredImage
from beholder.data.sounds.headers import told_samples
from beholder.data.sounds.mp3 import read_mp3_header
from beholder.data.sounds.ogg import ends_early
from beholder.data.sounds.reading import OpenSound, open_sound
from beholder.data.sounds.wav import read_wav_header
from beholder.errors import SoundError


def lacks_end(content: StoredImage | bytes) -> bool:
    """Whether a sound file, or its bytes, ends before it says it does; False where it says nothing, or is no sound."""
    try:
        with open_sound(content) as sound:
            if sound.header.format == "FLAC":  # of which only decoding tells
                for _ in sound.chunks(sound.header.rate):
                    pass
            return read_lacks_end(sound)
    except SoundError:
        return False


def read_lacks_end(sound: OpenSound) -> bool:
    """As `lacks_end`, of a sound that was read as far as it goes."""
    stream, header = sound.stream, sound.header
    try:
        if header.format == "FLAC":
            return told_samples(stream, header.place) > sound.samples
        return {"WAV": _wav_lacks, "OGG": _ogg_lacks, "MP3": _mp3_lacks}[header.format](stream, header.place)
    except (OSError, RefusedError):
        return False


def _wav_lacks(stream: IO[bytes], place: int) -> bool:
    wav = read_wav_header(stream, place)
    return wav.told is not None and wav.told > wav.length


def _ogg_lacks(stream: IO[bytes], place: int) -> bool:
    stream.seek(place)
    return ends_early(stream.read())


def _mp3_lacks(stream: IO[bytes], place: int) -> bool:
    size = stream.seek(0, os.SEEK_END)
    return read_mp3_header(stream, place, size).told > size - place

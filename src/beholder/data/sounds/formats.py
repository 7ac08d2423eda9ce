"""Which files are sounds, told by their name or their first bytes: those that Beholder reads, and those it cannot."""

from __future__ import annotations

import os
from pathlib import Path

from beholder.data.first_look import first_bytes, is_hidden, suffix_of

SUFFIXES_OF = {  # each format that Beholder reads; the usual suffix first
    "WAV": (".wav", ".wave"),
    "FLAC": (".flac",),
    "OGG": (".ogg", ".oga"),
    "MP3": (".mp3",),
}
SUFFIXES = tuple(suffix for suffixes in SUFFIXES_OF.values() for suffix in suffixes)
START = 64  # bytes of a file that `sound_format` wants

# fmt: off
_UNREADABLE = frozenset(
    f".{suffix}"
    for suffix in (
        # of telephones and of the web
        "m4a", "m4b", "m4p", "aac", "opus", "weba", "3ga", "amr", "awb", "caf", "mka",
        # of studios and of other systems
        "aif", "aiff", "aifc", "au", "snd", "w64", "rf64", "bwf", "sd2", "voc", "wma", "ra", "mp1", "mp2", "mpa", "mpc",
        "ape", "alac", "wv", "tta", "tak", "shn", "ac3", "eac3", "dts", "dsf", "dff", "gsm", "spx", "sph",
        # notes, not sound
        "mid", "midi", "xm",
    )
)
# fmt: on
_STARTS = (
    (b"fLaC", "FLAC"),
    (b"RF64", "RF64"),
    (b"riff\x2e\x91\xcf\x11", "Wave64"),
    (b"FORM", "AIFF"),
    (b".snd", "AU"),
    (b"#!AMR", "AMR"),
    (b"caff", "CAF"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b"MThd", "MIDI"),
    (b"MAC ", "APE"),
    (b"wvpk", "WavPack"),
    (b"NIST_1A", "SPHERE"),
)
_OGG_CODECS = ((b"\x01vorbis", "OGG"), (b"OpusHead", "Opus"), (b"\x7fFLAC", "FLAC in Ogg"), (b"Speex   ", "Speex"))


def is_sound_name(name: str) -> bool:
    """Whether a file's name, or path, ends as that of a sound that Beholder reads, and is not hidden."""
    return suffix_of(name) in SUFFIXES


def looks_like_sound(name: str) -> bool:
    """Whether a file's name, or path, ends as that of a sound in a format that Beholder cannot read."""
    return suffix_of(name) in _UNREADABLE


def sound_format(start: bytes) -> str | None:
    """The sound format of a file from its first `START` bytes, `WAV` or `Opus`; None where it is no sound known here.

    What Beholder reads is in `SUFFIXES_OF`. A tag before an MP3 (ID3v2) counts as its start.
    """
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        return "WAV"
    if start.startswith(b"OggS"):
        return next((name for mark, name in _OGG_CODECS if start[28:].startswith(mark)), None)
    for beginning, name in _STARTS:
        if start.startswith(beginning):
            return name
    if start[4:8] == b"ftyp" and start[8:11] in (b"M4A", b"M4B", b"M4P"):
        return "M4A"
    return "MP3" if start.startswith(b"ID3") or is_mp3_frame(start) else _adts(start)


def is_mp3_frame(start: bytes) -> bool:
    """Whether bytes begin as a frame of MPEG audio, layer III, does (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(start) < 4 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:
        return False
    version, layer = start[1] >> 3 & 3, start[1] >> 1 & 3
    return version != 1 and layer == 1 and start[2] >> 4 not in (0, 15) and start[2] >> 2 & 3 != 3


def holds_sound(path: str | Path) -> bool:
    """Whether a file that is not hidden begins as a sound does, whatever its name; False where it cannot be read."""
    return not is_hidden(os.fspath(path)) and sound_format(first_bytes(path, START)) is not None


def _adts(start: bytes) -> str | None:
    return "AAC" if len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0 else None

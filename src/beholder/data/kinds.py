"""The two kinds of files that a network learns from, images and sounds, told by names and first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beholder.data.images import formats as images
from beholder.data.sounds import formats as sounds

Kind = Literal["image", "sound"]


@dataclass(frozen=True)
class FileKind:
    """What is known of a kind of files.

    Attributes:
        name: one of them, in words.
        plural: several.
        with_article: one, with its article.
        row: what a network sees one at a time, in words; a long sound is several.
        rows: several of these.
        drawn: what it is where it is drawn.
        suffixes_of: each format that Beholder reads, with its suffixes; the usual one first.
        is_name: whether a file's name, or path, ends as one that Beholder reads, and is not hidden.
        looks_like: whether it ends as one in a format that Beholder cannot read.
        format_of: the format of a file from its first bytes; None where it is none of this kind.
        start: how many bytes that wants.
        holds: whether a file that is not hidden begins as one of this kind.
        told: the formats that Beholder reads, in words.
        advice: what to convert others to.
    """

    name: Kind
    plural: str
    with_article: str
    row: str
    rows: str
    drawn: str
    suffixes_of: Mapping[str, tuple[str, ...]]
    is_name: Callable[[str], bool]
    looks_like: Callable[[str], bool]
    format_of: Callable[[bytes], str | None]
    start: int
    holds: Callable[[str | Path], bool]
    told: str
    advice: str

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of all formats that Beholder reads, in lower case."""
        return tuple(suffix for some in self.suffixes_of.values() for suffix in some)

    def count(self, number: int) -> str:
        """`1 image`, `1,200 sounds`."""
        return f"{number:,} {self.name if number == 1 else self.plural}"

    def is_file(self, path: str) -> bool:
        """Whether a file in a folder is one, by its name or by its first bytes, be it in a format that is not read."""
        return self.is_name(path) or self.looks_like(path) or self.holds(path)


IMAGES = FileKind(
    "image",
    "images",
    "an image",
    "image",
    "images",
    "image",
    images.SUFFIXES_OF,
    images.is_image_name,
    images.looks_like_image,
    images.image_format,
    images.START,
    images.holds_image,
    "JPEG, PNG, WebP, BMP, GIF or TIFF",
    "JPEG or PNG",
)
SOUNDS = FileKind(
    "sound",
    "sounds",
    "a sound",
    "clip",
    "clips",
    "spectrogram",
    sounds.SUFFIXES_OF,
    sounds.is_sound_name,
    sounds.looks_like_sound,
    sounds.sound_format,
    sounds.START,
    sounds.holds_sound,
    "WAV, FLAC, Ogg Vorbis or MP3",
    "WAV or FLAC",
)
KINDS = (IMAGES, SOUNDS)
START = max(kind.start for kind in KINDS)
SUFFIXES = tuple(suffix for kind in KINDS for suffix in kind.suffixes)


def named(kind: Kind) -> FileKind:
    """The kind of this name."""
    return SOUNDS if kind == "sound" else IMAGES


def kind_of_name(name: str) -> FileKind | None:
    """The kind of a file by its name, also in a format that cannot be read; None where that says neither."""
    return next((kind for kind in KINDS if kind.is_name(name) or kind.looks_like(name)), None)


def format_and_kind(start: bytes) -> tuple[str, FileKind] | None:
    """The format of a file and its kind from its first `START` bytes; None where it is neither."""
    for kind in KINDS:
        found = kind.format_of(start)
        if found is not None:
            return found, kind
    return None


def kinds_named(names: Iterable[str]) -> list[FileKind]:
    """The kinds that files of these names are of, in formats that are read."""
    # Of a million names there are a few suffixes.
    suffixes = {name[name.rfind(".") :].lower() for name in names}
    return [kind for kind in KINDS if not suffixes.isdisjoint(kind.suffixes)]

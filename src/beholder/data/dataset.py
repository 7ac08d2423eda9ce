"""The first noun: images, their labels and the names of the classes, frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.arguments import anything, checked_arguments, two, whole
from beholder.data.image_rows import ImageRows, Images, images_at
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import ImageFit
from beholder.data.kinds import IMAGES, SOUNDS, FileKind
from beholder.data.progress import Progress, silent
from beholder.data.recordings import first_rows, numbered, rows_of
from beholder.data.sounds.rules import SoundRules
from beholder.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images of one set (train, validation or test).

    Attributes:
        images: (N, H, W, C) uint8, C is 1 (grey) or 3 (RGB); may be a read-only memory map, or rows of a larger array
            (`ImageRows`), of which `np.asarray` makes one.
        labels: (N,) int64, each an index into `class_names`.
        class_names: one name a class, in the order of the labels.
        names: one name an image, for people to find it again (a path, or a row of an archive).
        groups: one text an image, equal for images that belong together (a patient, a video, a speaker) and so to one
            set; empty for an image that belongs with no other. None: nothing is known of groups.
        recordings: (N,) int64, equal for rows that are windows of one sound file, which stand one after the other; None
            for images. `names` has the file's name for each of its rows.
        sound: by what rules these images of time and pitch came from sounds; None for images.

    Raises:
        DataError: a shape, dtype or label that does not fit the others.
    """

    images: Images
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: Sequence[str]
    groups: Sequence[str] | None = None
    recordings: NDArray[np.int64] | None = None
    sound: SoundRules | None = None

    def __post_init__(self) -> None:
        self._check_kinds(self.images, self.labels)
        object.__setattr__(self, "class_names", tuple(map(str, self.class_names)))
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[3] not in (1, 3) or 0 in shape[1:]:
            raise DataError(
                f"Expected images of shape (N, H, W, 1 or 3) and dtype uint8. Received: shape={shape}, "
                f"dtype={self.images.dtype}."
            )
        if self.labels.shape != shape[:1] or self.labels.dtype != np.int64:
            raise DataError(
                f"Expected one int64 label for each of {shape[0]} images. Received: shape={self.labels.shape}, "
                f"dtype={self.labels.dtype}."
            )
        if len(self.names) != shape[0]:
            raise DataError(f"Expected one name for each of {shape[0]} images. Received: {len(self.names)} names.")
        if self.groups is not None:
            self._check_groups(self.groups)
        self._check_recordings()
        if shape[0] and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(
                f"Expected labels from 0 to {len(self.class_names) - 1}, one for each class. "
                f"Received: {self.labels.min()} to {self.labels.max()}."
            )

    def _check_recordings(self) -> None:
        recordings = self.recordings
        if (recordings is None) != (self.sound is None):
            raise DataError("Expected recordings together with the rules of the sound. Received: one of the two.")
        if recordings is not None and (recordings.shape != self.labels.shape or recordings.dtype != np.int64):
            raise DataError(
                f"Expected one int64 recording for each of {len(self.labels)} rows. Received: "
                f"shape={recordings.shape}, dtype={recordings.dtype}."
            )

    def _check_groups(self, groups: Sequence[object]) -> None:
        if len(groups) != len(self.labels):
            raise DataError(
                f"Expected one group for each of {len(self.labels)} images. Received: {len(groups)} groups."
            )
        other = next((one for one in groups if not isinstance(one, str)), None)
        if other is not None:
            raise DataError(f"Expected groups that are texts; write [str(one) for one in groups]. Received: {other!r}.")

    @classmethod
    @checked_arguments(paths=anything, labels=anything, class_names=anything, size=two(whole(1)))
    def from_files(
        cls,
        paths: Iterable[str | PathLike[str]],
        labels: Iterable[Any],
        *,
        class_names: Sequence[str] | None = None,
        size: tuple[int, int] | None = None,
        colour: Colour = "auto",
        fit: ImageFit | None = None,
        seconds: float | None = None,
        cache: str | Path | None = None,
        progress: Progress = silent,
    ) -> Dataset:
        """The images, or the sounds, in the files at `paths`, with a label each, in that order.

        Files are decoded once, into the cache, and read from there; an edited file is decoded again.

        Args:
            paths: of image files, or of sound files, absolute or from the working folder; they become the names.
            labels: one each, whole numbers or texts.
            class_names: with them, a number is an index into them and a text is one of them. Without, each different
                label is a class, in sorted order.
            size: height and width of every image, pixels; by default chosen from them, as for a folder.
            colour: `rgb` or `grey`; by default grey where all images of a sample are.
            fit: `crop` (the default), `pad` or `stretch` images of other proportions.
            seconds: of sounds, the length of a clip; chosen from them by default.
            cache: where decoded files are kept; the user's cache folder by default.
            progress: told how far decoding is.

        Raises:
            DataError: a file that is not there or cannot be read, or labels that do not fit.
            UsageError: an option of images for sounds, or the other way round.
        """
        from beholder.data.listed_files import dataset_of_files

        where = None if cache is None else Path(cache)
        return dataset_of_files(paths, labels, class_names, size, colour, fit, seconds, where, progress)

    def _check_kinds(self, images: object, labels: object) -> None:
        texts: dict[str, object] = {"class_names": self.class_names, "names": self.names}
        texts |= {} if self.groups is None else {"groups": self.groups}
        for what, given in texts.items():
            is_list = isinstance(given, Sequence) and not isinstance(given, str)  # a text is one of its letters
            if not is_list and not (isinstance(given, np.ndarray) and given.ndim == 1):
                raise DataError(f"Expected {what} as a list of texts. Received: {type(given).__name__}.")
        if not isinstance(images, np.ndarray | ImageRows) or not isinstance(labels, np.ndarray):
            kinds = f"{type(images).__name__} and {type(labels).__name__}"
            raise DataError(f"Expected images and labels as arrays; give np.asarray of each. Received: {kinds}.")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        height, width, channels = self.image_shape
        if self.sound is not None:
            clips = f"{len(self):,} {self.sound.in_words()}"
            return f"Dataset({len(self.files):,} sounds, {clips}, {len(self.class_names)} classes)"
        colour = "grey" if channels == 1 else "RGB"
        return f"Dataset({len(self):,} {colour} images of {height} × {width} pixels, {len(self.class_names)} classes)"

    @property
    def file_kind(self) -> FileKind:
        """What its files are: images or sounds."""
        return IMAGES if self.sound is None else SOUNDS

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def select(self, rows: NDArray[np.int64]) -> Dataset:
        """The images at `rows`, in that order; none is copied."""
        names = [self.names[int(row)] for row in rows]
        groups = None if self.groups is None else [self.groups[int(row)] for row in rows]
        recordings = None if self.recordings is None else self.recordings[rows]
        images = images_at(self.images, rows)
        chosen = Dataset(images, self.labels[rows], self.class_names, names, groups, recordings, self.sound)
        if "contents" in vars(self):
            vars(chosen)["contents"] = [self.contents[int(row)] for row in rows]
        return chosen

    @property
    def first_rows(self) -> NDArray[np.int64]:
        """(M,) int64: the first row of each of its files."""
        return np.arange(len(self)) if self.recordings is None else first_rows(self.recordings)

    @property
    def file_of_row(self) -> NDArray[np.int64]:
        """(N,) int64: the place of each row's file among `files`."""
        return np.arange(len(self)) if self.recordings is None else numbered(self.recordings)

    @cached_property
    def files(self) -> Dataset:
        """Each file once: this data set of images; of sounds the first window of each, whose content is all of it."""
        first, place = self.first_rows, self.file_of_row
        if len(first) == len(self):
            return self
        files = self.select(first)
        windows: list[list[bytes]] = [[] for _ in first]
        for row, content in enumerate(self.contents):
            windows[place[row]].append(content)
        vars(files)["contents"] = [_joined(contents) for contents in windows]
        return files

    def of_files(self, files: NDArray[np.int64]) -> Dataset:
        """All rows of some `files`, places in the data set of that name, one file after the other; none is copied."""
        return self.select(files if self.recordings is None else rows_of(self.recordings, files))

    def relabelled(self, labels: NDArray[np.int64]) -> Dataset:
        """The same with other `labels` (M,), one for each of its `files`."""
        return replace(self, labels=labels if self.recordings is None else labels[numbered(self.recordings)])

    @cached_property
    def contents(self) -> list[bytes]:
        """One value an image (16 bytes), equal for equal pixels; told once, for all that is selected later too.

        Files that are equal byte for byte decode to equal pixels, so groups by pixels keep them together too.
        """
        return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in self.images]

    def outline(self) -> str:
        """SHA-256 over class names, shape and labels: tells most other data apart, and reads no pixel."""
        return self._digest().hexdigest()

    def fingerprint(self) -> str:
        """SHA-256 over class names, shape, labels and pixels: equal for equal data, wherever it was read from."""
        digest = self._digest()
        for start in range(0, len(self), 1024):
            digest.update(np.ascontiguousarray(self.images[start : start + 1024]).data)
        return digest.hexdigest()

    def group_fingerprint(self) -> str | None:
        """SHA-256 over the group of each image, which `fingerprint` leaves out; None without groups."""
        return None if self.groups is None else hashlib.sha256(repr(list(map(str, self.groups))).encode()).hexdigest()

    def _digest(self) -> hashlib._Hash:
        digest = hashlib.sha256(repr((self.class_names, self.images.shape)).encode())
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest


def _joined(contents: list[bytes]) -> bytes:
    """One content of those of all windows of a file; of a single one it is its own, in whatever set it is."""
    return contents[0] if len(contents) == 1 else hashlib.blake2b(b"".join(contents), digest_size=16).digest()

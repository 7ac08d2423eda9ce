"""The first noun: images, their labels and the names of the classes, frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from beholder.data.image_rows import Images, images_at
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

    Raises:
        DataError: a shape, dtype or label that does not fit the others.
    """

    images: Images
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: Sequence[str]

    def __post_init__(self) -> None:
        sequences: tuple[object, object] = (self.class_names, self.names)
        if any(isinstance(one, str) for one in sequences):  # a text is a sequence of its letters
            raise DataError("Expected class names and names as a tuple and a list of texts. Received: one text.")
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
        if shape[0] and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(
                f"Expected labels from 0 to {len(self.class_names) - 1}, one for each class. "
                f"Received: {self.labels.min()} to {self.labels.max()}."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def select(self, rows: NDArray[np.int64]) -> Dataset:
        """The images at `rows`, in that order; none is copied."""
        names = [self.names[int(row)] for row in rows]
        chosen = Dataset(images_at(self.images, rows), self.labels[rows], self.class_names, names)
        if "contents" in vars(self):
            vars(chosen)["contents"] = [self.contents[int(row)] for row in rows]
        return chosen

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

    def _digest(self) -> hashlib._Hash:
        digest = hashlib.sha256(repr((self.class_names, self.images.shape)).encode())
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest

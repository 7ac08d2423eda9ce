"""Training images beside a model, found again by what the network makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.kept_images import damaged, read_kept, thumbnails, write_kept
from beholder.data.dataset import Dataset
from beholder.data.stored_arrays import Arrays
from beholder.figures.pixels import as_rgb

NEIGHBOURS_FILE = "neighbours.npz"
_VOTERS = 10  # images around one that say what it might be
_ROWS = 1000  # compared with all others at a time: 20 MB


@dataclass(frozen=True)
class Neighbour:
    """A training image near to another one.

    Attributes:
        path: its name in the data.
        label: its class name.
        distance: 1 minus the cosine of the angle between the two features: 0 (alike) to 2.
        thumbnail: (H, W, 3) uint8, as the network gets it, at most 64 pixels a side.
    """

    path: str
    label: str
    distance: float
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Doubt:
    """A training image whose label is not that of the images around it.

    Attributes:
        path: its name in the data.
        label: its class name.
        suggestion: the class name that most of its neighbours have.
        share: of the neighbours that have it, 0 to 1.
        thumbnail: as of `Neighbour`.
    """

    path: str
    label: str
    suggestion: str
    share: float
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training images of a run, at most 5,000, spread over its classes.

    Attributes:
        names: (N) names in the data.
        labels: (N,) int64, each an index into `class_names`.
        class_names: in the order of the labels.
        features: (N, F) float32, what the last layer sees, each row of length 1 (0 where it sees nothing).
        thumbnails: (N, h, w, 1 or 3) uint8.
    """

    names: list[str]
    labels: NDArray[np.int64]
    class_names: list[str]
    features: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.names)

    def nearest(self, features: NDArray[np.float32], count: int = 8) -> list[Neighbour]:
        """The `count` nearest to an image whose `features` (F,) the graph gave, nearest first.

        Of the windows of one sound, which share its name, the nearest alone.
        """
        likeness = self.features @ unit_rows(features[np.newaxis])[0]
        first: dict[str, int] = {}
        for row in np.argsort(-likeness, kind="stable").tolist():
            if len(first) == count:
                break
            first.setdefault(self.names[row], row)
        return [
            Neighbour(name, self._label(row), float(1 - likeness[row]), self.thumbnail(row))
            for name, row in first.items()
        ]

    def doubtful(self, count: int = 50) -> list[Doubt]:
        """At most `count` images of which most of the 10 nearest others agree on another label, clearest first.

        A k-nearest-neighbours vote in feature space, as in Zhu, Dong and Liu, Detecting Corrupted Labels Without
        Training a Model to Predict, ICML 2022. Takes about a second for 5,000 images.
        """
        votes = self._votes()
        suggested, share = votes.argmax(axis=1), votes.max(axis=1)
        odd = np.flatnonzero((suggested != self.labels) & (share > 0.5))
        order = odd[np.argsort(-share[odd], kind="stable")][:count]
        suggestions = [self.class_names[label] for label in suggested]
        return [
            Doubt(self.names[row], self._label(row), suggestions[row], float(share[row]), self.thumbnail(row))
            for row in order
        ]

    def thumbnail(self, row: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8."""
        return as_rgb(self.thumbnails[row])

    def _label(self, row: int) -> str:
        return self.class_names[int(self.labels[row])]

    def _votes(self) -> NDArray[np.float64]:
        """(N, classes): the share of each class among the nearest others."""
        voters = min(_VOTERS, len(self) - 1)
        votes = np.zeros((len(self), len(self.class_names)))
        for start in range(0, len(self) if voters else 0, _ROWS):
            rows = np.arange(start, min(start + _ROWS, len(self)))
            likeness = self.features[rows] @ self.features.T
            likeness[np.arange(len(rows)), rows] = -np.inf
            nearest = np.argpartition(-likeness, voters - 1, axis=1)[:, :voters]
            np.add.at(votes, (rows[:, np.newaxis], self.labels[nearest]), 1)
        return votes / max(voters, 1)


def open_neighbours(run: Path) -> Neighbours | None:
    """The training images that `train` kept in the RUN folder `run`; None where it kept none.

    Raises:
        ArtifactError: they are damaged, or of another model than the run's; all else of the run can be used.
    """
    path = run / NEIGHBOURS_FILE
    read = read_kept(path, run / "model", ("features", "labels", "thumbnails"), ("names", "class_names"))
    if read is None:
        return None
    arrays, texts = read
    names, class_names, labels = texts["names"], texts["class_names"], arrays["labels"]
    shapes = [array.shape[:1] for array in arrays.values()]
    fits = shapes == [(len(names),)] * 3 and labels.dtype == np.int64 and arrays["thumbnails"].dtype == np.uint8
    fits = fits and [array.ndim for array in arrays.values()] == [2, 1, 4]
    fits = fits and arrays["features"].dtype.kind == "f" and len(names) > 0
    if not fits or not 0 <= labels.min() <= labels.max() < len(class_names):
        raise damaged(path)
    return Neighbours(names, labels, class_names, arrays["features"].astype(np.float32), arrays["thumbnails"])


def write_neighbours(run: Path, images: Dataset, features: NDArray[np.float32]) -> None:
    """Keep `images`, N of the training set, and their `features` (N, F) in the RUN folder `run`, beside its model.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    arrays: Arrays = {
        "features": unit_rows(features).astype(np.float16),
        "labels": images.labels,
        "thumbnails": thumbnails(images.images),
    }
    texts = {"names": list(images.names), "class_names": list(images.class_names)}
    write_kept(run / NEIGHBOURS_FILE, run / "model", arrays, texts)


def unit_rows(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """`features` (N, F) float32 with every row of length 1; rows of zeros, or of what is no number, are zeros."""
    finite = np.where(np.isfinite(features).all(axis=1, keepdims=True), features, 0)
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    return (finite / np.where(lengths > 0, lengths, 1)).astype(np.float32)

"""Familiarity: whether an image is like anything that the network was trained on.

Two things of an image's features tell: their length (short where nothing was found that the network knows: plain
colours, text) and their direction (far from that of every class where known parts come together as in none: noise).
Among the scores that were compared on classifiers of photographs these two together were the best against each kind of
strange image, and need no training image to be kept (docs/lab-notebook.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

UNLIKE_SHARE = 0.05  # of the validation images that count as unlike
_FEWEST = 20  # validation images, of which that share is one


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What a network makes of images of its own kind."""

    # (K, F) float32, the mean direction of each class's features; rows of length 1, 0 without images
    prototypes: NDArray[np.float32]
    lengths: NDArray[np.float32]  # (n,) float32, ascending: the lengths of the validation images' features
    likenesses: NDArray[np.float32]  # (n,) float32, ascending: their likeness to the nearest class
    threshold: float  # an image of a lower score is unlike anything that the network was trained on

    def scores(self, measures: NDArray[np.float32]) -> NDArray[np.float64]:
        """How familiar images are, (N,) float64, 0 at most: from what `feature_measures` tells of them, (N, 2) float32.

        The logarithms of two shares of the validation images are added, as Fisher adds those of p-values (Statistical
        Methods for Research Workers, 1932): that with features as short, and that as far from every class.
        """
        known = (self.lengths, self.likenesses)
        places = np.stack([np.searchsorted(known[row], measures[:, row], side="right") for row in (0, 1)])
        return np.asarray(np.log((places + 1) / (len(self.lengths) + 1)).sum(axis=0), np.float64)

    def unlike(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N,) bool: which images are unlike anything that it was trained on; from their features (N, F) float32."""
        return self.scores(feature_measures(features, self.prototypes)) < self.threshold


def class_sums(features: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """The sum of the directions of each class's features, (K, F) float32: of features (n, F) with labels (n,)."""
    sums = np.zeros((classes, features.shape[1]), np.float32)
    np.add.at(sums, labels, _flattened(features))
    return sums


def feature_measures(features: NDArray[np.float32], prototypes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 2) float32: the length of each image's features (N, F), and its likeness to the nearest class, -1 to 1."""
    likeness = (_flattened(features) @ prototypes.T).max(axis=1)
    return np.stack([np.linalg.norm(features, axis=1), likeness], axis=1)


def fit_familiarity(
    prototypes: NDArray[np.float32], measures: NDArray[np.float32], share: float = UNLIKE_SHARE
) -> Familiarity | None:
    """The familiarity of which at most `share` of new images of the same kind count as unlike.

    The threshold is that of a conformal p-value of at most `share` (Bates, Candès, Lei, Romano and Sesia, Testing for
    Outliers with Conformal p-values, 2023). None where there are too few images for such a share, or figures that are
    not finite.

    Args:
        prototypes: (K, F) float32, `directions` of the sums of `class_sums` over some training images.
        measures: (n, 2) float32, what `feature_measures` gives for the validation set.
        share: 0 to 1.
    """
    rank = int(share * (len(measures) + 1))
    if rank < 1 or len(measures) < _FEWEST or not (np.isfinite(measures).all() and np.isfinite(prototypes).all()):
        return None
    familiarity = Familiarity(prototypes, np.sort(measures[:, 0]), np.sort(measures[:, 1]), -np.inf)
    return replace(familiarity, threshold=float(np.sort(familiarity.scores(measures))[rank - 1]))


def directions(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """`rows` (n, F) float32, each scaled to length 1; one of zeros stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def _flattened(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The directions of the features' signed square roots, so that no single large feature decides."""
    return directions(np.sign(features) * np.sqrt(np.abs(features)))

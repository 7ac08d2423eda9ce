"""Whether a mirrored image means the same, told from labelled images before a network learns from mirrored ones.

A quick classifier judges images that it did not learn from, as they are and mirrored. Where mirrored images of a class
fall on the side of another class, as with arrows to the left and to the right, mirroring changes what they mean. How
the limits were chosen stands in docs/lab-notebook.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.evaluation.patch_features import PATCH, mirror_features
from beholder.evaluation.shares import as_whole_percent

SAMPLED_IMAGES = 1500  # that are looked at
_LEAST_IMAGES = 16
_FOLDS = 4
_RIDGE = 0.03  # of the classifier, in the units of its features
_CHANCE = 1e-3  # how probable it may be that one of all pairs of classes looks mirrored by accident
_SURE = 4.0  # standard errors above chance, from which the classifier is believed
# By channels: standard errors, from which it is no accident that fewer mirrored images are right; and of what the
# classifier knows above chance, the share that it must know of mirrored images too. Grey images are often writing,
# whose mirror images are of no use even where no class looks like another's.
_LOST = {1: 2.5, 3: 5.0}
_KEPT = {1: 0.9, 3: 0.5}


@dataclass(frozen=True)
class Mirroring:
    """What labelled images tell about mirroring."""

    same: bool | None  # whether a mirrored image means the same; None: these images do not tell
    # Of images as they are, the share that a quick classifier is right about, mean over the classes, 0 to 1
    plain: float
    mirrored: float  # likewise of mirrored ones
    # Names of two classes each whose images, mirrored, look like those of the other class; the surest first
    pairs: tuple[tuple[str, str], ...]
    images: int  # how many were looked at
    channels: int  # of an image, 1 or 3

    @property
    def mirror(self) -> bool:
        """What follows: whether training shows mirrored images too, a guess where the images do not tell."""
        return self.channels == 3 if self.same is None else self.same

    @property
    def sentence(self) -> str:
        """What is done and why, for people."""
        switch = f"--{'no-' if self.mirror else ''}mirror decides otherwise."
        shares = (
            f"a quick classifier is right about {as_whole_percent(self.plain)} of images and "
            f"{as_whole_percent(self.mirrored)} of mirrored ones"
        )
        if self.same is None:
            kind = "are colour, so mirrored ones are shown too" if self.mirror else "are grey, so none is mirrored"
            return (
                f"Whether a mirrored image means the same cannot be told from these {self.images:,} images: a guess, "
                f"they {kind}; {switch}"
            )
        if self.same:
            return f"Mirrored images are shown too, since they look like their own class ({shares}); {switch}"
        if not self.pairs:
            return f"Images are not mirrored, since mirrored ones look less like their own class ({shares}); {switch}"
        one, other = self.pairs[0]
        more = f" ({len(self.pairs) - 1:,} more pairs are like that)" if len(self.pairs) > 1 else ""
        return f"Images are not mirrored: a mirrored {one!r} looks like {other!r}{more}; {switch}"


def measure_mirroring(train: Dataset, *, seed: int) -> Mirroring:
    """Whether mirrored images of `train` look like their own class, or like another one.

    Up to `SAMPLED_IMAGES` of them are read, of each class about as many; the `seed` fixes which.
    """
    random = np.random.Generator(np.random.PCG64([seed, 7]))
    rows = _sample(train.labels, random)
    names, labels = np.unique(train.labels[rows], return_inverse=True)
    counts = np.bincount(labels)
    channels = train.image_shape[2]
    if len(rows) < _LEAST_IMAGES or len(names) < 2 or min(counts) < 2 or min(train.image_shape[:2]) < PATCH:
        return Mirroring(None, 0.0, 0.0, (), len(rows), channels)
    plain, mirrored = _held_out(*mirror_features(train.select(rows).images, random), labels)
    right, right_mirrored = plain.argmax(axis=1) == labels, mirrored.argmax(axis=1) == labels
    known, kept = (float((np.bincount(labels, one) / counts).mean()) for one in (right, right_mirrored))
    pairs = tuple(
        (train.class_names[names[one]], train.class_names[names[other]])
        for one, other in _pairs(plain, mirrored, labels)
    )
    chance = 1 / len(names)
    error = np.sqrt(chance * (1 - chance) * (1 / counts).sum()) / len(names)
    lost = int((right & ~right_mirrored).sum()) - int((right_mirrored & ~right).sum())
    lost_error = np.sqrt((right != right_mirrored).sum() + 1)
    same: bool | None = None
    if pairs:
        same = False
    elif known > chance + _SURE * error:
        accident = lost < _LOST[channels] * lost_error
        same = bool(accident or kept - chance >= _KEPT[channels] * (known - chance))
    return Mirroring(same, known, kept, pairs, len(rows), channels)


def _sample(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Sorted rows, at most `SAMPLED_IMAGES` (or two a class), and of no class more than its share of that."""
    shuffled = random.permutation(len(labels))
    most = max(2, SAMPLED_IMAGES // max(1, len(np.unique(labels))))
    chosen = [shuffled[labels[shuffled] == label][:most] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen)) if chosen else shuffled


def _held_out(
    plain: NDArray[np.float32], mirrored: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (N, classes) of ridge regressions, each classes of equal weight, for images that they did not learn from.

    Each class is dealt in runs of neighbouring rows, so that images of one scene mostly stay together.
    """
    classes, counts = int(labels.max()) + 1, np.bincount(labels)
    order = np.argsort(labels, kind="stable")
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    folds = ranks * _FOLDS // np.maximum(counts[labels], _FOLDS)
    products = plain.astype(np.float64) @ plain.T + 1  # and a constant feature
    mirrored_products = mirrored.astype(np.float64) @ plain.T + 1
    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1 / (classes - 1))
    scores, mirrored_scores = np.zeros(targets.shape), np.zeros(targets.shape)
    for fold in range(_FOLDS):
        learned, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        weights = np.sqrt(len(labels) / (classes * counts[labels[learned]]))[:, None]
        system = weights * products[np.ix_(learned, learned)] * weights.T + _RIDGE * np.eye(len(learned))
        solved = np.linalg.solve(system, weights * targets[learned]) * weights
        scores[held_out] = products[np.ix_(held_out, learned)] @ solved
        mirrored_scores[held_out] = mirrored_products[np.ix_(held_out, learned)] @ solved
    return scores, mirrored_scores


def _pairs(
    plain: NDArray[np.float64], mirrored: NDArray[np.float64], labels: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Pairs of classes whose images fall on their own side, and mirrored on the other; both no accident."""
    # Not above: a light install reads audits without it; and not scipy.stats, which takes a second to import.
    from scipy.special import bdtr, bdtrc

    counts = np.bincount(labels)
    own, turned = shares_on_own_side(plain, labels), shares_on_own_side(mirrored, labels)
    ones, others = np.triu_indices(len(counts), 1)
    images = 2 * np.minimum(counts[ones], counts[others])
    chance = _CHANCE / len(ones)
    told = bdtrc(np.rint(own[ones, others] * images) - 1, images, 0.5) < chance
    told &= bdtr(np.rint(turned[ones, others] * images), images, 0.5) < chance
    order = np.argsort(turned[ones, others][told], kind="stable")
    return list(zip(ones[told][order].tolist(), others[told][order].tolist(), strict=True))


def shares_on_own_side(scores: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K, K): of the images of two classes the share that falls on its own side, mean of both; by scores (N, K).

    NaN where a class has no images.
    """
    shares = np.full((scores.shape[1], scores.shape[1]), np.nan)
    for label in np.unique(labels).tolist():
        own = scores[labels == label]
        shares[label] = ((own[:, label, None] > own) + 0.5 * (own[:, label, None] == own)).mean(axis=0)
    return np.asarray((shares + shares.T) / 2, np.float64)

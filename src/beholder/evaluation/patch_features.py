"""What is to be seen in images, and in their mirror images: how strongly small patches of the images answer where.

The filters are patches drawn from the images themselves, whitened, each beside its mirror image, so that the features
of a mirrored image are those of the image in another order. Source: Coates, Ng and Lee, An analysis of single-layer
networks in unsupervised feature learning (AISTATS 2011), with drawn patches in the place of learned ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.data.image_rows import Images

PATCH = 6  # pixels a side, and so the smallest image
_LEVELS = ((32, 2), (16, 1))  # short side in pixels that images are shrunk to, and the step between patches
_SIDE = 8  # pixels, of the image itself as the last features
_FILTERS = 32  # of each level, and their mirror images
_DRAWN = 4000  # patches that the whitening is computed from
_CONTRAST = 10.0  # grey levels, added to the deviation of a patch so that noise on plain ground stays small
_WHITENING = 0.1  # added to the eigenvalues of the patches' covariance
_THRESHOLD = 0.5  # of a filter's answer, below which it counts as none
_CHUNK = 100  # images at a time

Features = NDArray[np.float32]


def mirror_features(images: Images, random: np.random.Generator) -> tuple[Features, Features]:
    """Standardised features (N, F) float32 of `images` of 6 pixels a side or more, and of their mirror images.

    Both are in units of the deviation over the images as they are; `random` draws the patches.
    """
    plain, mirrored = [], []
    for side, step in _LEVELS:
        answers = _answers(_shrunk(images, side), step, random)  # (N, places, filters)
        turned = answers[:, [1, 0, 3, 2, 4]]  # left and right halves change places, and each filter with its mirror
        turned = np.concatenate([turned[..., answers.shape[2] // 2 :], turned[..., : answers.shape[2] // 2]], axis=2)
        plain.append(answers.reshape(len(answers), -1))
        mirrored.append(turned.reshape(len(answers), -1))
    small = _shrunk(images, _SIDE).astype(np.float32)
    plain.append(small.reshape(len(small), -1))
    mirrored.append(small[:, :, ::-1].reshape(len(small), -1))
    means = [kind.mean(axis=0) for kind in plain]
    deviations = [kind.std(axis=0) for kind in plain]
    # The features of each kind weigh the same together, however many they are.
    scales = [(one + 0.1 * one.mean() + 1e-6) * np.sqrt(len(one)) for one in deviations]
    mean, scale = np.concatenate(means), np.concatenate(scales)
    return (np.concatenate(plain, axis=1) - mean) / scale, (np.concatenate(mirrored, axis=1) - mean) / scale


def _shrunk(images: Images, side: int) -> NDArray[np.uint8]:
    """Images whose squares of pixels became one, so that the short side is `side` pixels or little more."""
    height, width = images.shape[1:3]
    factor = max(1, min(height, width) // side)
    if factor == 1:
        return np.asarray(images)
    box = (0, 0, width // factor * factor, height // factor * factor)
    small = [
        np.asarray(Image.fromarray(one[..., 0] if one.shape[2] == 1 else one).reduce(factor, box)) for one in images
    ]
    return np.stack(small).reshape(len(small), height // factor, width // factor, -1)


def _answers(images: NDArray[np.uint8], step: int, random: np.random.Generator) -> Features:
    """(N, 5, filters): the mean answer of each filter in four quarters, left and right in turn, and its largest.

    The second half of the filters are the mirror images of the first.
    """
    width = images.shape[2]
    images = images[:, :, : width - (width - PATCH) % step]  # so that patches lie where their mirror images do
    filters, shift = _filters(images, random)
    answers = []
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        windows = np.lib.stride_tricks.sliding_window_view(chunk, (PATCH, PATCH), axis=(1, 2))[:, ::step, ::step]
        count, rows, columns = windows.shape[:3]
        patches = _normed(windows.transpose(0, 1, 2, 4, 5, 3).reshape(count * rows * columns, -1))
        found = np.maximum(patches @ filters - shift - _THRESHOLD, 0).reshape(count, rows, columns, -1)
        quarters = [
            found[:, above, left].mean(axis=(1, 2))
            for above in (slice((rows + 1) // 2), slice(rows // 2, None))
            for left in (slice((columns + 1) // 2), slice(columns // 2, None))
        ]
        answers.append(np.stack([*quarters, found.max(axis=(1, 2))], axis=1))
    return np.concatenate(answers)


def _filters(images: NDArray[np.uint8], random: np.random.Generator) -> tuple[Features, Features]:
    """Filters, (values of a patch, filters), and what is to be taken from their answers, (filters,)."""
    count, height, width = images.shape[:3]
    which = random.integers(0, count, _DRAWN)
    tops, lefts = random.integers(0, height - PATCH + 1, _DRAWN), random.integers(0, width - PATCH + 1, _DRAWN)
    within = np.arange(PATCH)
    rows = (tops[:, None] + within)[:, :, None]
    drawn = images[which[:, None, None], rows, (lefts[:, None] + within)[:, None]]
    patches = _normed(drawn.reshape(_DRAWN, -1))
    turned = _normed(drawn[:, :, ::-1].reshape(_DRAWN, -1))
    both = np.concatenate([patches, turned])
    mean = both.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(both.T).astype(np.float64))
    whiten = ((vectors / np.sqrt(np.maximum(values, 0) + _WHITENING)) @ vectors.T).astype(np.float32)
    deviations = drawn.reshape(_DRAWN, -1).std(axis=1)
    uneven = np.argsort(-deviations, kind="stable")[: max(_FILTERS, int((deviations > _CONTRAST / 2).sum()))]
    chosen = random.choice(uneven, _FILTERS, replace=False)
    filters = (np.concatenate([patches[chosen], turned[chosen]]) - mean) @ whiten
    filters /= np.linalg.norm(filters, axis=1, keepdims=True) + 1e-9
    weights = whiten @ filters.T
    return weights, mean @ weights


def _normed(patches: NDArray[np.uint8]) -> Features:
    """Patches (n, values) of mean 0 and a deviation of about 1."""
    normed = patches.astype(np.float32)
    normed -= normed.mean(axis=1, keepdims=True)
    normed /= normed.std(axis=1, keepdims=True) + _CONTRAST
    return normed

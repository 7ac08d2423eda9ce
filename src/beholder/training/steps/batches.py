"""Which images a step sees, and how: a function of (seed, epoch, step), never of what came before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.training.augmentation import Augmentation, SoundAugmentation
from beholder.training.balance import balanced_order
from beholder.training.random_windows import RandomWindows
from beholder.training.varied_images import varied

# What a random stream is for; part of its key, so that no two uses share numbers.
_ORDER, _FLIP, _VARY, _STEP, _WINDOW = range(5)
_ALL = slice(None)


@dataclass(frozen=True)
class Batches:
    """Shuffled batches of a training set, augmented on request."""

    dataset: Dataset  # the training set
    batch_size: int  # images a step; the last step of an epoch takes what is left
    seed: int  # fixes every choice
    how: Augmentation | SoundAugmentation | None  # vary the images
    mirror: bool  # turn half of them left to right
    balanced: bool = False  # show every class equally often, its images as often as that takes

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.dataset) / self.batch_size)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The rows of the data set in the order of `epoch` (from 0)."""
        random = stream(self.seed, _ORDER, epoch)
        if self.balanced:
            return balanced_order(self.dataset.labels, random)
        return random.permutation(len(self.dataset))

    def size(self, step: int) -> int:
        """Images of one step (from 0) of an epoch."""
        return min(self.batch_size, len(self.dataset) - step * self.batch_size)

    def batch(
        self, order: NDArray[np.int64], epoch: int, step: int, share: slice = _ALL
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images (B, H, W, C) uint8 and labels (B,) of one step (from 0) of an epoch whose `order` is given.

        Of the images only a `share` is read where that is given, and these are what they are in the whole batch.
        """
        whole = order[step * self.batch_size : (step + 1) * self.batch_size]
        rows = whole[share]
        labels = self.dataset.labels[whole]
        if self._windows is None:
            images = self.dataset.images[rows]
        else:
            drawn = stream(self.seed, _WINDOW, epoch, step).random(len(whole))[share]
            images = self._windows.at(rows, drawn)
        if self.mirror:
            # Alternating flips: each image is mirrored in every other epoch, so that two epochs show both sides.
            # Source: K. Jordan, 94% on CIFAR-10 in 3.29 seconds (2024), section 3.6.
            images = mirrored_at(images, self._flips[rows] ^ bool(epoch % 2))
        if self.how is not None:
            images = varied(images, self.how, stream(self.seed, _VARY, epoch, step), len(whole), share)
        return images, labels

    def step_seed(self, epoch: int, step: int) -> int:
        """A seed for the random layers of one step."""
        return int(stream(self.seed, _STEP, epoch, step).integers(2**31))

    @cached_property
    def _windows(self) -> RandomWindows | None:
        """Of sounds that are moved in time, where some have several."""
        recordings = self.dataset.recordings
        if recordings is None or not isinstance(self.how, SoundAugmentation) or not self.how.shift:
            return None
        windows = RandomWindows(self.dataset.images, recordings)
        return windows if windows.some else None

    @cached_property
    def _flips(self) -> NDArray[np.bool_]:
        return stream(self.seed, _FLIP).integers(2, size=len(self.dataset)).astype(bool)


def stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers that depend on `seed` and `key` alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *key])))


def mirrored_at(images: NDArray[np.uint8], which: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """`images` (B, H, W, C) with those at `which` (B,) turned left to right."""
    turned = images.copy()
    turned[which] = turned[which, :, ::-1]
    return turned

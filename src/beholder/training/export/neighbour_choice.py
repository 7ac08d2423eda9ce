"""Chooses training images that a run keeps beside its model, and looks at them through the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from beholder.artifact.inside import RUN_PIXELS, Inside
from beholder.artifact.kept_images import most_images
from beholder.artifact.manifest import Manifest
from beholder.artifact.neighbours import write_neighbours
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.split import stratified_order

_MULTIPLY_ADDS = 10**11  # of all images together: a second or two on two cores


def keep_neighbours(run: Path, manifest: Manifest, train: Dataset) -> None:
    """Keep some of the `train` set, in equal shares of its classes, in the RUN folder `run`, whose model is there.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    # Its graph computes the plain view alone, which the features are of, at half the cost of the one that answers.
    inside = Inside(run / "model")
    features = next(int(row["output_shape"][-1]) for row in manifest.layers if row["name"] == "features")
    images = train.select(np.sort(stratified_order(train.labels, seed=0)[: _count(manifest, features)]))
    batches = chunks(len(images), images.image_shape, RUN_PIXELS)
    seen = [inside(images.images[rows], ("features",))["features"] for rows in batches]
    write_neighbours(run, images, np.concatenate(seen))


def _count(manifest: Manifest, features: int) -> int:
    cost = sum(int(layer["multiply_adds"]) for layer in manifest.layers)
    affordable = max(_MULTIPLY_ADDS // max(cost, 1), len(manifest.class_names))
    return min(affordable, most_images(manifest.image.shape, more_bytes=2 * features))

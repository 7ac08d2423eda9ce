"""Features of some training images, looked at once: what the classes are like, and neighbours that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.graph import Graph
from beholder.artifact.inside import RUN_PIXELS
from beholder.artifact.kept_images import most_images
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.split import stratified_order
from beholder.evaluation.familiarity import class_sums, directions

_MOST_IMAGES = 2000  # that tell the classes' directions, and stand for a large set; more change nothing
_MULTIPLY_ADDS = 5 * 10**10  # of all images together: half a second on two cores
_MOST_VALUES = 8_000_000  # of the directions: 32 MB


@dataclass(frozen=True, eq=False)
class TrainingFeatures:
    """What a network makes of some images of the training set.

    Attributes:
        prototypes: (K, F) float32, the direction of each class in the features; None where they would not fit into a
            model folder, as with very many classes and features.
        neighbours: images to keep beside the model, in equal shares of the classes.
        features: (n, F) float32, of the neighbours.
    """

    prototypes: NDArray[np.float32] | None
    neighbours: Dataset
    features: NDArray[np.float32]


def look_at_training(graph: Graph, layers: Sequence[dict[str, Any]], train: Dataset) -> TrainingFeatures:
    """Look at some images of the `train` set through a network of these `layers`, whose features `graph` gives."""
    classes = len(train.class_names)
    width = next(int(np.prod(layer["output_shape"])) for layer in layers if layer["name"] == "features")
    affordable = _MULTIPLY_ADDS // max(sum(int(layer["multiply_adds"]) for layer in layers), 1)
    summed = 0 if width * classes > _MOST_VALUES else min(_MOST_IMAGES, max(affordable, 10 * classes))
    most = most_images(train.image_shape, more_bytes=2 * width)
    # All of a set where they can be kept, since the page looks for doubtful labels among these.
    kept = min(max(affordable, classes), most if len(train) <= most else min(most, _MOST_IMAGES))
    order = stratified_order(train.labels, seed=0)
    rows = np.sort(order[: max(summed, kept)])
    ranks = np.argsort(order)[rows]  # the place of each in that order
    sums, features = np.zeros((classes, width), np.float32), []
    for chunk in chunks(len(rows), train.image_shape, RUN_PIXELS):
        [seen] = graph.run(["features"], train.images[rows[chunk]])
        early = ranks[chunk] < summed
        sums += class_sums(seen[early], train.labels[rows[chunk]][early], classes)
        features.append(seen[ranks[chunk] < kept])
    return TrainingFeatures(
        directions(sums) if summed else None, train.select(rows[ranks < kept]), np.concatenate(features)
    )

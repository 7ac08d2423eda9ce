"""Class activation: where on the last feature maps the answer's logit comes from.

It needs a head of one global pooling and one fully connected layer: then the logit is a sum over places, and each
place's part is known exactly. Sources: Zhou et al., Learning deep features for discriminative localization (2016), for
the average; Oquab et al., Is object localization for free? (2015), for the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pooling = Literal["average", "maximum"]
_POOLINGS: dict[str, Pooling] = {"GlobalAveragePooling2D": "average", "GlobalMaxPooling2D": "maximum"}


@dataclass(frozen=True)
class Head:
    """The last layers, where they allow a class activation map: `maps` is the layer that `pooling` reduces."""

    maps: str
    pooling: Pooling


def find_head(layers: Sequence[dict[str, Any]]) -> Head | None:
    """The head in a manifest's `layers`; None where it is another, or where its maps have a single place."""
    rows = [row for row in layers if row["type"] != "Dropout"]
    if len(rows) < 3 or rows[-1]["type"] != "Dense" or rows[-2]["type"] not in _POOLINGS:
        return None
    shape = rows[-3]["output_shape"]
    if len(shape) != 3 or shape[0] * shape[1] < 2:
        return None
    return Head(rows[-3]["name"], _POOLINGS[rows[-2]["type"]])


def class_activation(
    maps: NDArray[np.float32], weights: NDArray[np.float32], label: int, pooling: Pooling
) -> NDArray[np.float32]:
    """What each place adds to the logit of `label`, over what it adds to the logits of all classes on average.

    The places sum to that difference, without the bias. With `maximum`, a map counts at its largest value alone
    (several equal ones share).

    Args:
        maps: (h, w, F) float32, the last feature maps.
        weights: (F, classes) float32, from the pooled maps to the logits.
        label: a class.
        pooling: how the maps are reduced to one number each.

    Returns:
        (h, w) float32.
    """
    speaking = weights[:, label] - weights.mean(axis=1)  # (F,)
    if pooling == "average":
        sets = maps / (maps.shape[0] * maps.shape[1])
    else:
        largest = maps.max(axis=(0, 1))
        at = maps == largest
        sets = largest * at / at.sum(axis=(0, 1))
    activation: NDArray[np.float32] = (sets @ speaking).astype(np.float32)
    return activation

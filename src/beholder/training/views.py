"""What a trained network makes of images: its features and, by its last layer, probabilities."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.image_rows import Images
from beholder.evaluation.calibration import softmax
from beholder.models.entrance import seen_size
from beholder.training.steps.step import LOOK_PIXELS, compile_look


class FeatureView:
    """Looks at images through a trained network.

    Args:
        model: one of Beholder's networks; its layer `features` feeds its last, `logits`.
        mirrored: average the features of an image and of its mirror image, and so the logits, as answers do.
    """

    def __init__(self, model: Any, *, mirrored: bool) -> None:
        self._look = compile_look(keras.Model(model.input, model.get_layer("features").output))
        self._kernel, self._bias = (np.asarray(values) for values in model.get_layer("logits").get_weights())
        self._mirrored, self._seen = mirrored, seen_size(model)

    def features(self, images: Images, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(R, D) float32 for those of `images` (N, H, W, C) at `rows` (R,)."""
        parts = chunks(len(rows), self._seen, LOOK_PIXELS)
        return np.concatenate([self._features(images[rows[part]]) for part in parts])

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(R, K) float32 from `features` (R, D)."""
        return softmax(features @ self._kernel + self._bias)

    def _features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen = self._look(images).astype(np.float32)
        if self._mirrored:
            seen += self._look(images[:, :, ::-1]).astype(np.float32)
            seen /= 2
        return seen

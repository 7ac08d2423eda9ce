"""The same network over smaller images: what it learns first it learns as well from fewer pixels, and sooner.

Source: progressive resizing, J. Howard (fast.ai), in the DAWNBench entries of 2018; what it buys here is in
docs/lab-notebook.md.
"""

from __future__ import annotations

from typing import Any

import keras

from beholder.models.resolution import SCALE, small_side


def smaller(model: Any) -> Any | None:
    """The layers of `model` over images `SCALE` times as large, averaged down inside: same input, same variables.

    It is a chain of layers, none of which depends on the size of its maps: `fast`. None for images that are too small.
    """
    inputs, entrance, rest = model.input, *_divided(model)
    height, width = entrance.shape[1:3]
    if small_side(min(height, width)) is None:
        return None
    resize = keras.layers.Resizing(
        round(height * SCALE), round(width * SCALE), antialias=True, dtype="float32", name="smaller"
    )
    x = resize(entrance)
    for layer in rest:
        x = layer(x)
    return keras.Model(inputs, x, name=f"smaller_{model.name}")


def _divided(model: Any) -> tuple[Any, list[Any]]:
    """The float32 images that the network looks at, and the layers after them."""
    names = [layer.name for layer in model.layers]
    last = max(names.index(name) for name in ("as_float", "shrink") if name in names)
    return model.layers[last].output, model.layers[last + 1 :]

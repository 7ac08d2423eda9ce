"""Images that somebody looks inside, remembered for a while with all that the layers make of them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from beholder.answering.explanation import Maps, all_maps
from beholder.server.served import Served

_IMAGES = 64  # that are remembered
_LOOKED = 4  # of them, with every layer's output


@dataclass(frozen=True)
class Sight:
    """One image with all that the layers make of it.

    Attributes:
        pixels: (H, W, C) uint8 as they enter.
        outputs: by layer, without the batch.
        maps: of the layers that have some, by their place in the network, from 0.
    """

    pixels: NDArray[np.uint8]
    outputs: dict[str, NDArray[np.float32]]
    maps: dict[int, Maps]

    def layer(self, index: int) -> Maps:
        """The maps of a layer; HTTPException 404 where there are none."""
        if index not in self.maps:
            raise HTTPException(404)
        return self.maps[index]

    def map(self, index: int, number: int) -> NDArray[np.float32]:
        """(H, W) float32: map `number` of a layer; HTTPException 404 where there is none."""
        values = self.layer(index).values
        if number >= values.shape[2]:
            raise HTTPException(404)
        return values[..., number]


class Sights:
    """Looks at images, and remembers the last few: the pixels of many, every layer's output of very few.

    Args:
        served: what is served.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._lock = threading.Lock()
        self._images: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._looked: OrderedDict[str, Sight] = OrderedDict()

    def remember(self, pixels: NDArray[np.uint8]) -> str:
        """A token that stands for `pixels` (H, W, C) from here on; the same pixels get the same one."""
        token = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:32]
        with self._lock:
            _keep(self._images, token, pixels, _IMAGES)
        return token

    def sight(self, token: str) -> Sight:
        """The image of `token` with every layer's output.

        Raises:
            HTTPException: 410 for an image that is no longer remembered.
            ArtifactError: the model can answer but not explain.
        """
        with self._lock:
            if token in self._looked:
                self._looked.move_to_end(token)
                return self._looked[token]
            pixels = self._images.get(token)
        if pixels is None:
            raise HTTPException(410, f"This {self._served.kind} is no longer remembered; look at it again.")
        rows = self._served.classifier.artifact.manifest.layers
        outputs = {name: output[0] for name, output in self._served.inside(pixels[np.newaxis]).items()}
        sight = Sight(pixels, outputs, {maps.number - 1: maps for maps in all_maps(rows, outputs)})
        with self._lock:
            _keep(self._looked, token, sight, _LOOKED)
        return sight


def _keep(kept: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)

"""Images that a run keeps for its page: one `.npz` file beside the model, bounded, whole or not at all.

It is no part of the sealed model folder. It names the networks that it was made for, so that one that a death left
beside a newer model is not taken for its own; other promises of the same networks leave it theirs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.artifact.store import network_checksum
from beholder.data.image_rows import Images
from beholder.data.stored_arrays import Arrays, read_arrays, texts_from_array, texts_to_array, write_arrays
from beholder.errors import ArtifactError

_SIDE = 64  # pixels that a thumbnail has at most
_MOST_IMAGES = 5000
_MOST_BYTES = 20_000_000  # of thumbnails and what goes with each
_MOST_TOLD = 500_000_000  # bytes that a file may unpack to; ours have a tenth, names included


def most_images(image_shape: tuple[int, int, int], more_bytes: int = 0) -> int:
    """How many images of this shape (H, W, C) are kept, where each takes `more_bytes` beside its thumbnail."""
    height, width = _size(*image_shape[:2])
    return min(_MOST_IMAGES, _MOST_BYTES // (height * width * image_shape[2] + more_bytes))


def thumbnails(images: Images) -> NDArray[np.uint8]:
    """`images` (N, H, W, C) uint8 as the network gets them, averaged down where a side is longer than 64 pixels."""
    count, height, width, channels = images.shape
    small_height, small_width = _size(height, width)
    if (small_height, small_width) == (height, width):
        return np.ascontiguousarray(images)
    small = np.empty((count, small_height, small_width, channels), np.uint8)
    for row, image in enumerate(images):
        loaded = Image.fromarray(image[..., 0] if channels == 1 else image)
        loaded = loaded.resize((small_width, small_height), Image.Resampling.BOX)
        small[row] = np.asarray(loaded).reshape(small.shape[1:])
    return small


def write_kept(path: Path, model: Path, arrays: Arrays, texts: dict[str, list[str]]) -> None:
    """Write `arrays` and lists of `texts` to `path`, as made for the model in the folder `model`.

    Raises:
        StorageError: the disk is full or may not be written to; `path` is then as it was before.
    """
    told = {**texts, "model": [str(network_checksum(model))]}
    write_arrays(path, {**arrays, **{name: texts_to_array(values) for name, values in told.items()}})


def read_kept(
    path: Path, model: Path, arrays: tuple[str, ...], texts: tuple[str, ...]
) -> tuple[Arrays, dict[str, list[str]]] | None:
    """What `write_kept` wrote; None where nothing is at `path`.

    Raises:
        ArtifactError: it is damaged, or was made for another model than the one in the folder `model`.
    """
    if not path.exists():
        return None
    try:
        read = read_arrays(path, most_bytes=_MOST_TOLD, names=(*arrays, *texts, "model"))
        told = {name: texts_from_array(read.pop(name)) for name in (*texts, "model")}
    except (OSError, ValueError) as error:
        raise damaged(path) from error
    if told.pop("model") != [network_checksum(model)]:
        raise ArtifactError(f"{str(path)!r} belongs to a different model from the one beside it; train again.")
    return read, told


def damaged(path: Path) -> ArtifactError:
    """What to say of such a file that holds other things than it should."""
    return ArtifactError(f"{str(path)!r} is damaged; restore it from a copy, or delete it and do without.")


def _size(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, _SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))

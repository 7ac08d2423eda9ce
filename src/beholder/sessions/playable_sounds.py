"""Which sounds of the data a run keeps, so that its page can play them: mistakes first, then training sounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.kept_sounds import write_sounds
from beholder.data.dataset import Dataset
from beholder.data.images.places import Folder, Place
from beholder.data.sounds.reading import read_sound
from beholder.data.sounds.rules import SoundRules
from beholder.data.split import stratified_order
from beholder.errors import ImageError

_MOST_SECONDS = 10.0  # of each sound


def keep_playable(
    run: Path,
    rules: SoundRules,
    place: Place | None,
    validation: tuple[Dataset, NDArray[np.float32]],
    neighbours: Dataset,
) -> None:
    """Keep sounds in the RUN folder `run`, as many as there is room for.

    Args:
        run: the RUN folder, with its model.
        rules: by which the network takes sounds.
        place: where the files are; None: their names are paths.
        validation: its files, each once, and the (N, classes) float32 probabilities of them.
        neighbours: training sounds of which the features are kept.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    files, probabilities = validation
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != files.labels)
    surest = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
    near = stratified_order(neighbours.labels, seed=0)
    names = [*(files.names[row] for row in surest.tolist()), *(neighbours.names[row] for row in near.tolist())]
    write_sounds(
        run, rules.rate, _read(list(dict.fromkeys(names)), rules.rate, place or Folder(Path.cwd(), whole=False))
    )


def _read(names: list[str], rate: int, place: Place) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name in names:
        try:
            yield name, read_sound(place.image(name), rate)[: round(_MOST_SECONDS * rate)]
        except ImageError:
            continue  # it is no longer there, or was of a set that lies elsewhere: the page does without

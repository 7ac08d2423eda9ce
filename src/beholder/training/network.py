"""The network that a run trains, with the weights that it starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.data.image_rows import images_at
from beholder.models import build, learned_weights
from beholder.runs.run_folder import Run
from beholder.training.initial import first_weights
from beholder.training.judging import TRAIN_SAMPLE, sample
from beholder.training.settings import Settings


def build_network(settings: Settings, train: Dataset, run: Run | None, cache: Path | None = None) -> Any:
    """The network, with the weights that `run` starts from; a checkpoint brings all weights itself.

    Learned ones of its recipe are looked for in `cache` too, the usual one where it is None.
    """
    fitted = {}
    if settings.recipe.sees_images:
        fitted["images"] = images_at(train.images, sample(len(train), TRAIN_SAMPLE))
    names = train.class_names
    model = build(settings.model, train.image_shape, len(names), dtype=settings.dtype, **settings.options, **fitted)
    if run is None or run.has_checkpoint:
        return model
    if settings.initial is None:
        learned_weights(settings.model, model, cache)
    elif settings.initial.class_names:
        first_weights(model, run.initial_file, settings.initial.class_names, names)
    return model

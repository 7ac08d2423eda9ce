"""The summary of a run as it is told before the first step: in its log, at the terminal and in the JSON document."""

from __future__ import annotations

import math
from typing import Any

from beholder.data.dataset import Dataset
from beholder.training.settings import Settings


def run_summary(settings: Settings, sets: dict[str, Dataset], schedule: list[tuple[int, int]] | None) -> dict[str, Any]:
    """What will be done, JSON-ready.

    Args:
        settings: of the run.
        sets: `train` and `validation`.
        schedule: pairs of an earlier run's `Schedule` that is followed, whose last tells the steps; None: epochs do.
    """
    recipe, train = settings.recipe, sets["train"]
    epochs, steps = recipe.epochs, settings.steps(len(train))
    if schedule is not None:
        steps = schedule[-1][1]
        epochs = round(steps / math.ceil(len(train) / recipe.batch_size), 2)
    side, first_side = settings.sides(train.image_shape)
    named = "widths" in settings.options
    return {
        "model": settings.model,
        **({"widths": settings.options["widths"], "side": side, "first_side": first_side} if named else {}),
        "epochs": epochs,
        "batch_size": recipe.batch_size,
        "steps": steps,
        "precision": settings.precision,
        "mirrored": settings.mirrors(train.image_shape[2]),
        "train_images": len(train),
        "image_shape": list(train.image_shape),
        "validation_images": len(sets["validation"]),
        **({} if settings.initial is None else {"started_from": settings.initial.source}),
        **({} if settings.balance == "none" else {"balance": settings.balance}),
    }

"""The plan of a run as it is told before the first step: in its log, at the terminal and in the JSON document."""

from __future__ import annotations

import math
from typing import Any

from beholder.data.dataset import Dataset
from beholder.models.resolution import LARGEST_SIDE, looked_at
from beholder.training.settings import Settings


def plan_document(settings: Settings, parts: dict[str, Dataset], plans: list[tuple[int, int]] | None) -> dict[str, Any]:
    """What will be done, JSON-ready.

    Args:
        settings: of the run.
        parts: `train` and `validation`.
        plans: pairs of an earlier run's `Schedule`, which is followed: the last tells the steps; None: the epochs do.
    """
    recipe, train = settings.recipe, parts["train"]
    epochs, steps = recipe.epochs, settings.steps(len(train))
    if plans is not None:
        steps = plans[-1][1]
        epochs = round(steps / math.ceil(len(train) / recipe.batch_size), 2)
    return {
        "model": settings.model,
        **_network(settings, train.picture_shape),
        "epochs": epochs,
        "batch_size": recipe.batch_size,
        "steps": steps,
        "precision": settings.precision,
        "mirrored": settings.mirrors(train.picture_shape[2]),
        "train_pictures": len(train),
        "validation_pictures": len(parts["validation"]),
        **({} if settings.initial is None else {"started_from": settings.initial.source}),
        **({} if settings.balance == "none" else {"balance": settings.balance}),
    }


def _network(settings: Settings, shape: tuple[int, int, int]) -> dict[str, Any]:
    """The widths of `fast` and the sides at which it looks at pictures of `shape`, where the settings name them."""
    if "widths" not in settings.options:
        return {}
    from beholder.models.smaller import small_side

    side = min(looked_at(shape, settings.options.get("side") or LARGEST_SIDE))
    first_side = None if settings.initial is not None else small_side(side)
    return {"widths": settings.options["widths"], "side": side, "first_side": first_side}

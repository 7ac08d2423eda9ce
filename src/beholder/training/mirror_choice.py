"""Whether training shows mirrored images: as the person said, otherwise told from the images before the first step."""

from __future__ import annotations

from beholder.data.dataset import Dataset
from beholder.evaluation.mirror_images import Mirroring, measure_mirroring
from beholder.training.settings import Settings
from beholder.training.steps.framework import training_half


def decide_mirroring(settings: Settings, train: Dataset) -> tuple[Settings, Mirroring | None]:
    """`settings` with the decision in their recipe, and what it rests on.

    Args:
        settings: of a training.
        train: what it learns from.

    Returns:
        None in the place of the second where nothing was to be decided: the person said, or nothing is augmented.
    """
    if not settings.recipe.augment or settings.recipe.mirror is not None:
        return settings, None
    with training_half():
        mirroring = measure_mirroring(train, seed=settings.seed)
    return settings.mirroring(mirroring.mirror), mirroring

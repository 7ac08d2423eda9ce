"""Whether training shows mirrored images: as the person said, otherwise told from the images before the first step."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from beholder.data.dataset import Dataset
from beholder.data.remembered import remembered
from beholder.evaluation.mirror_images import Mirroring, measure_mirroring
from beholder.training.settings import Settings
from beholder.training.steps.framework import training_half


def decide_mirroring(
    settings: Settings, train: Dataset, cache: Path | None = None
) -> tuple[Settings, Mirroring | None]:
    """`settings` with the decision in their recipe, and what it rests on.

    Args:
        settings: of a training.
        train: what it learns from.
        cache: where it is remembered what the images tell; None: nowhere.

    Returns:
        None in the place of the second where nothing was to be decided: the person said, nothing is augmented, or
        they are sounds, which are never mirrored.
    """
    if train.sound is not None:  # backwards it is another one
        return settings.for_sounds(), None
    if not settings.recipe.augment or settings.recipe.mirror is not None:
        return settings, None
    with training_half():
        facts = [train.fingerprint(), settings.seed]
        told = remembered(cache, "mirroring", facts, lambda: asdict(measure_mirroring(train, seed=settings.seed)))
    mirroring = Mirroring(**{**told, "pairs": tuple((one, other) for one, other in told["pairs"])})
    return settings.mirroring(mirroring.mirror), mirroring

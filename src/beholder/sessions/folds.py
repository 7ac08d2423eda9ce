"""Images that are judged out of fold: what cannot be asked beside that, and the data dealt into folds."""

from __future__ import annotations

import math

from beholder.data.dataset import Dataset
from beholder.data.folds import Folds, deal
from beholder.data.split import Split, first_images
from beholder.errors import DataError, UsageError
from beholder.sessions.request import TrainRequest
from beholder.training.budget.fine_tuning import fewest_epochs
from beholder.training.settings import Settings


def check_folds(request: TrainRequest, *, validation: bool, together: bool) -> None:
    """Refuse what cannot be had with the folds that `request` asks for, if it does.

    Args:
        request: what the person asked for.
        validation: whether they gave a validation set.
        together: whether several processes are to train.

    Raises:
        UsageError: something cannot.
    """
    if request.folds is None:
        return
    if together:
        raise UsageError("Folds are trained one after the other in one process; leave --folds or --processes out.")
    if validation:
        raise UsageError("With folds all data are learned from and judged; leave `validation` or `folds` out.")
    if request.early_stop is not None:
        raise UsageError(
            "With folds nothing is left to stop early by: all is judged once, or learned from; leave --folds or "
            "--early-stop out."
        )
    if request.plan is not None:
        raise UsageError("A plan is that of one training; leave --folds or --plan out.")


def check_tuning(settings: Settings, train: Dataset, folds: int) -> None:
    """Refuse so few epochs of a network that has seen other images that its first answer may be the better one.

    Elsewhere the validation set tells which of both is kept.

    Args:
        settings: with the epochs that are to be trained.
        train: what the last training learns from.
        folds: how many there are.

    Raises:
        UsageError: they are so few.
    """
    learned = len(train) - len(train) // folds
    fewest = math.ceil(fewest_epochs(learned))
    if settings.head_is_new and 0 < settings.recipe.epochs < fewest:
        raise UsageError(
            f"With folds no {train.file_kind.name} is left to tell whether {settings.recipe.epochs:g} epochs of "
            f"fine-tuning gain anything, and on {learned:,} {train.file_kind.rows} they may "
            f"not; give --epochs {fewest} or more, or a --budget."
        )


def read_whole(sets: Split, folds: int, images: int | None) -> tuple[Dataset, Folds]:
    """All images of the undivided source of `sets`, or so many `images` of them, and their folds.

    Raises:
        DataError: there are none, one class only, or too few of a class.
    """
    source, plural = sets.source, sets.source.file_kind.plural
    if len(source.class_names) < 2:
        raise DataError(f"{source.name!r} has only one class; give {plural} of at least two.")
    if "all" not in source.readers:
        raise DataError(f"{source.name!r} has no {plural} to learn from but a test set; add some.")
    whole = first_images(source.readers["all"](sets.progress), images, seed=sets.seed)
    return whole, deal(sets, whole, folds)

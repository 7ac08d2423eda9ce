"""A first answer of a network that learned from other images: within seconds, and where fine-tuning begins.

The features stay as they are; a linear classifier on them gives the network its last layer. Mirror images are left to
fine-tuning: their features take as much time again and gain nothing (docs/lab-notebook.md).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.groups.rule import ALONE
from beholder.runs.events import EventLog
from beholder.training.frozen_features import Features, FrozenFeatures, can_be_seen
from beholder.training.linear_probe import Head, Labelled, fit_head, fit_head_alone
from beholder.training.settings import Settings

_TELL_SECONDS = 1.0  # between two events of progress


@dataclass(frozen=True, eq=False)
class Part:
    """Where training images come from: `rows` of the `whole`, whose features are computed together and kept."""

    whole: Dataset
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FirstAnswer:
    """What a first answer needs.

    Attributes:
        model: the network, with weights that learned from other images, and a last layer that is drawn.
        settings: what it trains by.
        train: the training set.
        validation: the validation set, by which the strength of the penalty is chosen; None: a share of the training
            set does.
        cache: where features are kept; None: nowhere.
        part: which images of which others the training set is; None: it is for itself.
    """

    model: Any
    settings: Settings
    train: Dataset
    validation: Dataset | None
    cache: Path | None
    part: Part | None = None

    @classmethod
    def of(
        cls,
        model: Any,
        settings: Settings,
        train: Dataset,
        validation: Dataset | None,
        cache: Path | None,
        part: Part | None = None,
    ) -> FirstAnswer | None:
        """None where there can be none: the weights are drawn, the last layer is known, or ONNX Runtime cannot help."""
        if not settings.head_is_new or not can_be_seen(model):
            return None
        return cls(model, settings, train, validation, cache, part)

    def answer(self, log: EventLog, stop: Callable[[], bool]) -> float | None:
        """Give the network a last layer that is fitted to the features of the training set.

        Args:
            log: hears how far it is, and of the answer.
            stop: asked now and then; True ends it.

        Returns:
            Accuracy on the validation set, 0 to 1, or without one on the share that took its place; None where it was
            stopped.
        """
        began = time.monotonic()
        learned, judged = self.looked_at(log, stop)
        if learned is None:
            return None
        head = self._head(learned, judged)
        self.model.get_layer("logits").set_weights([head.kernel, head.bias])
        answers = (learned @ head.kernel + head.bias).argmax(axis=1)
        told = {} if self.validation is None else {"validation_accuracy": round(head.accuracy, 5)}
        log.append(
            "first_answer",
            train_accuracy=round(float((answers == self.train.labels).mean()), 5),
            **told,
            seconds=round(time.monotonic() - began, 2),
            penalty=head.strength,
        )
        return head.accuracy

    def looked_at(self, log: EventLog, stop: Callable[[], bool]) -> tuple[Features | None, Features | None]:
        """The features of the training set and of the validation set, which `log` hears of; None where stopped."""
        source = self.train if self.part is None else self.part.whole
        progress = _Progress(log, stop, len(source) + (0 if self.validation is None else len(self.validation)))
        features = FrozenFeatures(self.model, self.settings.starts_with, self.cache, progress.tell)
        judged = None if self.validation is None else features(self.validation)
        if judged is None and self.validation is not None:
            return None, None
        learned = features(source)
        if learned is not None and self.part is not None:
            learned = learned[self.part.rows]
        return learned, judged

    def _head(self, learned: Features, judged: Features | None) -> Head:
        train, classes = Labelled(learned, self.train.labels), len(self.train.class_names)
        balanced = self.settings.balance != "none"
        if judged is None or self.validation is None:
            return fit_head_alone(train, _together(self.train), classes, balanced=balanced)
        return fit_head(train, Labelled(judged, self.validation.labels), classes, balanced=balanced)


def _together(train: Dataset) -> Sequence[str] | None:
    """Groups of rows as `Dataset.groups`, in which a sound that is in no other is one, of all its windows."""
    if train.recordings is None:
        return train.groups
    own = [f"sound {recording}" for recording in train.recordings.tolist()]
    groups = train.groups or [ALONE] * len(own)
    return [one if group == ALONE else f"group {group}" for group, one in zip(groups, own, strict=True)]


class _Progress:
    """Tells how many images were looked at, and hears whether to stop."""

    def __init__(self, log: EventLog, stop: Callable[[], bool], images: int) -> None:
        self._log, self._stop, self._images = log, stop, images
        self._done, self._last = 0, -math.inf

    def tell(self, new: int) -> bool:
        """So many `new` ones were; True where to stop."""
        self._done += new
        if time.monotonic() - self._last >= _TELL_SECONDS:
            self._log.append("features", done=self._done, images=self._images)
            self._last = time.monotonic()
        return self._stop()

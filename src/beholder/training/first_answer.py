"""A first answer of a network that learned from other images: within seconds, and where fine-tuning begins.

The features stay as they are; a linear classifier on them gives the network its last layer. Mirror images are left to
fine-tuning: their features take as much time again and gain nothing (docs/lab-notebook.md).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.runs.events import EventLog
from beholder.training.frozen_features import FrozenFeatures, can_be_seen
from beholder.training.linear_probe import Labelled, fit_head
from beholder.training.settings import Settings

COMPILING_SECONDS = 10.0  # until a first step is done; with less time left none is begun
_TELL_SECONDS = 1.0  # between two events of progress


@dataclass(frozen=True, eq=False)
class FirstAnswer:
    """What a first answer needs.

    Attributes:
        model: the network, with weights that learned from other images, and a last layer that is drawn.
        settings: what it trains by.
        train: the training set.
        validation: the validation set, by which the strength of the penalty is chosen.
        cache: where features are kept; None: nowhere.
    """

    model: Any
    settings: Settings
    train: Dataset
    validation: Dataset
    cache: Path | None

    @classmethod
    def of(
        cls, model: Any, settings: Settings, train: Dataset, validation: Dataset, cache: Path | None
    ) -> FirstAnswer | None:
        """None where there can be none: the weights are drawn, the last layer is known, or ONNX Runtime cannot help."""
        if not settings.head_is_new or not can_be_seen(model):
            return None
        return cls(model, settings, train, validation, cache)

    def answer(self, log: EventLog, stop: Callable[[], bool]) -> bool:
        """Give the network a last layer that is fitted to the features of the training set.

        Args:
            log: hears how far it is, and of the answer.
            stop: asked now and then; True ends it.

        Returns:
            Whether it was not stopped.
        """
        began, classes = time.monotonic(), len(self.train.class_names)
        progress = _Progress(log, stop, len(self.validation) + len(self.train))
        features = FrozenFeatures(self.model, self.settings.starts_with, self.cache, progress.tell)
        judged, learned = features(self.validation), features(self.train)
        if judged is None or learned is None:
            return False
        head = fit_head(
            Labelled(learned, self.train.labels),
            Labelled(judged, self.validation.labels),
            classes,
            balanced=self.settings.balance != "none",
        )
        self.model.get_layer("logits").set_weights([head.kernel, head.bias])
        seconds = round(time.monotonic() - began, 2)
        log.append("first_answer", validation_accuracy=round(head.accuracy, 5), seconds=seconds, penalty=head.strength)
        return True


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

"""A first answer of a network that learned from other images: within seconds, and where fine-tuning begins.

The features stay as they are; a linear classifier on them gives the network its last layer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from beholder.data.dataset import Dataset
from beholder.runs.events import EventLog
from beholder.training.frozen_features import FrozenFeatures
from beholder.training.linear_probe import Labelled, fit_head

_TELL_SECONDS = 1.0  # between two events of progress


def first_answer(
    model: Any,
    weights: str,
    train: Dataset,
    validation: Dataset,
    *,
    cache: Path | None,
    log: EventLog,
    stop: Callable[[], bool],
    mirrored: bool,
    balanced: bool,
) -> float | None:
    """Give `model` a last layer that is fitted to the features of the training set.

    Args:
        model: the network, with weights that learned from other images, and a last layer that is drawn.
        weights: what tells these weights from others.
        train: the training set.
        validation: the validation set, by which the strength of the penalty is chosen.
        cache: where features are kept; None: nowhere.
        log: hears how far it is, and of the answer.
        stop: asked now and then; True ends it.
        mirrored: whether to learn from mirror images too.
        balanced: whether small classes count as much as large ones.

    Returns:
        The accuracy on the validation set, 0 to 1; None where it was told to stop.
    """
    began, last = time.monotonic(), -_TELL_SECONDS
    done_before, total = 0, len(validation) + len(train) * (2 if mirrored else 1)

    def told(done: int, _: int) -> bool:
        nonlocal last
        if time.monotonic() - last >= _TELL_SECONDS:
            log.append("features", done=done_before + done, images=total)
            last = time.monotonic()
        return stop()

    features = FrozenFeatures(model, weights, cache, told)
    found = []
    for dataset, turned in [(validation, False), (train, False), *([(train, True)] if mirrored else [])]:
        seen = features(dataset, mirrored=turned)
        if seen is None:
            return None
        found.append(Labelled(seen, dataset.labels))
        done_before += len(dataset)
    judged, *learned = found
    features_of_all = np.concatenate([one.features for one in learned])
    pooled = Labelled(features_of_all, np.concatenate([one.labels for one in learned]))
    head = fit_head(pooled, judged, len(train.class_names), balanced=balanced)
    model.get_layer("logits").set_weights([head.kernel, head.bias])
    seconds = round(time.monotonic() - began, 2)
    log.append("first_answer", validation_accuracy=round(head.accuracy, 5), seconds=seconds, penalty=head.strength)
    return head.accuracy

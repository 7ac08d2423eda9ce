"""Out-of-fold answers by a linear classifier on features of a network that learned from other images.

The network never saw the images, so its features need no folds; the classifier learns from all shares but one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from beholder.data.dataset import Dataset
from beholder.data.pool import pooled_names
from beholder.data.progress import Progress, TimeIsUpError, silent
from beholder.evaluation.calibration import softmax
from beholder.evaluation.nearest import nearest
from beholder.models import MODELS, build, learned_weights
from beholder.training.folds import MOST_REFERENCES, OutOfFold
from beholder.training.frozen_features import Features, FrozenFeatures
from beholder.training.linear_probe import Labelled, fit_softmax
from beholder.training.shares import deal

NETWORK = "lite0"
FOLDS = 5
# As strong as it is, what a label says alone is not learned by heart (docs/lab-notebook.md)
_PENALTY = 0.37
SIDES = (160, 128, 96)  # pixels that images are brought to on their short side, largest first
_FEATURES_SHARE = 0.6  # of the time that features may take
_PROBED = 48  # images that tell how long features take
_TASK = "Looking at images"


def frozen_out_of_fold(
    sets: Mapping[str, Dataset],
    groups: Sequence[int] | None,
    *,
    cache: Path | None,
    until: float,
    seed: int = 0,
    progress: Progress = silent,
) -> OutOfFold:
    """Answers for all images of `sets`, each by a classifier that learned from none of its group.

    Shares and what is learned from are those of `out_of_fold`. The features are computed at the largest of `SIDES` that
    the time allows, and kept in `cache`.

    Args:
        sets: from set name to its images.
        groups: one number an image, in the order of the sets, equal for those that belong together; None: none do.
        cache: where features are kept; None: nowhere.
        until: on the clock of `time.monotonic`.
        seed: deals the images into shares.
        progress: told how far it is, in images.

    Raises:
        UsageError: the weights of the network are not installed, or too little can be judged, see `deal`.
        TimeIsUpError: the time is over before the features are there.
    """
    pool = pooled_names(sets)
    shares = deal(pool, groups, count=FOLDS, seed=seed)
    side, features = _features(sets, cache, until, progress)
    answers = OutOfFold.blank(
        pool,
        shares,
        mirrored=True,  # what it learned there included mirrored images
        mirroring=None,
        judge=f"a linear classifier on features of {NETWORK} at {side} pixels",
        strict=True,
    )
    # Many small products: threads of the matrix library would wait for each other, far longer on a busy machine.
    with threadpool_limits(1, user_api="blas"):
        for number, share in enumerate(shares):
            now = time.monotonic()
            deadline = now + (until - now) / (len(shares) - number)
            _judge(answers, features, share.held_out, share.learned, deadline)
    return answers


def _features(
    sets: Mapping[str, Dataset], cache: Path | None, until: float, progress: Progress
) -> tuple[int, Features]:
    """The side in pixels, and (N, F) float32 of deviation 1, in the order of the sets."""
    total, done = sum(map(len, sets.values())), 0
    shape = next(iter(sets.values())).image_shape
    weights = MODELS[NETWORK].weights
    known = "" if weights is None else weights.sha256

    def tell(more: int) -> bool:
        nonlocal done
        done += more
        progress(_TASK, done, total)
        return time.monotonic() >= until

    def seeing(model: Any) -> FrozenFeatures:
        return FrozenFeatures(model, known, cache, tell)

    side, model = SIDES[0], _network(shape, SIDES[0], cache)
    seen = seeing(model)
    if not all(seen.kept(dataset) for dataset in sets.values()):
        fitting = _fitting(_seconds(model, sets), until - time.monotonic())
        if fitting != side:
            side, seen = fitting, seeing(_network(shape, fitting, cache))
    parts = []
    for dataset in sets.values():
        part = seen(dataset)
        if part is None:
            raise TimeIsUpError
        parts.append(part)
    progress(_TASK, total, total)  # those from the cache were not counted
    features = np.concatenate(parts)
    features -= features.mean(axis=0)
    return side, features / max(float(features.std()), 1e-6)


def _seconds(model: Any, sets: Mapping[str, Dataset]) -> float:
    """That the features of all images will take, by a look at a few."""
    first = max(sets.values(), key=len)
    seen = FrozenFeatures(model, "", None, lambda _: False)
    seen(first.select(np.arange(1)))  # what begins is slower
    probe = first.select(np.arange(min(_PROBED, len(first))))
    began = time.monotonic()
    seen(probe)
    return (time.monotonic() - began) * sum(map(len, sets.values())) / len(probe)


def _fitting(seconds: float, left: float) -> int:
    """The largest of `SIDES` that takes no more than its share of the time that is `left`; the first takes `seconds`.

    The smallest one where none does: a busy machine may have more time for us soon.
    """
    costs = {side: seconds * (side / SIDES[0]) ** 2 for side in SIDES}
    return next((side for side in SIDES if costs[side] <= _FEATURES_SHARE * left), SIDES[-1])


def _network(shape: tuple[int, int, int], side: int, cache: Path | None) -> Any:
    """Its last layer is not looked at."""
    model = build(NETWORK, shape, 2, side=side)
    learned_weights(NETWORK, model, cache)
    return model


def _judge(
    answers: OutOfFold, features: Features, held_out: NDArray[np.int64], learned: NDArray[np.int64], until: float
) -> None:
    """Fill the rows `held_out` of `answers` by what is learned from the rows `learned`."""
    train = Labelled(features[learned], answers.pool.dataset.labels[learned])
    kernel, bias = fit_softmax(train, answers.probabilities.shape[1], _PENALTY, until=until)
    answers.probabilities[held_out] = softmax(features[held_out] @ kernel + bias)
    references = learned[np.linspace(0, len(learned) - 1, min(MOST_REFERENCES, len(learned))).astype(np.int64)]
    rows, distances = nearest(features[held_out], features[references], answers.neighbours.shape[1])
    answers.neighbours[held_out] = references[rows]
    answers.distances[held_out] = distances / max(float(np.median(distances)), 1e-12)

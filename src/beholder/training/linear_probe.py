"""A linear classifier on features that stay as they are: quick, and hard to beat where there are few images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from beholder.data.split import split, stratified_order
from beholder.evaluation.calibration import softmax

# Inverse strengths of the penalty on weights, for features of deviation 1 in the sum of the log-loss, strongest first
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_MOST_ITERATIONS = 300
_TRIED_SHARE = 0.2  # of the training images choose a strength where no other images are to
_MOST_VALUES = 40_000_000  # of the features that it is fitted to: 160 MB, and seconds


@dataclass(frozen=True, eq=False)
class Head:
    """The last layer of a network.

    Attributes:
        kernel: (F, K) float32.
        bias: (K,) float32.
        strength: the one of `STRENGTHS` that was chosen.
        accuracy: on the validation set, 0 to 1.
        log_loss: there, in nats.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float
    accuracy: float
    log_loss: float


@dataclass(frozen=True, eq=False)
class Labelled:
    """Features (N, F) float32 of images, and their labels (N,) int64."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]


def fit_head(
    train: Labelled,
    validation: Labelled,
    classes: int,
    *,
    balanced: bool = False,
    strengths: Sequence[float] = STRENGTHS,
) -> Head:
    """Softmax regression on `train`, with the strength of the least log-loss on `validation`.

    Strengths are tried in their order until that rises. Of more features than can be fitted in seconds a part is used,
    with its share of every class.

    Args:
        train: to learn from; of each class two images at least.
        validation: to choose the strength by.
        classes: how many.
        balanced: whether small classes count as much as large ones.
        strengths: to choose from, strongest first.
    """
    most = max(_MOST_VALUES // train.features.shape[1], 2 * classes)
    rows = np.sort(stratified_order(train.labels, seed=0)[:most])
    scale = max(float(train.features[rows].std()), 1e-6)
    learned = Labelled(train.features[rows] / np.float32(scale), train.labels[rows])
    begin: NDArray[np.float64] | None = None
    best: Head | None = None
    for strength in strengths:
        begin = _minimised(learned, classes, 1 / (strength * len(rows)), begin=begin, balanced=balanced)
        kernel, bias = _layer(begin, classes)
        kernel = kernel / np.float32(scale)
        head = Head(kernel, bias, strength, *_judged(validation, kernel, bias))
        if best is not None and head.log_loss >= best.log_loss:
            break
        best = head
    return best or head


def fit_head_alone(train: Labelled, groups: Sequence[str] | None, classes: int, *, balanced: bool = False) -> Head:
    """Likewise with no images but those of `train`: a fifth of them chooses the strength, then all are learned from.

    Accuracy and log-loss are those on that fifth, of the classifier that did not learn from it.

    Args:
        train: to learn from; of each class two images at least.
        groups: of each, as `Dataset.groups`; none is on both sides.
        classes: how many.
        balanced: whether small classes count as much as large ones.
    """
    own = None if groups is None else [group or row for row, group in enumerate(groups)]
    shares = {"learned": 1 - _TRIED_SHARE, "judged": _TRIED_SHARE}
    rows = split(train.labels, own, seed=0, fractions=shares)
    learned, judged = (Labelled(train.features[rows[name]], train.labels[rows[name]]) for name in shares)
    if not len(judged.labels) or len(np.unique(learned.labels)) < 2:  # so few, or so few groups
        learned = judged = train
    chosen = fit_head(learned, judged, classes, balanced=balanced)
    head = fit_head(train, judged, classes, balanced=balanced, strengths=(chosen.strength,))
    return replace(head, accuracy=chosen.accuracy, log_loss=chosen.log_loss)


def fit_softmax(
    train: Labelled, classes: int, penalty: float, *, until: float | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Minimise the mean log-loss plus `penalty` / 2 times the sum of squared weights.

    Args:
        train: to learn from, of features of deviation 1 or so.
        classes: how many, K; one that no label names gets hardly any probability.
        penalty: above 0.
        until: on the clock of `time.monotonic`; what is found by then is given. None: it goes on to the end.

    Returns:
        (F, K) float32 kernel and (K,) float32 bias.
    """
    return _layer(_minimised(train, classes, penalty, until=until), classes)


def _minimised(
    train: Labelled,
    classes: int,
    penalty: float,
    *,
    begin: NDArray[np.float64] | None = None,
    balanced: bool = False,
    until: float | None = None,
) -> NDArray[np.float64]:
    """What `_layer` takes apart, found by L-BFGS from `begin`, else from zero."""
    from scipy import optimize
    from scipy.special import log_softmax

    features, labels = train.features, train.labels
    count, width = features.shape
    given = np.zeros((count, classes), np.float32)
    given[np.arange(count), labels] = 1
    share = _shares(labels, balanced)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        kernel, bias = _layer(values, classes)
        log_probabilities = log_softmax(features @ kernel + bias, axis=1)
        apart = (np.exp(log_probabilities) - given) * share
        mean = -float((log_probabilities * given * share).sum()) + penalty / 2 * float((kernel * kernel).sum())
        slope = np.concatenate([(features.T @ apart + penalty * kernel).ravel(), apart.sum(axis=0)])
        return mean, slope.astype(np.float64)

    def stop_in_time(_intermediate: Any) -> None:
        if until is not None and time.monotonic() >= until:
            raise StopIteration

    options: Any = {"maxiter": _MOST_ITERATIONS, "ftol": 1e-6, "gtol": 1e-4, "maxcor": 5}
    begin = np.zeros((width + 1) * classes) if begin is None else begin
    minimize: Any = optimize.minimize  # its stubs allow no function that gives a slope too
    # Many small products: threads of the matrix library would wait for each other, far longer on a busy machine.
    with threadpool_limits(1, user_api="blas"):
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", callback=stop_in_time, options=options)
    return np.asarray(found.x, np.float64)


def _shares(labels: NDArray[np.int64], balanced: bool) -> NDArray[np.float32]:
    """(N, 1), what each image counts in the mean loss."""
    counts = np.bincount(labels)
    each = 1 / (np.maximum(counts, 1) * np.count_nonzero(counts)) if balanced else np.full(len(counts), 1 / len(labels))
    return each[labels, np.newaxis].astype(np.float32)


def _layer(values: NDArray[np.float64], classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel (F, K) and bias (K,)."""
    single = np.asarray(values, np.float32)
    return single[:-classes].reshape(-1, classes), single[-classes:]


def _judged(validation: Labelled, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> tuple[float, float]:
    """Accuracy and mean log-loss."""
    logits = validation.features @ kernel + bias
    right = float((logits.argmax(axis=1) == validation.labels).mean())
    probabilities = softmax(logits, 1.0)[np.arange(len(logits)), validation.labels]
    return right, float(-np.log(np.maximum(probabilities, 1e-12)).mean())

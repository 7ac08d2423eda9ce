"""A linear classifier on features that stay as they are: quick, and hard to beat where there are few images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.split import stratified_order
from beholder.evaluation.calibration import softmax

# Inverse strengths of the penalty on weights, for features of deviation 1 in the mean, strongest first
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_MOST_ITERATIONS, _TOLERANCE = 1000, 1e-3
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


def fit_head(train: Labelled, validation: Labelled, classes: int, *, balanced: bool = False) -> Head:
    """Logistic regression on `train`, with the strength of the least log-loss on `validation`.

    Strengths are tried in their order until that rises. Of more features than can be fitted in seconds a part is used,
    with its share of every class.

    Args:
        train: to learn from; of each class two images at least.
        validation: to choose the strength by.
        classes: how many.
        balanced: whether small classes count as much as large ones.
    """
    from sklearn.linear_model import LogisticRegression

    most = max(_MOST_VALUES // train.features.shape[1], 2 * classes)
    rows = np.sort(stratified_order(train.labels, seed=0)[:most])
    scale = max(float(train.features[rows].std()), 1e-6)
    features, labels = train.features[rows] / scale, train.labels[rows]
    regression = LogisticRegression(
        max_iter=_MOST_ITERATIONS, tol=_TOLERANCE, class_weight="balanced" if balanced else None, warm_start=True
    )
    best: Head | None = None
    for strength in STRENGTHS:
        fitted = regression.set_params(C=strength).fit(features, labels)
        kernel, bias = _layer(fitted.coef_ / scale, fitted.intercept_, fitted.classes_, classes)
        head = Head(kernel, bias, strength, *_judged(validation, kernel, bias))
        if best is not None and head.log_loss >= best.log_loss:
            break
        best = head
    return best or head


def _layer(
    weights: NDArray[np.float64], bias: NDArray[np.float64], known: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel (F, K) and bias (K,) of a layer of so many `classes`; of two, scikit-learn gives the second one alone."""
    if len(known) == 2:
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    kernel = np.zeros((weights.shape[1], classes), np.float32)
    biases = np.full(classes, bias.min() - 10, np.float32)  # of a class that is not among them: hardly ever
    kernel[:, known], biases[known] = weights.T, bias
    return kernel, biases


def _judged(validation: Labelled, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> tuple[float, float]:
    """Accuracy and mean log-loss."""
    logits = validation.features @ kernel + bias
    right = float((logits.argmax(axis=1) == validation.labels).mean())
    probabilities = softmax(logits, 1.0)[np.arange(len(logits)), validation.labels]
    return right, float(-np.log(np.maximum(probabilities, 1e-12)).mean())

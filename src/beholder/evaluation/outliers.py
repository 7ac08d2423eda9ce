"""Images unlike all others: far in a network's features, badly rebuilt by an autoencoder, or with a strange code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding
from beholder.data.pool import Pool
from beholder.evaluation.nearest import neighbour_names

STRANGE = 4.0  # deviations, of the three signs together, from which an image is told
MOST_SHARE = 0.005  # of all images that are told, the strangest


def strangeness(
    distances: NDArray[np.float32], errors: NDArray[np.float32], codes: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How unlike the others N images are, in robust standard deviations above the median, three signs added up.

    The signs are the logarithms of: the mean distance to the nearest images; the error of an autoencoder; the
    Mahalanobis distance of its code. None of them finds all kinds of outliers (docs/lab-notebook.md).
    `distances` are (N, n), `errors` (N,) and `codes` (N, D).
    """
    signs = (distances.mean(axis=1), errors, _mahalanobis(codes.astype(np.float64)))
    strange = np.zeros(len(errors))
    for sign in signs:
        strange += np.maximum(_deviations(np.log(np.maximum(sign, 1e-12))), 0)
    return strange


def outliers(pool: Pool, strange: NDArray[np.float64], neighbours: NDArray[np.int64]) -> list[Finding]:
    """Findings `outlier`, the strangest first; the score is 0.5 at the threshold and nears 1 beyond it.

    `strange` (N,) is what `strangeness` gives, `neighbours` (N, n) are rows of the images most like each.
    """
    dataset = pool.dataset
    order = np.argsort(-strange, kind="stable")
    chosen = [row for row in order[: max(1, round(MOST_SHARE * len(pool)))].tolist() if strange[row] >= STRANGE]
    return [
        Finding(
            "outlier",
            (dataset.names[row],),
            (str(pool.sets[row]),),
            float(strange[row] / (strange[row] + STRANGE)),
            (dataset.class_names[dataset.labels[row]],),
            sentence=f"Far from every other {dataset.file_kind.name}; the nearest ones are shown with it.",
            neighbours=neighbour_names(pool, neighbours[row]),
        )
        for row in chosen
    ]


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`values` (N,) above their median, in standard deviations as the median absolute deviation implies them."""
    apart = values - np.median(values)
    spread = 1.4826 * np.median(np.abs(apart))
    return np.asarray(apart / spread if spread > 0 else np.zeros_like(apart), np.float64)


def _mahalanobis(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance (N,) of each of `codes` (N, D) from their mean, in the metric of their covariance."""
    centred = codes - codes.mean(axis=0)
    covariance = centred.T @ centred / len(codes)
    # A little of the mean variance on the diagonal: with few images some directions do not vary at all.
    covariance += np.eye(len(covariance)) * (1e-4 * np.trace(covariance) / len(covariance) + 1e-12)
    return np.asarray(np.sqrt((centred * np.linalg.solve(covariance, centred.T).T).sum(axis=1)), np.float64)

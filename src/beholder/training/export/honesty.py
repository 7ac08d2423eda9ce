"""What makes answers honest, fitted on the validation set: the temperature, what is unsure, what is unlike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.graph import Graph
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.evaluation.abstention import risk_facts
from beholder.evaluation.calibration import expected_calibration_error, softmax
from beholder.evaluation.familiarity import Familiarity, feature_measures, fit_familiarity

_ANSWERED_PIXELS = 1 << 21  # of images that are held in memory at a time, with their features


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a graph makes of the N images of the validation set."""

    logits: NDArray[np.float32]  # (N, K) float32
    # (N, 2) float32, see `feature_measures`; None where the classes have no directions
    measures: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Honest:
    """The answers of a graph to the validation set, and what is to be thought of others."""

    probabilities: NDArray[np.float32]  # (N, K) float32
    figures: dict[str, Any]  # `accuracy`, `count` and `ece` on the validation set
    unsure_below: float | None  # as in the manifest
    risk: dict[str, Any]  # as in the manifest
    familiarity: Familiarity | None  # None where it cannot be told


def outputs_for(graph: Graph, validation: Dataset, prototypes: NDArray[np.float32] | None) -> Outputs:
    """Show the `validation` set to `graph`; its features themselves would fill the memory, and are not kept."""
    logits, measures = [], []
    for rows in chunks(len(validation), validation.image_shape, _ANSWERED_PIXELS):
        answers = graph(validation.images[rows])
        logits.append(answers.logits)
        if prototypes is not None:
            measures.append(feature_measures(answers.features, prototypes))
    return Outputs(np.concatenate(logits), np.concatenate(measures) if measures else None)


def fit_honesty(
    outputs: Outputs,
    labels: NDArray[np.int64],
    temperature: float,
    prototypes: NDArray[np.float32] | None,
    risk: float | None,
) -> Honest:
    """What to think of the answers of a graph, a pure function of what it makes of the validation set.

    Args:
        outputs: of `outputs_for`.
        labels: (N,) int64, the true classes.
        temperature: which divides the logits in the graph.
        prototypes: of `TrainingFeatures`.
        risk: the share of wrong answers that the person tolerates; None: 5 %, if it can be promised.
    """
    probabilities = softmax(outputs.logits, temperature)
    confidences, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    familiarity, unlike = None, np.zeros(len(labels), np.bool_)
    if prototypes is not None and outputs.measures is not None:
        familiarity = fit_familiarity(prototypes, outputs.measures)
        if familiarity is not None:
            unlike = familiarity.scores(outputs.measures) < familiarity.threshold
    unsure_below, facts = risk_facts(confidences, correct, unlike, risk)
    figures = {"accuracy": float(correct.sum()) / len(labels), "count": len(labels)}
    if np.isfinite(confidences).all():
        figures["ece"] = expected_calibration_error(confidences, correct)
    return Honest(probabilities, figures, unsure_below, facts, familiarity)

"""What makes answers honest, fitted on the validation set: the temperature, what is unsure, what is unlike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.graph import Graph
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.evaluation.calibration import expected_calibration_error, softmax
from beholder.evaluation.familiarity import Familiarity, feature_measures, fit_familiarity
from beholder.evaluation.groups import accuracy_interval, group_figures
from beholder.evaluation.promises import Promises, make_promises
from beholder.evaluation.recordings import by_recording, mostly
from beholder.evaluation.targets import Target

_ANSWERED_PIXELS = 1 << 21  # of images that are held in memory at a time, with their features


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a graph makes of the N images of the validation set; of sounds each window is one."""

    logits: NDArray[np.float32]  # (N, K) float32
    # (N, 2) float32, see `feature_measures`; None where the classes have no directions
    measures: NDArray[np.float32] | None


def accuracy(outputs: Outputs, dataset: Dataset, temperature: float = 1.0) -> float:
    """The share of the files of `dataset` that are answered right; 0 to 1."""
    probabilities, _ = by_recording(softmax(outputs.logits, temperature), dataset.recordings)
    return float((probabilities.argmax(axis=1) == dataset.files.labels).mean())


@dataclass(frozen=True, eq=False)
class FoldOutputs:
    """What networks that did not learn from them said of all N rows of the data, each network of those of one fold."""

    outputs: Outputs
    fold_of: NDArray[np.int64]  # (N,) int64, from 0


@dataclass(frozen=True, eq=False)
class Honest:
    """The answers of a graph to the N files of the validation set, and what is to be thought of others."""

    probabilities: NDArray[np.float32]  # (N, K) float32
    figures: dict[str, Any]  # `accuracy`, `count` and `ece` on the validation set, or out of fold
    promises: Promises  # as in the manifest
    unlike: NDArray[np.bool_]  # (N,) bool, what it takes for unlike anything that it was trained on
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
    validation: Dataset,
    temperature: float,
    prototypes: NDArray[np.float32] | None,
    risk: float | None,
    target: Target | None,
    fold_of: NDArray[np.int64] | None = None,
) -> Honest:
    """What to think of the answers of a graph, a pure function of what it makes of the validation set.

    Args:
        outputs: of `outputs_for`.
        validation: whose labels are the true classes.
        temperature: which divides the logits in the graph.
        prototypes: of `TrainingFeatures`.
        risk: the share of wrong answers that the person tolerates; None: 5 %, if it can be promised.
        target: the recall or precision of a class that is to be promised; None without.
        fold_of: (N,) int64, of each image the fold that it is of, from 0, the same for all windows of a sound, where
            `outputs` are of a network a fold; what is promised is then an estimate. None: they are of the network that
            is packed.
    """
    files = validation.files
    labels = files.labels
    probabilities, first = by_recording(softmax(outputs.logits, temperature), validation.recordings)
    confidences, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    familiarity, unlike = None, np.zeros(len(labels), np.bool_)
    if prototypes is not None and outputs.measures is not None:
        familiarity = fit_familiarity(prototypes, outputs.measures)
        if familiarity is not None:
            strange = familiarity.scores(outputs.measures) < familiarity.threshold
            unlike = mostly(strange, validation.recordings)
    groups, kind = files.groups, validation.file_kind.name
    folds = None if fold_of is None else int(fold_of.max()) + 1
    promises = make_promises(probabilities, labels, unlike, validation.class_names, risk, target, groups, kind, folds)
    accuracy = float(correct.sum()) / len(labels)
    figures: dict[str, Any] = {"accuracy": accuracy, "count": len(labels), **group_figures(correct, groups)}
    if fold_of is not None and folds is not None:
        figures.setdefault("interval", list(accuracy_interval(correct, None)))
        figures["folds"] = folds
        figures |= {} if kind == "image" else {"kind": kind}
        figures["fold_accuracies"] = [float(correct[fold_of[first] == fold].mean()) for fold in range(folds)]
    if np.isfinite(confidences).all():
        figures["ece"] = expected_calibration_error(confidences, correct)
    return Honest(probabilities, figures, promises, unlike, familiarity)

"""What a model's answers to a test set are worth: all figures of an evaluation but those of changed images."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.store import Artifact
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.evaluation.decision import decide
from beholder.figures.png import png_uri
from beholder.schema import SCHEMA

_BATCH_PIXELS = 1 << 21  # of the images between two words of progress


def judge(artifact: Artifact, test: Dataset, name: str, set_name: str, progress: Progress) -> dict[str, Any]:
    """Answer the files of `test`, the `set_name` of the data `name`: what `EvaluationResult` holds of them."""
    from beholder.evaluation import metrics
    from beholder.evaluation.groups import group_figures
    from beholder.evaluation.recordings import by_recording, mostly

    started = time.monotonic()
    rows, unlike = [], []
    for chunk in chunks(len(test), test.image_shape, _BATCH_PIXELS):
        seen = artifact.graph(test.images[chunk])
        rows.append(seen.probabilities)
        if artifact.familiarity is not None:
            unlike.append(artifact.familiarity.unlike(seen.features))
        progress(f"Answering test {test.file_kind.plural}", min(chunk.stop, len(test)), len(test))
    probabilities, _ = by_recording(np.concatenate(rows), test.recordings)
    strange = mostly(np.concatenate(unlike), test.recordings) if unlike else None
    test = test.files
    answers = decide(probabilities, artifact.point)
    wrong = metrics.mistakes(probabilities, test.labels, answers=answers)
    return {
        "schema": SCHEMA,
        "data": name,
        "set": set_name,
        "kind": test.file_kind.name,
        "model": artifact.checksum,
        "precision": artifact.precision,
        **metrics.figures(probabilities, test.labels, test.class_names, answers),
        **group_figures(answers == test.labels, test.groups),
        **_honesty(artifact, probabilities, test, strange),
        **_point(artifact, probabilities, test),
        "mistakes": [_mistake(test, probabilities, int(answers[row]), int(row)) for row in wrong],
        "seconds": round(time.monotonic() - started, 2),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _interval(right: NDArray[np.bool_], of: NDArray[np.bool_], groups: Sequence[str] | None) -> list[float] | None:
    """The 95 % interval of the share that is `right` among those rows `of` a set; None of nothing."""
    from beholder.evaluation.groups import accuracy_interval

    own = None if groups is None else [groups[row] for row in np.flatnonzero(of).tolist()]
    return list(accuracy_interval(right[of], own)) if of.any() else None


def _honesty(
    artifact: Artifact,
    probabilities: NDArray[np.float32],
    test: Dataset,
    unlike: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    """What the probabilities are worth (`ece`, `reliability`), and the answers that are not unsure (`selective`).

    Answers of a class with a promise of its own are never unsure: `selective` is about the others.
    """
    from beholder.evaluation import abstention, calibration

    labels = test.labels
    most, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    point, asked = artifact.point, artifact.manifest.risk_in(artifact.precision) or {}
    answers = decide(probabilities, point)
    others = np.ones(len(labels), np.bool_) if point is None else answers != point.label
    confidences, right = probabilities[np.arange(len(labels)), answers], answers == labels
    strange = np.zeros(len(labels), np.bool_) if unlike is None else unlike
    given = others & abstention.given_answers(confidences, strange, artifact.unsure_below)
    curved = others if others.any() else ~others
    return {
        "ece": calibration.expected_calibration_error(most, correct),
        "reliability": calibration.reliability(most, correct),
        "selective": {
            "unsure_below": artifact.unsure_below,
            "asked": asked.get("asked"),
            "promised": asked.get("promised", False),
            **({"folds": asked["folds"]} if "folds" in asked else {}),
            "other_than": None if point is None else artifact.manifest.class_names[point.label],
            "coverage": abstention.share(given[others]),
            "risk": abstention.share(~right[given]),
            "interval": _interval(~right, given, test.groups),
            "unlike": abstention.share(unlike) if unlike is not None else None,
            "curve": abstention.coverage_curve(confidences[curved], right[curved]),
        },
    }


def _point(artifact: Artifact, probabilities: NDArray[np.float32], test: Dataset) -> dict[str, Any]:
    """`point`, what came of the promise of one class, as `EvaluationResult` says; nothing where there is none."""
    from beholder.evaluation.operating_point import judge_point
    from beholder.evaluation.point_curves import operating_curves

    point, facts = artifact.point, artifact.manifest.point_in(artifact.precision)
    if point is None or facts is None:
        return {}
    called, of_class = point.reached(probabilities), test.labels == point.label
    outcome = judge_point(called, of_class)
    observed = outcome[facts["figure"]]
    judged = {
        **{name: facts[name] for name in ("class_name", "figure", "asked", "confidence", "threshold")},
        **({"kind": facts["kind"]} if "kind" in facts else {}),
        **({"folds": facts["folds"]} if "folds" in facts else {}),
        **outcome,
        "interval": _interval(called & of_class, of_class if facts["figure"] == "recall" else called, test.groups),
        "held": None if observed is None else observed >= facts["asked"],
        **operating_curves(probabilities[:, point.label], of_class),
    }
    return {"point": judged}


def _mistake(test: Dataset, probabilities: NDArray[np.float32], answer: int, row: int) -> dict[str, Any]:
    label = int(test.labels[row])
    return {
        "name": str(test.names[row]),
        "label": test.class_names[label],
        "prediction": test.class_names[answer],
        "probability": float(probabilities[row, answer]),
        "label_probability": float(probabilities[row, label]),
        "image": png_uri(test.images[row], level=6),
    }

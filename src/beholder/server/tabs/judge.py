"""The Judge tab: what is confused with what, each class's figures, the course of training, the surest mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.artifact.store import Artifact
from beholder.artifact.validation_answers import ValidationAnswers
from beholder.data.kinds import Kind
from beholder.errors import BeholderError
from beholder.evaluation.abstention import coverage_curve
from beholder.evaluation.calibration import expected_calibration_error, reliability
from beholder.evaluation.fold_words import judged_in_words
from beholder.evaluation.metrics import macro_figures
from beholder.evaluation.point_words import point_test_in_words, promises_in_words
from beholder.figures.pixels import window_image
from beholder.figures.png import png_uri
from beholder.report.reading import RunFiles
from beholder.report.words import (
    accuracy_in_words,
    confusion_in_words,
    coverage_in_words,
    loss_in_words,
    reliability_in_words,
)
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.numbers import number
from beholder.server.served import Served
from beholder.server.tabs.correct import validation_image

MISTAKES = 24  # that are shown
CELL = 48  # images of a cell that are shown
_FILTERS = 64  # windows that are shown
_Read = TypeVar("_Read")
_CURVES = ("epoch", "train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "gap", "learning_rate")


def routes(served: Served) -> list[BaseRoute]:
    """All that the Judge tab asks, of `served`."""

    async def judge(_: Request) -> Response:
        return EscapedJSON(await served.workers.call(judgement, served))

    async def cell(request: Request) -> Response:
        """Validation images of one class that got one answer."""
        label, answer = (_index(served, request, name) for name in ("label", "answer"))
        return EscapedJSON(await served.workers.call(cell_document, served, label, answer))

    return [Route("/page/judge", judge), Route("/page/judge/cell/{label}/{answer}", cell)]


def judgement(served: Served) -> dict[str, Any]:
    """All of the tab.

    Returns:
        `class_names`; `sets`, from `test` (where `beholder evaluate` was run) and `validation` (where the run keeps
        its answers) to `accuracy`, `count`, `judged` (of which images, in words; null of the validation set),
        `confusion` (rows are the true classes), `words`, `per_class`, `macro_recall`, `macro_f1`, `uneven`, `honesty`
        (`ece`, `reliability`, `selective` as of `evaluate`, and `words` for them) and `mistakes`; `promise`, what is
        promised of one class and of the answers that are not unsure, in words; `folds`, in how many `validation` was
        judged, null where it is a validation set; `epochs`, with what the curves show, and
        `curves_words`; `filters`, data URIs of the first layer's windows, and `filter_size`, their shape (K, h, w, C);
        and `notes`, sentences about what is missing.
    """
    artifact = served.classifier.artifact
    point, risk = artifact.manifest.point_in(artifact.precision), artifact.manifest.risk_in(artifact.precision)
    promises, folds = promises_in_words(point, risk), artifact.manifest.validation.get("folds")
    of_them = judged_in_words(folds)
    notes: list[str] = []
    validation = _or_note(lambda: served.validation, notes)
    decided = _or_note(lambda: served.decided_validation, notes) if validation is not None else None
    if served.run is None:
        notes.append("This is a model folder: serve the RUN folder to see how it was trained.")
    elif validation is None and not notes:
        plural = served.classifier.kind.plural
        notes.append(f"This run keeps no answers to the {plural} {of_them}; a run trained by this Beholder does.")
    run = _or_note(served.read, notes)
    sets = {} if run is None else _test_set(run, artifact, notes)
    if validation is not None:
        sets["validation"] = _validation_set(validation, decided or validation, served.kind)
        notes += _other_network(of_them, validation.precision, artifact.precision)
        if decided is validation and artifact.point is not None:
            notes.append(f"The figures {of_them} are those of the most probable classes.")
    return {
        "class_names": list(served.classifier.class_names),
        "promise": " ".join(promises) or None,
        "folds": folds,
        "sets": sets,
        "notes": notes,
        **_training(run),
    }


def cell_document(served: Served, label: int, answer: int) -> dict[str, Any]:
    """At most 48 `images` of class `label` that got `answer` on the validation set, surest first, and their `count`.

    Raises:
        ArtifactError: the answers that the run keeps are damaged.
    """
    validation = served.decided_validation
    if validation is None:
        return {"count": 0, "images": []}
    rows = validation.cell(label, answer)
    return {"count": len(rows), "images": [validation_image(validation, int(row)) for row in rows[:CELL]]}


def per_class(confusion: Sequence[Sequence[int]], class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 and count of each class, as `beholder evaluate` has them; without a denominator 0."""
    counts = np.asarray(confusion, np.int64)
    right, true, answered = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    return [
        {
            "class_name": name,
            "precision": _ratio(right[row], answered[row]),
            "recall": _ratio(right[row], true[row]),
            "f1": _ratio(2 * right[row], true[row] + answered[row]),
            "count": int(true[row]),
        }
        for row, name in enumerate(class_names)
    ]


def _or_note(read: Callable[[], _Read], notes: list[str]) -> _Read | None:
    """What `read` reads; where that is damaged, None and a sentence among `notes`."""
    try:
        return read()
    except BeholderError as error:
        notes.append(str(error))
        return None


def _training(run: RunFiles | None) -> dict[str, Any]:
    """How it was trained, and what its first layer looks for."""
    epochs = [] if run is None else run.epochs
    filters = None if run is None else run.filters
    return {
        "epochs": [{name: _finite(epoch.get(name)) for name in _CURVES} for epoch in epochs],
        "curves_words": {"loss": loss_in_words(epochs), "accuracy": accuracy_in_words(epochs)} if epochs else None,
        "filters": [] if filters is None else [png_uri(window_image(window)) for window in filters[:_FILTERS]],
        "filter_size": None if filters is None else list(filters.shape),
    }


def _other_network(of_them: str, precision: str, own: str) -> list[str]:
    """A sentence where figures are of a network of another `precision` than that which answers here, its `own`."""
    return [] if precision == own else [f"The figures {of_them} are the {precision} network's, and {own} answers here."]


def _test_set(run: RunFiles, artifact: Artifact, notes: list[str]) -> dict[str, Any]:
    """The figures of `beholder evaluate` under `test`; a sentence among `notes` where there are none, or another's."""
    evaluation, names = run.evaluation, artifact.manifest.class_names
    if evaluation is None and not run.has_test_set:
        plural = run.kind.plural
        notes.append(
            f"There is no test set: all {plural} were learned from; `beholder evaluate {run.argument} DATA` judges the "
            "model on others."
        )
        return {}
    if evaluation is None:
        why = "Its figures on the test set are an earlier model's" if run.outdated else "The test set is still closed"
        notes.append(f"{why}: `beholder evaluate {run.argument}` opens it, once, when all choices are made.")
        return {}
    if len(evaluation["confusion"]) != len(names):
        notes.append("Its evaluation.json is of other classes than the model's; delete it and evaluate again.")
        return {}
    notes += _other_network("of the test set", evaluation.get("precision", "float32"), artifact.precision)
    return {"test": evaluated_figures(evaluation, names, run.kind.name)}


def evaluated_figures(evaluation: dict[str, Any], names: Sequence[str], kind: Kind) -> dict[str, Any]:
    """What the page shows of an `evaluation.json`."""
    mistakes = [
        {
            "path": str(one.get("name", "")),
            "label": str(one.get("label")),
            "answer": str(one.get("prediction")),
            "probability": _finite(one.get("probability")),
            "image": one.get("image") if str(one.get("image")).startswith("data:image/") else None,
        }
        for one in evaluation["mistakes"][:MISTAKES]
    ]
    honesty = _honesty(evaluation["reliability"], evaluation["ece"], evaluation["selective"])
    judged, point = evaluation["judged"], evaluation.get("point")
    judged += "" if point is None else f" {point_test_in_words(point)}"
    facts = {"interval": evaluation.get("interval"), "judged": judged, "honesty": honesty}
    return {**_set(evaluation["confusion"], names, kind), **facts, "mistakes": mistakes}


def _validation_set(validation: ValidationAnswers, decided: ValidationAnswers, kind: Kind) -> dict[str, Any]:
    """Calibration of the most probable classes, all else of the answers as they are `decided`."""
    mistakes = [validation_image(decided, int(row)) for row in decided.mistakes()[:MISTAKES]]
    correct = validation.answers == validation.labels
    honesty = _honesty(
        reliability(validation.probabilities, correct),
        expected_calibration_error(validation.probabilities, correct),
        {"unsure_below": None, "risk": None, "curve": coverage_curve(validation.probabilities, correct)},
    )
    facts = {"interval": None, "judged": None, "honesty": honesty}
    return {**_set(decided.confusion().tolist(), validation.class_names, kind), **facts, "mistakes": mistakes}


def _honesty(bins: list[dict[str, Any]], error: Any, selective: dict[str, Any]) -> dict[str, Any]:
    words = {"reliability": reliability_in_words(bins, error), "coverage": coverage_in_words(selective)}
    return {"ece": error, "reliability": bins, "selective": selective, "words": words}


def _set(confusion: list[list[int]], names: Sequence[str], kind: Kind) -> dict[str, Any]:
    count, right = sum(map(sum, confusion)), sum(row[index] for index, row in enumerate(confusion))
    return {
        "accuracy": _ratio(right, count),
        "count": count,
        "confusion": confusion,
        "words": confusion_in_words(confusion, list(names), kind),
        "per_class": per_class(confusion, names),
        **macro_figures(confusion),
    }


def _index(served: Served, request: Request, name: str) -> int:
    index = number(request, name)
    if index >= len(served.classifier.class_names):
        raise HTTPException(404)
    return index


def _ratio(share: Any, whole: Any) -> float:
    return float(share) / float(whole) if whole else 0.0


def _finite(value: Any) -> float | None:
    """JSON has no infinity, which the loss of a diverged training is."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None

"""The Judge tab: what is confused with what, each class's figures, the course of training, the surest mistakes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.artifact.validation_answers import ValidationAnswers
from beholder.errors import BeholderError
from beholder.evaluation.abstention import coverage_curve, risk_in_words
from beholder.evaluation.calibration import expected_calibration_error, reliability
from beholder.evaluation.macro import macro_figures
from beholder.figures.pixels import window_image
from beholder.report.reading import RunFiles
from beholder.report.words import (
    accuracy_in_words,
    confusion_in_words,
    coverage_in_words,
    loss_in_words,
    reliability_in_words,
)
from beholder.server.encoding import EscapedJSON, data_uri
from beholder.server.guard.addresses import number
from beholder.server.served import Served

MISTAKES = 24  # that are shown
CELL = 48  # images of a cell that are shown
MOST_FILTERS = 64
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
        (`ece`, `reliability`, `selective` as of `evaluate`, and `words`
        for them; null for figures of an earlier Beholder) and `mistakes`; `promise`, what is promised of the answers
        that are not unsure, a sentence; `epochs`, with what the curves show, and `curves_words`;
        `filters`, data URIs of the first layer's windows, and `filter_size`, their shape (K, h, w, C); and
        `notes`, sentences about what is missing.
    """
    run, notes = _read(served)
    names = list(served.classifier.class_names)
    artifact = served.classifier.artifact
    promise = artifact.manifest.risk_in(artifact.precision)
    sets: dict[str, Any] = {}
    if run is not None and run.evaluation is not None:
        if len(run.evaluation["confusion"]) == len(names):
            sets["test"] = _test_set(run.evaluation, names)
        else:
            notes.append("Its evaluation.json is of other classes than the model's; delete it and evaluate again.")
    validation, note = _validation(served)
    if validation is not None:
        sets["validation"] = _validation_set(validation)
    notes += [note] if note else []
    if run is not None and run.evaluation is None:
        why = "Its figures on the test set are an earlier model's" if run.outdated else "The test set is still closed"
        notes.append(f"{why}: `beholder evaluate {run.argument}` opens it, once, when all choices are made.")
    epochs = [] if run is None else [{name: _finite(epoch.get(name)) for name in _CURVES} for epoch in run.epochs]
    words = {"loss": loss_in_words(run.epochs), "accuracy": accuracy_in_words(run.epochs)} if run and epochs else None
    return {
        "class_names": names,
        "promise": None if promise is None else risk_in_words(promise),
        "sets": sets,
        "epochs": epochs,
        "curves_words": words,
        "filters": [] if run is None or run.filters is None else _filters(run.filters),
        "filter_size": None if run is None or run.filters is None else list(run.filters.shape),
        "notes": notes,
    }


def cell_document(served: Served, label: int, answer: int) -> dict[str, Any]:
    """At most 48 `images` of class `label` that got `answer` on the validation set, surest first, and their `count`.

    Raises:
        ArtifactError: the answers that the run keeps are damaged.
    """
    validation = served.validation
    rows = np.zeros(0, np.int64) if validation is None else validation.cell(label, answer)
    shown = [] if validation is None else [_answered(validation, int(row)) for row in rows[:CELL]]
    return {"count": len(rows), "images": shown}


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


def _read(served: Served) -> tuple[RunFiles | None, list[str]]:
    """The run's documents; a sentence instead where they are damaged or a model folder is served."""
    try:
        run = served.read()
    except BeholderError as error:
        return None, [str(error)]
    return run, [] if run is not None else ["This is a model folder: serve the RUN folder to see how it was trained."]


def _validation(served: Served) -> tuple[ValidationAnswers | None, str | None]:
    try:
        validation = served.validation
    except BeholderError as error:
        return None, str(error)
    if validation is None and served.run is not None:
        return None, "This run keeps no answers to its validation set; a run trained by this Beholder does."
    return validation, None


def _test_set(evaluation: dict[str, Any], names: list[str]) -> dict[str, Any]:
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
    selective = evaluation.get("selective")
    facts = {
        "interval": evaluation.get("interval"),
        "judged": evaluation["judged"],
        "honesty": None if selective is None else _honesty(evaluation["reliability"], evaluation["ece"], selective),
    }
    return {**_set(evaluation["confusion"], names), **facts, "mistakes": mistakes}


def _validation_set(validation: ValidationAnswers) -> dict[str, Any]:
    rows = validation.mistakes()[:MISTAKES]
    mistakes = [_answered(validation, int(row)) for row in rows]
    correct = validation.answers == validation.labels
    honesty = _honesty(
        reliability(validation.probabilities, correct),
        expected_calibration_error(validation.probabilities, correct),
        {"unsure_below": None, "risk": None, "curve": coverage_curve(validation.probabilities, correct)},
    )
    facts = {"interval": None, "judged": None, "honesty": honesty}
    return {**_set(validation.confusion().tolist(), validation.class_names), **facts, "mistakes": mistakes}


def _honesty(bins: list[dict[str, Any]], error: Any, selective: dict[str, Any]) -> dict[str, Any]:
    words = {"reliability": reliability_in_words(bins, error), "coverage": coverage_in_words(selective)}
    return {"ece": error, "reliability": bins, "selective": selective, "words": words}


def _set(confusion: list[list[int]], names: list[str]) -> dict[str, Any]:
    count, right = sum(map(sum, confusion)), sum(row[index] for index, row in enumerate(confusion))
    return {
        "accuracy": _ratio(right, count),
        "count": count,
        "confusion": confusion,
        "words": confusion_in_words(confusion, names),
        "per_class": per_class(confusion, names),
        **macro_figures(confusion),
    }


def _answered(validation: ValidationAnswers, row: int) -> dict[str, Any]:
    thumbnail = validation.thumbnail(row)
    return {
        "path": validation.names[row],
        "label": validation.class_names[validation.labels[row]],
        "answer": validation.class_names[validation.answers[row]],
        "probability": round(float(validation.probabilities[row]), 4),
        "image": None if thumbnail is None else data_uri(thumbnail),
    }


def _filters(filters: NDArray[np.float32]) -> list[str]:
    return [data_uri(window_image(window)) for window in filters[:MOST_FILTERS]]


def _index(served: Served, request: Request, name: str) -> int:
    index = number(request, name)
    if index >= len(served.classifier.class_names):
        raise HTTPException(404)
    return index


def _ratio(set_name: Any, whole: Any) -> float:
    return float(set_name) / float(whole) if whole else 0.0


def _finite(value: Any) -> float | None:
    """JSON has no infinity, which the loss of a diverged training is."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None

"""The third noun: what the classifier says of one image, in Python, with `--json` and over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from beholder.schema import SCHEMA


@dataclass(frozen=True)
class Prediction:
    """An answer for one image, or why there is none.

    Attributes:
        path: where the image came from; `-` for standard input.
        label: the class name that is answered: the most probable, unless the model promises a recall or precision of
            one, see `beholder.threshold`; None where there is an error.
        probability: of that class, 0 to 1.
        top: the most probable class names with their probabilities, in falling order.
        unsure: whether the answer should not be relied on: too improbable, or `unlike`; None where nothing is promised
            of the others. Never true of the class whose recall or precision is promised.
        unlike: whether the image is unlike anything that the network was trained on; None where that cannot be told.
        error: one sentence why the image could not be read; None otherwise.
    """

    path: str
    label: str | None = None
    probability: float | None = None
    top: tuple[tuple[str, float], ...] = ()
    unsure: bool | None = None
    unlike: bool | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in `predict --json`: path, label, probability, unsure, unlike, top; or path and error."""
        if self.error is not None:
            return {"path": self.path, "error": self.error}
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "unsure": self.unsure,
            "unlike": self.unlike,
            "top": [{"label": name, "probability": probability} for name, probability in self.top],
        }


def predictions_document(predictions: Iterable[Prediction], precision: str) -> dict[str, Any]:
    """What `predict --json` prints and `POST /predict` answers: schema, precision and predictions."""
    answers = [prediction.to_dict() for prediction in predictions]
    return {"schema": SCHEMA, "precision": precision, "predictions": answers}

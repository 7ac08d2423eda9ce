"""Predict: labels for pictures, from the light runtime."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from beholder.answering.classifier import Classifier, Picture
from beholder.answering.prediction import Prediction


def predict(
    run: str | Path, pictures: Iterable[Picture] | Picture, *, top: int = 5, exact: bool = False
) -> list[Prediction]:
    """Answer `pictures` with the classifier of `run`; a bad picture gets an answer with an `error`.

    Args:
        run: a RUN folder or a model folder.
        pictures: one or many paths, bytes of picture files, or uint8 arrays (H, W, C).
        top: how many class names each answer lists.
        exact: answer in float32, also where an int8 twin is at hand.

    Raises:
        ArtifactError: the model is missing, damaged or too new.
    """
    many = [pictures] if isinstance(pictures, str | Path | bytes | np.ndarray) else pictures
    return Classifier.load(run, exact=exact).predict(many, top=top)

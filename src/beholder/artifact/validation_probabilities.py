"""What a model's networks said of the validation set, all classes: what a threshold is chosen by after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.kept_images import damaged, read_kept, write_kept
from beholder.data.split import stratified_order
from beholder.data.stored_arrays import Arrays
from beholder.evaluation.groups import group_numbers

PROBABILITIES_FILE = "probabilities.npz"
_MOST = 8_000_000  # probabilities that are kept of each network: 32 MB
_PRECISIONS = ("float32", "int8")
_COLUMNS = ("rows", "labels", "groups", *_PRECISIONS, *(f"{precision}_unlike" for precision in _PRECISIONS))


@dataclass(frozen=True, eq=False)
class NetworkAnswers:
    """What one network said of n images.

    Attributes:
        probabilities: (n, K) float32.
        unlike: (n,) bool, whether it took an image for unlike anything that it was trained on.
    """

    probabilities: NDArray[np.float32]
    unlike: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ValidationProbabilities:
    """What a run keeps.

    Attributes:
        rows: (n,) int64, which rows of the validation set, ascending: all, or as many as there is room for, a
            stratified choice that no answer has a part in.
        labels: (n,) int64, what is right.
        groups: of each image, equal for images of one group; None where nothing is known of groups.
        networks: by `float32` and, where there is one, `int8`.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: list[str] | None
    networks: dict[str, NetworkAnswers]


def write_probabilities(
    run: Path, labels: NDArray[np.int64], groups: Sequence[str] | None, networks: dict[str, NetworkAnswers]
) -> None:
    """Keep in the RUN folder `run`, beside its model, what its `networks` said of the images of these `labels`
    and `groups`.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    classes = networks["float32"].probabilities.shape[1]
    rows = np.sort(stratified_order(labels, seed=0)[: max(1, _MOST // classes)])
    numbers = np.zeros(0, np.int64) if groups is None else group_numbers(groups)[rows]
    arrays: Arrays = {"rows": rows, "labels": labels[rows], "groups": numbers}
    for precision in _PRECISIONS:
        answers = networks.get(precision)
        kept = rows if answers is not None else rows[:0]
        answers = answers or networks["float32"]
        arrays[precision] = answers.probabilities[kept]
        arrays[f"{precision}_unlike"] = answers.unlike[kept]
    write_kept(run / PROBABILITIES_FILE, run / "model", arrays, {})


def open_probabilities(run: Path, classes: int) -> ValidationProbabilities | None:
    """What `write_probabilities` kept in the RUN folder `run`, of a model of so many `classes`; None of nothing.

    Raises:
        ArtifactError: it is damaged, or of another network than the run's.
    """
    path = run / PROBABILITIES_FILE
    read = read_kept(path, run / "model", _COLUMNS, ())
    if read is None:
        return None
    arrays, _ = read
    rows, labels, groups = (arrays[name] for name in ("rows", "labels", "groups"))
    fits = rows.dtype == labels.dtype == np.int64 and rows.ndim == 1 and rows.shape == labels.shape and rows.size > 0
    fits = fits and groups.dtype == np.int64 and groups.shape in ((0,), rows.shape)
    fits = fits and bool((np.diff(rows) > 0).all()) and bool(rows[0] >= 0)
    fits = fits and bool(((labels >= 0) & (labels < classes)).all())
    networks: dict[str, NetworkAnswers] = {}
    for precision in _PRECISIONS:
        probabilities, unlike = arrays[precision], arrays[f"{precision}_unlike"]
        if not fits or probabilities.dtype != np.float32 or unlike.dtype != np.bool_:
            raise damaged(path)
        if precision == "int8" and probabilities.shape == (0, classes) and unlike.shape == (0,):
            continue  # the model has no int8 network
        if probabilities.shape != (len(rows), classes) or unlike.shape != rows.shape:
            raise damaged(path)
        networks[precision] = NetworkAnswers(probabilities, unlike)
    return ValidationProbabilities(rows, labels, list(map(str, groups.tolist())) if len(groups) else None, networks)

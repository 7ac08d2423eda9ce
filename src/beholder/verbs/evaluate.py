"""Evaluate: the only room that opens the test part."""

from __future__ import annotations

import base64
import datetime
import io
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder import files
from beholder.artifact.store import Artifact, open_artifact
from beholder.data.dataset import Dataset
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress, silent
from beholder.data.split import Parts
from beholder.errors import DataError, UsageError
from beholder.runs.folder import Run, open_run, read_document

SCHEMA = 1
BATCH = 1024  # pictures between two words of progress


def evaluate(
    run_path: str | Path,
    data: Data | None = None,
    *,
    labels: Literal["fine", "coarse"] | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Judge a run's classifier on the test part, write `evaluation.json` and the report; asked again, tell it again.

    Args:
        run_path: the RUN folder.
        data: whose test part to open; that of the run's own data by default.
        labels: which of CIFAR-100's two sets of labels; the run's by default.
        cache: where downloads and decoded pictures are kept; the run's by default.
        progress: told how far it is.

    Returns:
        accuracy (0 to 1), interval (95 %, Wilson), count, per_class, top5 (more than ten classes), log_loss, confusion,
        mistakes, and what was judged on what.

    Raises:
        RunError: not a RUN folder.
        ArtifactError: its model is damaged.
        DataError: the data has no test part, other classes, or cannot be read.
        UsageError: the run was trained on arrays and no data was given.
    """
    run, config = open_run(Path(run_path))
    artifact = open_artifact(run.path)
    own = data is None
    if own and config["data"] == "arrays":
        raise UsageError(f"{str(run.path)!r} was trained on arrays; give them again as `data`.")
    cache = cache or (Path(config["cache"]) if config["cache"] else None)
    rules = artifact.manifest.picture
    source = open_source(
        config["data"] if own else data,  # type: ignore[arg-type]  # one of the two is given
        labels=labels or config["labels"],
        cache=cache,
        canvas=(rules.height, rules.width),
        progress=progress,
    )
    _same_classes(artifact, source.class_names, source.name)
    test = Parts(source, seed=config["seed"], progress=progress).test()
    _fits(artifact, test, source.name)
    fingerprint = test.fingerprint()
    told = _told_before(run, artifact, fingerprint)
    if told is not None:
        return told
    document = _judge(artifact, test, source.name, progress)
    document = {**document, "fingerprint": fingerprint, "notes": list(source.notes), "skipped": source.skipped}
    files.write_json(run.evaluation_file, document)
    from beholder.report.page import write_report

    write_report(run.path)
    return document


def _told_before(run: Run, artifact: Artifact, fingerprint: str) -> dict[str, Any] | None:
    if not run.evaluation_file.exists():
        return None
    document = read_document(run.evaluation_file, missing="")
    same = document.get("fingerprint") == fingerprint and document.get("model") == artifact.checksum
    return document if same else None


def _same_classes(artifact: Artifact, class_names: tuple[str, ...], name: str) -> None:
    expected = artifact.manifest.class_names
    if class_names != expected:
        odd = sorted(set(class_names) ^ set(expected))[:3] or ["their order"]
        raise DataError(
            f"{name!r} has other classes than the model learned (for example {', '.join(odd)}); give data with the "
            f"same {len(expected)} classes."
        )


def _fits(artifact: Artifact, test: Dataset, name: str) -> None:
    if not len(test):
        raise DataError(f"{name!r} has no test part; add a test folder or more pictures.")
    expected = artifact.manifest.picture.shape
    if test.picture_shape != expected:
        raise DataError(
            f"{name!r} has pictures of shape {test.picture_shape}, the model learned from {expected}; give pictures of "
            "that shape."
        )


def _judge(artifact: Artifact, test: Dataset, name: str, progress: Progress) -> dict[str, Any]:
    from beholder.evaluation import metrics

    started = time.monotonic()
    rows = []
    for start in range(0, len(test), BATCH):
        rows.append(artifact.graph(test.pictures[start : start + BATCH]).probabilities)
        progress("Answering the test part", min(start + BATCH, len(test)), len(test))
    probabilities = np.concatenate(rows)
    wrong = metrics.mistakes(probabilities, test.labels)
    return {
        "schema": SCHEMA,
        "data": name,
        "part": "test",
        "model": artifact.checksum,
        **metrics.figures(probabilities, test.labels, test.class_names),
        "mistakes": [_mistake(test, probabilities, int(row)) for row in wrong],
        "seconds": round(time.monotonic() - started, 2),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _mistake(test: Dataset, probabilities: NDArray[np.float32], row: int) -> dict[str, Any]:
    label, prediction = int(test.labels[row]), int(probabilities[row].argmax())
    return {
        "name": str(test.names[row]),
        "label": test.class_names[label],
        "prediction": test.class_names[prediction],
        "probability": float(probabilities[row, prediction]),
        "label_probability": float(probabilities[row, label]),
        "picture": _as_uri(test.pictures[row]),
    }


def _as_uri(picture: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture.squeeze(axis=2) if picture.shape[2] == 1 else picture).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

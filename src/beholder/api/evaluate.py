"""Evaluate: the only function that opens the test set."""

from __future__ import annotations

import datetime
import shlex
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.answering.classifier import Classifier
from beholder.api.judged_images import choose_judged
from beholder.api.results import EvaluationResult
from beholder.artifact.store import Artifact
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.images.refit import fitted_by, refitted
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.errors import DataError, RunError
from beholder.figures.png import png_uri
from beholder.runs.kept_evaluation import read_evaluation
from beholder.runs.run_folder import Run, open_run
from beholder.runs.sets import read_sets
from beholder.schema import SCHEMA
from beholder.sessions.training_data import check_there

_BATCH_PIXELS = 1 << 21  # of the images between two words of progress


def evaluate(
    run: str | Path,
    data: Data | Source | None = None,
    *,
    labels: Literal["fine", "coarse"] | None = None,
    cache: Path | None = None,
    exact: bool = False,
    corruptions: bool = False,
    consistency: bool = False,
    progress: Progress = silent,
) -> EvaluationResult:
    """Judge a run's classifier on its test set, or on other data, and keep the figures in the run.

    The run's test set is judged as it was when training began, known by the pixels of its images; asked again, the
    figures are told again. They are `evaluation.json` and stand in the report. Of other data all images are judged, or
    their test set where they bring one, without those that the run learned from or chose by. Their figures are a file
    of their own, `evaluation-` and the first 8 digits of the images' fingerprint, and leave the run's as they are; so
    do those of `exact`, whose names end in `-float32`, where an int8 model answers otherwise.

    Args:
        run: the RUN folder.
        data: other data to judge it on, or where the run's own data lie now, if they were moved; also as a `Source`
            opened before. By default the run's own, which stay closed where this very model was judged on them already.
        labels: which of CIFAR-100's two sets of labels; the run's by default.
        cache: where downloads and decoded images are kept; the run's by default.
        exact: judge the float32 network, also where its int8 model answers.
        corruptions: judge it on corrupted images too, 75 copies of the test set, see `corruption_figures`.
        consistency: tell whether answers stay when images change a little, see `consistency_figures`.
        progress: told how far it is.

    Raises:
        RunError: not a RUN folder, or its `evaluation.json` is damaged.
        ArtifactError: its model is damaged.
        DataError: nothing is left to judge, or the data have other classes or cannot be read.
        UsageError: the run was trained on arrays and no data was given, or a `Source` of a folder was opened to be
            fitted otherwise.
    """
    opened, config = open_run(Path(run))
    artifact = Classifier.load(opened.path, exact=exact).artifact
    trials = [name for name, asked in (("corruptions", corruptions), ("consistency", consistency)) if asked]
    suffix = "-float32" if exact and artifact.manifest.int8 is not None else ""
    own_file = opened.path / f"evaluation{suffix}.json"
    if data is None and labels in (None, config["labels"]):
        kept = _kept(own_file, artifact)
        if kept is not None and all(trial in kept for trial in trials):
            if not opened.report_file.exists():
                _write_report(opened)
            return _result(own_file, kept)
    files.check_writable(opened.path)
    if data is None:
        check_there(opened.path, config["data"], f"beholder evaluate {shlex.quote(str(opened.path))} DATA")
    source = _open(config["data"] if data is None else data, labels, cache, config, artifact, progress)
    _check_classes(artifact, source.class_names, source.name)
    judged = choose_judged(opened.path, config, source, read_sets(opened.path), progress)
    test = judged.dataset
    _check_shape(artifact, test, source.name)
    fingerprint = test.fingerprint()
    file = own_file if judged.own else opened.path / f"evaluation-{fingerprint[:8]}{suffix}.json"
    kept = _kept(file, artifact, fingerprint)
    words = f"{judged.words}{_other_images(file, fingerprint)}"
    document = kept or {
        **_judge(artifact, test, source.name, judged.set_name, progress),
        "fingerprint": fingerprint,
        "notes": list(judged.notes),
        "skipped": source.skipped,
        "file": file.name,
    }
    lacking = [trial for trial in trials if trial not in document]
    document = {**document, "judged": words, **(_try(lacking, artifact, test, progress) if lacking else {})}
    if document != kept:
        artifact.check_same()  # else these figures would stand in the place of the new model's
        with files.changing(file):  # another process may have kept other trials of the same model meanwhile
            document = {**(_kept(file, artifact, fingerprint) or {}), **document}
            files.write_json(file, document)
    if not opened.report_file.exists() or (file == opened.evaluation_file and document != kept):
        _write_report(opened)
    return _result(file, document)


def _result(file: Path, document: dict[str, Any]) -> EvaluationResult:
    try:
        return EvaluationResult.from_dict(document)
    except TypeError as error:
        raise RunError(f"{str(file)!r} is damaged ({error}); delete it and evaluate again.") from error


def _open(
    data: Data | Source,
    labels: Literal["fine", "coarse"] | None,
    cache: Path | None,
    config: dict[str, Any],
    artifact: Artifact,
    progress: Progress,
) -> Source:
    """Open `data`, unless it is open already, the way the run's own was opened."""
    rules = artifact.manifest.image
    if not isinstance(data, Source):
        data = open_source(
            data,
            labels=labels or config["labels"],
            cache=cache or (Path(config["cache"]) if config["cache"] else None),
            canvas=(rules.height, rules.width),
            colour="grey" if rules.mode == "L" else "rgb",
            fit=rules.fit,
            progress=progress,
        )
    data = fitted_by(data, rules.fit)
    # A run that started from an earlier network learned from images that were made to fit that one.
    return refitted(data, *rules.shape) if config["settings"].get("initial") else data


def _other_images(file: Path, fingerprint: str) -> str:
    """A sentence where `file` tells of other images than those of this `fingerprint`."""
    before = read_evaluation(file)
    if before is None or before.get("fingerprint") == fingerprint:
        return ""
    return f" They are not the same images as those judged on {before['created']}."


def _kept(file: Path, artifact: Artifact, fingerprint: str | None = None) -> dict[str, Any] | None:
    """What `file` says where it is of this model as it answers here, and of this `fingerprint` if that is given."""
    document = read_evaluation(file)
    if document is None:
        return None
    same_images = fingerprint is None or document.get("fingerprint") == fingerprint
    same_network = document.get("precision", "float32") == artifact.precision
    same_model = document.get("model") == artifact.checksum
    return document if same_images and same_network and same_model else None


def _write_report(run: Run) -> None:
    from beholder.report.page import write_report

    write_report(run.path)


def _check_classes(artifact: Artifact, class_names: tuple[str, ...], name: str) -> None:
    expected = artifact.manifest.class_names
    if class_names != expected:
        odd = sorted(set(class_names) ^ set(expected))[:3] or ["their order"]
        raise DataError(
            f"{name!r} has other classes than the model learned (for example {', '.join(odd)}); give data with the "
            f"same {len(expected)} classes."
        )


def _check_shape(artifact: Artifact, test: Dataset, name: str) -> None:
    expected = artifact.manifest.image.shape
    if test.image_shape != expected:
        raise DataError(
            f"{name!r} has images of shape {test.image_shape}, the model learned from {expected}; give images of "
            "that shape."
        )


def _judge(artifact: Artifact, test: Dataset, name: str, set_name: str, progress: Progress) -> dict[str, Any]:
    from beholder.evaluation import metrics

    started = time.monotonic()
    rows, unlike = [], []
    for chunk in chunks(len(test), test.image_shape, _BATCH_PIXELS):
        answers = artifact.graph(test.images[chunk])
        rows.append(answers.probabilities)
        if artifact.familiarity is not None:
            unlike.append(artifact.familiarity.unlike(answers.features))
        progress("Answering test images", min(chunk.stop, len(test)), len(test))
    probabilities = np.concatenate(rows)
    wrong = metrics.mistakes(probabilities, test.labels)
    return {
        "schema": SCHEMA,
        "data": name,
        "set": set_name,
        "model": artifact.checksum,
        "precision": artifact.precision,
        **metrics.figures(probabilities, test.labels, test.class_names),
        **_honesty(artifact, probabilities, test.labels, np.concatenate(unlike) if unlike else None),
        "mistakes": [_mistake(test, probabilities, int(row)) for row in wrong],
        "seconds": round(time.monotonic() - started, 2),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _honesty(
    artifact: Artifact,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    unlike: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    """What the probabilities are worth (`ece`, `reliability`), and the answers that are not unsure (`selective`)."""
    from beholder.evaluation import abstention, calibration
    from beholder.evaluation.metrics import wilson_interval

    confidences, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    strange = np.zeros(len(labels), np.bool_) if unlike is None else unlike
    given = abstention.given_answers(confidences, strange, artifact.unsure_below)
    wrong = int((~correct[given]).sum())
    asked = artifact.manifest.risk_in(artifact.precision) or {}
    return {
        "ece": calibration.expected_calibration_error(confidences, correct),
        "reliability": calibration.reliability(confidences, correct),
        "selective": {
            "unsure_below": artifact.unsure_below,
            "asked": asked.get("asked"),
            "promised": asked.get("promised", False),
            "coverage": abstention.share(given),
            "risk": abstention.share(~correct[given]),
            "interval": list(wilson_interval(wrong, int(given.sum()))) if given.any() else None,
            "unlike": abstention.share(unlike) if unlike is not None else None,
            "curve": abstention.coverage_curve(confidences, correct),
        },
    }


def _try(trials: list[str], artifact: Artifact, test: Dataset, progress: Progress) -> dict[str, Any]:
    """The figures of each of `trials`: `corruptions`, `consistency`."""
    from beholder.evaluation.consistency import consistency_figures
    from beholder.evaluation.corruptions.catalogue import corruption_figures

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return artifact.graph(images).probabilities

    judges = {"corruptions": corruption_figures, "consistency": consistency_figures}
    return {trial: judges[trial](answer, test.images, test.labels, progress=progress) for trial in trials}


def _mistake(test: Dataset, probabilities: NDArray[np.float32], row: int) -> dict[str, Any]:
    label, prediction = int(test.labels[row]), int(probabilities[row].argmax())
    return {
        "name": str(test.names[row]),
        "label": test.class_names[label],
        "prediction": test.class_names[prediction],
        "probability": float(probabilities[row, prediction]),
        "label_probability": float(probabilities[row, label]),
        "image": png_uri(test.images[row], level=6),
    }

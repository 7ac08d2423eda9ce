"""Threshold: from which probability a class is answered, so that its recall or precision is promised."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from beholder import files
from beholder.api.results import ThresholdResult
from beholder.arguments import checked_arguments
from beholder.artifact.new_promises import change_promises
from beholder.artifact.store import open_artifact
from beholder.artifact.validation_probabilities import open_probabilities
from beholder.data.decoding import kind_of
from beholder.errors import RunError, UsageError
from beholder.evaluation.fold_words import judged_in_words
from beholder.evaluation.point_words import point_in_words
from beholder.evaluation.promises import make_promises
from beholder.evaluation.targets import Target, check_target, target_of
from beholder.runs.presence import alone
from beholder.runs.run_folder import Run, open_run
from beholder.training.limits import checked


@checked_arguments()
def threshold(
    run: str | Path,
    *,
    target_recall: dict[str, float] | None = None,
    target_precision: dict[str, float] | None = None,
    remove: bool = False,
) -> ThresholdResult:
    """Promise a recall or a precision of one class of a run's model, or tell what it promises now.

    The threshold is chosen on what the model said of the validation set, or its folds' networks of all images, which
    the run keeps, for float32 and int8 apart. The class is answered wherever its probability reaches the threshold, and
    nowhere else. What is unsure among the other answers is chosen anew. The model folder is replaced whole; its
    networks stay as they are.

    Args:
        run: the RUN folder.
        target_recall: one class name with the least share of its images that are to be found, between 0 and 1, such as
            `{"defective": 0.95}` or `{"defective": "95%"}`.
        target_precision: likewise the least share of the answers of a class that are to be right.
        remove: let the most probable class be answered again.

    Raises:
        RunError: not a RUN folder, it is being trained, or it keeps no probabilities.
        UsageError: more than one of these is asked for, there is no such class, it cannot be promised, or SciPy is not
            installed.
        ArtifactError: the model or what the run keeps is damaged.
        StorageError: the folder may not be written to.
    """
    target = target_of(target_recall, target_precision)
    if remove and target is not None:
        raise UsageError("A target cannot be set and removed at once; leave one of the two out.")
    opened, config = open_run(Path(run))
    if target is None and not remove:
        return _told(opened)
    if importlib.util.find_spec("scipy") is None:
        raise UsageError("A threshold needs 'scipy', which is not installed; run `pip install 'beholder[train]'`.")
    files.check_writable(opened.path)
    with alone(opened.path, "trained"):
        _change(opened, config, target)
        opened.update_config(target_recall=target_recall, target_precision=target_precision)
    if opened.report_file.exists():
        from beholder.report.page import write_report

        write_report(opened.path)
    return _told(opened)


def _change(run: Run, config: dict[str, Any], target: Target | None) -> None:
    """Put the promises that `target` asks for into the model of `run`."""
    artifact = open_artifact(run.path)
    names, kind = artifact.manifest.class_names, kind_of(artifact.manifest.image)
    folds = artifact.manifest.validation.get("folds")
    kept = open_probabilities(run.path, len(names))
    if kept is None or (artifact.manifest.int8 is not None and "int8" not in kept.networks):
        raise RunError(
            f"{str(run.path)!r} keeps no probabilities of the {kind.plural} {judged_in_words(folds)} to choose a "
            "threshold from; train again."
        )
    if target is not None:
        judged = "validation" if folds is None else None
        check_target(target, names, kept.labels, kept.groups, kind, judged=judged)
    risk = checked("risk", config.get("risk"))
    promises = {
        precision: make_promises(
            one.probabilities, kept.labels, one.unlike, names, risk, target, kept.groups, kind.name, folds
        )
        for precision, one in kept.networks.items()
    }
    for precision, one in promises.items():
        if one.point is not None and not one.point["promised"]:
            raise UsageError(("Its int8 model: " if precision == "int8" else "") + point_in_words(one.point))
    change_promises(artifact, promises)


def _told(run: Run) -> ThresholdResult:
    artifact = open_artifact(run.path)
    manifest = artifact.manifest
    names = ("unsure_below", "risk", "point")
    int8 = manifest.int8
    return ThresholdResult(
        run=run.path,
        model=artifact.checksum,
        float32={name: getattr(manifest, name) for name in names},
        int8=None if int8 is None else {name: int8.get(name) for name in names},
    )

"""Evaluate: the only function that opens the test set."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.answering.classifier import Classifier
from beholder.api.judged_images import choose_judged
from beholder.api.judgement import judge
from beholder.api.results import EvaluationResult
from beholder.api.showing import shown
from beholder.arguments import checked_arguments, shown_progress
from beholder.artifact.store import Artifact
from beholder.data.class_names import numbered_as
from beholder.data.dataset import Dataset
from beholder.data.folders.how import refuse_other_rules
from beholder.data.groups.grouped import grouped_by_pattern
from beholder.data.images.refit import fitted_by, refitted
from beholder.data.opening import Data, column_names, is_table, labels_as_before, open_source, refuse_beside_source
from beholder.data.progress import Progress
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Source
from beholder.data.tables.columns import TABLE_OPTIONS, TableOptions
from beholder.errors import DataError, RunError, UsageError
from beholder.evaluation.decision import decide
from beholder.figures.sound_clip import sound_uri
from beholder.runs.kept_data import kept_data
from beholder.runs.kept_evaluation import read_evaluation
from beholder.runs.run_folder import Run, open_run
from beholder.runs.sets import read_sets
from beholder.schema import why_damaged
from beholder.sessions.training_data import check_there

_TRIALS = ("corruptions", "consistency")  # on images that are changed


@checked_arguments(progress=shown_progress)
def evaluate(
    run: str | Path,
    data: Data | Source | None = None,
    *,
    labels: Literal["fine", "coarse"] | None = None,
    cache: Path | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    image_root: str | Path | None = None,
    group_pattern: str | None = None,
    exact: bool = False,
    corruptions: bool = False,
    consistency: bool = False,
    progress: Progress | bool | None = None,
) -> EvaluationResult:
    """Judge a run's classifier on its test set, or on other data, and keep the figures in the run.

    The run's test set is judged as it was when training began, known by the pixels of its images; asked again, the
    figures are told again, unless its images are to be grouped otherwise. They are `evaluation.json` and stand in the
    report. Of other data all images are judged, or their test set where they bring one, without those that the run
    learned from or chose by. Their figures are a file of their own, `evaluation-` and the first 8 digits of the images'
    fingerprint, and leave the run's as they are; so do those of `exact`, whose names end in `-float32`, where an int8
    model answers otherwise.

    Args:
        run: the RUN folder.
        data: other data to judge it on, or where the run's own data lie now, if they were moved; also as a `Source`
            opened before. By default the run's own, which stay closed where this very model was judged on them already.
        labels: which of CIFAR-100's two sets of labels; the run's by default.
        cache: where downloads and decoded images are kept; the run's by default.
        path_column: of a table, the column that names the image files; like the next two by default as of the run.
        label_column: of a table, the column of labels.
        split_column: of a table, the column that says which set an image is of.
        group_column: of a table, the column that says which images belong together; by default that of the run.
        image_root: of a table, the folder that paths are relative to; the run's by default where `data` is not given.
        group_pattern: of images in files, what names the group in their paths, see `train`; by default that of the run.
        exact: judge the float32 network, also where its int8 model answers.
        corruptions: judge it on corrupted images too, 75 copies of the test set, see `corruption_figures`.
        consistency: tell whether answers stay when images change a little, see `consistency_figures`.
        progress: as for `train`.

    Raises:
        RunError: not a RUN folder, or its `evaluation.json` is damaged.
        ArtifactError: its model is damaged.
        DataError: nothing is left to judge, or the data have classes that it did not learn or cannot be read.
        UsageError: the run was trained on arrays that it does not keep and no data was given, or a `Source` of a folder
            was opened to be fitted otherwise, or sounds are to be judged as only images can be.
    """
    progress, _ = shown(progress)
    opened, config = open_run(Path(run))
    artifact = Classifier.load(opened.path, exact=exact).artifact
    trials = [name for name, asked in zip(_TRIALS, (corruptions, consistency), strict=True) if asked]
    suffix = "-float32" if exact and artifact.manifest.int8 is not None else ""
    own_file = opened.path / f"evaluation{suffix}.json"
    given = TableOptions(path_column, label_column, split_column, group_column, image_root)
    if data is None and labels in (None, config["labels"]) and given.said() is None and group_pattern is None:
        kept = _kept(own_file, artifact, {"group_rule": artifact.manifest.data.get("groups")})
        if kept is not None and all(trial in kept for trial in trials):
            if not opened.report_file.exists():
                _write_report(opened)
            return _result(own_file, kept)
    if trials and isinstance(artifact.manifest.image, SoundRules):
        raise UsageError(f"--{trials[0]} changes images, and the network takes sounds; leave it out.")
    files.check_writable(opened.path)
    if data is None:
        check_there(opened.path, config["data"], f"beholder evaluate {shlex.quote(str(opened.path))} DATA")
    own = kept_data(opened.path) if data is None and config["data"] == "arrays" else None
    source = _open(own if isinstance(own, Source) else data, labels, cache, given, config, artifact, progress, own)
    source = _grouped(source, group_pattern, config)
    source = numbered_as(source, artifact.manifest.class_names)
    judged = choose_judged(opened.path, config, source, read_sets(opened.path), progress)
    test = judged.dataset
    _check_shape(artifact, test, source.name)
    fingerprint = test.fingerprint()
    file = own_file if judged.own else opened.path / f"evaluation-{fingerprint[:8]}{suffix}.json"
    rule = None if source.group_rule is None else source.group_rule.to_json()
    same = {"fingerprint": fingerprint, "group_rule": rule, "group_fingerprint": test.group_fingerprint()}
    kept = _kept(file, artifact, same)
    words = f"{judged.words}{_other_files(file, fingerprint, source.file_kind.plural)}"
    document = kept or {
        **_playable(judge(artifact, test, source.name, judged.set_name, progress), source),
        **{name: value for name, value in same.items() if value is not None},
        "notes": list(judged.notes),
        "skipped": source.skipped,
        "file": file.name,
    }
    document = {**_tried(file, artifact, fingerprint), **document}
    lacking = [trial for trial in trials if trial not in document]
    document = {**document, "judged": words, **(_try(lacking, artifact, test, progress) if lacking else {})}
    if document != kept:
        artifact.check_same()  # else these figures would stand in the place of the new model's
        with files.changing(file):  # another process may have kept other trials of the same model meanwhile
            document = {**_tried(file, artifact, fingerprint), **document}
            files.write_json(file, document)
    if not opened.report_file.exists() or (file == opened.evaluation_file and document != kept):
        _write_report(opened)
    return _result(file, document)


def _playable(document: dict[str, Any], source: Source) -> dict[str, Any]:
    """`document` with the sounds of its mistakes, where they are sounds in files."""
    if source.sound is None or source.place is None:
        return document
    mistakes = [{**one, "sound": sound_uri(source.place.image(one["name"]))} for one in document["mistakes"]]
    return {**document, "mistakes": mistakes}


def _result(file: Path, document: dict[str, Any]) -> EvaluationResult:
    try:
        return EvaluationResult.from_dict(document)
    except TypeError as error:
        raise RunError(f"{str(file)!r} is damaged ({why_damaged(error)}); delete it and evaluate again.") from error


def _open(
    data: Data | Source | None,
    labels: Literal["fine", "coarse"] | None,
    cache: Path | None,
    given: TableOptions,
    config: dict[str, Any],
    artifact: Artifact,
    progress: Progress,
    kept: Path | Source | None,
) -> Source:
    """Open `data`, unless it is open already, the way the run's own was opened; None: the run's own, or its `kept`."""
    rules = artifact.manifest.image
    if isinstance(data, Source):
        refuse_beside_source(given, labels)
        refuse_other_rules(data.name, data.file_kind, rules)
    else:
        where = (kept or config["data"]) if data is None else data
        data = open_source(
            where,
            labels=labels or labels_as_before(where, config["labels"]),
            cache=cache or (Path(config["cache"]) if config["cache"] else None),
            rules=rules,
            **vars(_table(data, given, config)),
            progress=progress,
        )
        if kept is not None:
            data = replace(data, name=config["data"], named=False)
    if isinstance(rules, SoundRules):
        return data
    data = fitted_by(data, rules.fit)
    # A run that started from an earlier network learned from images that were made to fit that one.
    return refitted(data, *rules.shape) if config["settings"].get("initial") else data


def _table(data: Data | None, given: TableOptions, config: dict[str, Any]) -> TableOptions:
    """What was `given` of a table, and else what the run was told of its own.

    Another table has to have the same columns of files and labels, but need not say sets and groups; where its images
    lie is its own matter.
    """
    own = {name: config.get(name) for name in TABLE_OPTIONS}
    if data is None or TableOptions(**own).said() is None:
        return given.or_else(own)
    columns = column_names(data)
    needed = {"path_column", "label_column"} if columns and is_table(data) else set()
    return given.or_else({name: told for name, told in own.items() if name in needed or told in columns})


def _grouped(source: Source, pattern: str | None, config: dict[str, Any]) -> Source:
    """`source` with groups by the `pattern` that was given, else by that of the run as far as it fits."""
    if pattern is not None or source.group_rule is not None:
        return grouped_by_pattern(source, pattern)
    return grouped_by_pattern(source, config.get("group_pattern"), strict=False)


def _other_files(file: Path, fingerprint: str, plural: str) -> str:
    """A sentence where `file` tells of other `plural` than those of this `fingerprint`."""
    before = read_evaluation(file)
    if before is None or before.get("fingerprint") == fingerprint:
        return ""
    return f" They are not the same {plural} as those judged on {before['created']}."


def _kept(file: Path, artifact: Artifact, same: dict[str, Any]) -> dict[str, Any] | None:
    """What `file` says where it is of this model as it answers here, and of the `same` images and groups."""
    document = read_evaluation(file)
    if document is None:
        return None
    same_network = document.get("precision", "float32") == artifact.precision
    same_model = document.get("model") == artifact.checksum
    agrees = all(document.get(name) == value for name, value in same.items())
    return document if same_network and same_model and agrees else None


def _tried(file: Path, artifact: Artifact, fingerprint: str) -> dict[str, Any]:
    """The figures of changed images that `file` has of this model and these images, by whatever groups."""
    document = _kept(file, artifact, {"fingerprint": fingerprint}) or {}
    return {trial: document[trial] for trial in _TRIALS if document.get(trial) is not None}


def _write_report(run: Run) -> None:
    from beholder.report.page import write_report

    write_report(run.path)


def _learned_from(artifact: Artifact) -> str:
    rules = artifact.manifest.image
    return rules.in_words() if isinstance(rules, SoundRules) else "images"


def _check_shape(artifact: Artifact, test: Dataset, name: str) -> None:
    expected = artifact.manifest.image.shape
    if test.sound is not None and test.sound != artifact.manifest.image:
        raise DataError(
            f"{name!r} has {test.sound.in_words()}, but the model learned from {_learned_from(artifact)}; open them "
            "with its rate and seconds."
        )
    if test.image_shape != expected:
        raise DataError(
            f"{name!r} has images of shape {test.image_shape}, but the model learned from {expected}; give images of "
            "that shape."
        )


def _try(trials: list[str], artifact: Artifact, test: Dataset, progress: Progress) -> dict[str, Any]:
    """The figures of each of `trials`: `corruptions`, `consistency`."""
    from beholder.evaluation.consistency import consistency_figures
    from beholder.evaluation.corruptions.catalogue import corruption_figures

    def answer(images: NDArray[np.uint8]) -> NDArray[np.int64]:
        return decide(artifact.graph(images).probabilities, artifact.point)

    judges = {"corruptions": corruption_figures, "consistency": consistency_figures}
    return {trial: judges[trial](answer, test.images, test.labels, progress=progress) for trial in trials}

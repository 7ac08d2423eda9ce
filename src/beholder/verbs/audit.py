"""Audit: a doctor for a data set; nothing of the data is changed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from beholder.data.class_counts import count_findings
from beholder.data.colour import Colour
from beholder.data.dataset import Dataset
from beholder.data.download import default_cache
from beholder.data.duplicates import MIN_SIDE, exact_duplicates, near_duplicates, too_small
from beholder.data.faults import file_faults, picture_faults
from beholder.data.findings import Finding
from beholder.data.opening import Data, open_source
from beholder.data.overlay import corrected, read_overlay
from beholder.data.pool import joined
from beholder.data.progress import Progress, silent
from beholder.data.refit import recoloured
from beholder.data.source import Source
from beholder.errors import DataError, UsageError
from beholder.runs.audit_folder import create_audit_folder
from beholder.runs.presence import alone
from beholder.verbs.audit_result import AuditResult, undecided
from beholder.verbs.training_data import data_name, default_folder

DEFAULT_BUDGET = 600.0  # seconds, as for train; a small data set needs a fraction of it
CLOSING_SECONDS, CLOSING_SHARE = 12.0, 0.1  # of the budget, the smaller one: to judge what was learned, and to write
LEAST_PICTURES = 20  # that networks can learn anything from
DUPLICATES = ("exact_duplicate", "near_duplicate")
BY_NETWORKS = "Wrong labels, outliers and classes that look the same were not looked for"


def audit(
    data: Data | Source,
    *,
    out: str | Path | None = None,
    budget: float | None = None,
    seed: int = 0,
    overlay: str | Path | None = None,
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    mirror: bool | None = None,
    progress: Progress = silent,
) -> AuditResult:
    """Look for what is wrong with `data`, in all its parts, and write what was found into a new folder.

    First come the checks of single pictures and files, duplicates within and across parts, and counts of classes. The
    rest of the budget trains a few quick networks, each on a part of the pictures, that judge the labels of the others.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (pictures, labels), or a `Source` opened before.
        out: the AUDIT folder to make; `runs/DATA-audit-TIME` by default.
        budget: seconds from this call to the written page, 600 by default; a small data set takes less.
        seed: fixes every random choice.
        overlay: a CSV file with corrections that the data are audited with, `path,action,label`.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded pictures are kept.
        colour: `rgb` or `grey`; by default a folder's pictures are grey where all of a sample are.
        mirror: whether a mirrored picture means the same, for the networks; by default told from the pictures.
        progress: told how far it is.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    started = time.monotonic()
    seconds = DEFAULT_BUDGET if budget is None else budget
    if not seconds > 0:
        raise UsageError(f"Expected a budget above 0 seconds. Received: {seconds:g}.")
    decisions = read_overlay(None if overlay is None else Path(overlay))
    corrections: set[str] = set()
    source = corrected(_open(data, labels, cache, colour, progress), decisions, corrections)
    name = data_name(data)
    folder = create_audit_folder(Path(out) if out is not None else default_folder(data, "audit"), name)
    with alone(folder.path, "audited"):
        with folder.removed_on_error():
            parts = _read(source, progress)
            told = decisions.notes(corrections)
        checkup = _Checkup(parts, cache or default_cache(), seed, mirror, progress)
        checkup.cheap(source)
        checkup.by_networks(started + seconds - min(CLOSING_SECONDS, CLOSING_SHARE * seconds))
        result = AuditResult(
            out=folder.path,
            data=name,
            class_names=source.class_names,
            pictures={part: len(dataset) for part, dataset in parts.items()},
            findings=undecided(checkup.findings, decisions),
            seed=seed,
            budget=budget,
            seconds=time.monotonic() - started,
            notes=(*source.notes, *told, *checkup.notes),
            decisions=decisions,
        )
        result.write(parts)
    return result


def _open(
    data: Data | Source, labels: Literal["fine", "coarse"], cache: Path | None, colour: Colour, progress: Progress
) -> Source:
    if isinstance(data, Source):
        return recoloured(data, colour)
    return open_source(data, labels=labels, cache=cache, colour=colour, for_audit=True, progress=progress)


def _read(source: Source, progress: Progress) -> dict[str, Dataset]:
    """All parts of `source` that have pictures, the test part too: what it shares with others flatters its figures."""
    parts = {part: read(progress) for part, read in source.readers.items()}
    parts = {part: dataset for part, dataset in parts.items() if len(dataset)}
    if not parts:
        raise DataError(f"{source.name!r} has no pictures; bring some.")
    return parts


@dataclass
class _Checkup:
    """What is found in `parts`, check by check."""

    parts: Mapping[str, Dataset]
    cache: Path
    seed: int
    mirror: bool | None
    progress: Progress
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def cheap(self, source: Source) -> None:
        """What is found without training."""
        self.findings += file_faults(source, self.progress)
        self.findings += picture_faults(self.parts, self.progress)
        self.findings += exact_duplicates(self.parts)
        self.findings += near_duplicates(self.parts, self.progress)
        if too_small(self.parts):
            self.notes.append(f"Equal pictures were looked for; near copies are not below {MIN_SIDE} pixels.")
        self.findings += count_findings(self.parts)

    def by_networks(self, until: float) -> None:
        """What is found by networks that are trained until `until`, on the clock of `time.monotonic`."""
        hindrance = self._hindrance()
        if hindrance is not None:
            self.notes.append(f"{BY_NETWORKS}: {hindrance}.")
            return
        try:
            self._trained(until)
        except UsageError as error:
            self.notes.append(f"{BY_NETWORKS}: {error}")

    def _hindrance(self) -> str | None:
        """Why no networks can be trained; None where they can."""
        needed = ("keras", "tensorflow", "cleanlab")
        lacking = next((name for name in needed if importlib.util.find_spec(name) is None), None)
        if lacking is not None:
            return f"that needs {lacking!r}, which is not installed; run `pip install 'beholder[audit]'`"
        learned = [dataset.labels for part, dataset in self.parts.items() if part != "test"]
        count, classes = sum(map(len, learned)), len(np.unique(np.concatenate([np.zeros(0), *learned])))
        if count < LEAST_PICTURES or classes < 2:
            return f"there are {count} pictures of {classes} classes to learn from; that takes {LEAST_PICTURES} of two"
        shape = next(iter(self.parts.values())).picture_shape
        if any(dataset.picture_shape != shape for dataset in self.parts.values()):
            return "pictures are not of one size"
        return None

    def _trained(self, until: float) -> None:
        # Imported here, not above: the framework takes seconds.
        from beholder.training import framework

        framework.start()
        from beholder.evaluation.labels import inseparable, wrong_labels
        from beholder.evaluation.outliers import outliers, strangeness
        from beholder.training.folds import out_of_fold, plan_folds
        from beholder.training.reconstruction import reconstruct

        errors, codes = reconstruct(self.parts, seed=self.seed, progress=self.progress)
        plan = plan_folds(self.parts, self.cache, until=until, seed=self.seed, mirror=self.mirror)
        duplicates = [zip(one.parts, one.paths, strict=True) for one in self.findings if one.kind in DUPLICATES]
        answers = out_of_fold(self.parts, joined(self.parts, duplicates), plan, self.progress)
        self.findings += wrong_labels(answers.pool, answers.probabilities, answers.neighbours)
        mirroring = answers.mirroring
        mirrored = answers.settings.mirrors(answers.pool.dataset.picture_shape[2])
        self.findings += inseparable(answers.pool, answers.probabilities, mirroring, mirrored=mirrored)
        if self.mirror is None:
            self.notes.append(mirroring.sentence)
        strange = strangeness(answers.distances, errors, codes)
        self.findings += outliers(answers.pool, strange, answers.neighbours)

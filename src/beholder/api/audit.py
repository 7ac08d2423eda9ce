"""Audit: a doctor for a data set; nothing of the data is changed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from beholder.api.audit_result import AuditResult, undecided
from beholder.data.cache_folder import default_cache
from beholder.data.checks.faults import file_faults, image_faults
from beholder.data.checks.findings import Finding
from beholder.data.checks.whole_set import count_findings, whole_set_faults
from beholder.data.copies.duplicates import MIN_SIDE, exact_duplicates, near_duplicates, too_small
from beholder.data.corrections import corrected, read_corrections
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import ImageFit
from beholder.data.images.refit import fitted_by, recoloured
from beholder.data.opening import Data, open_source
from beholder.data.pool import joined
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.errors import BeholderError, DataError
from beholder.runs.audit_folder import create_audit_folder
from beholder.runs.presence import alone
from beholder.sessions.training_data import data_name, default_folder
from beholder.training import limits

if TYPE_CHECKING:
    from beholder.training.folds import OutOfFold

_Check = tuple[str, Callable[[], list[Finding]]]  # the name of what is looked for, and the look

_CLOSING_SECONDS, _CLOSING_SHARE = 12.0, 0.1  # of the budget, the smaller one: to judge what was learned, and to write
_LEAST_IMAGES = 20  # that networks can learn anything from


def audit(
    data: Data | Source,
    *,
    out: str | Path | None = None,
    budget: float | None = None,
    seed: int = 0,
    corrections: str | Path | None = None,
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    mirror: bool | None = None,
    progress: Progress = silent,
) -> AuditResult:
    """Look for what is wrong with `data`, in all its sets, and write what was found into a new folder.

    First come the checks of single images and files, duplicates within and across sets, and counts of classes. The
    rest of the budget trains a few quick networks, each on a part of the images, that judge the labels of the others.
    Ctrl-C, and a check that fails, keep what was found until then; a note names the checks that are missing.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (images, labels), or a `Source` opened before.
        out: the AUDIT folder to make; `runs/DATA-audit-TIME` by default.
        budget: seconds from this call to the written page, 600 by default; a small data set takes less.
        seed: fixes every random choice.
        corrections: a CSV file with corrections that the data are audited with, `path,action,label`.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` or `grey`; by default a folder's images are grey where all of a sample are.
        fit: `crop` (the default), `pad` or `stretch` images of other proportions, see `train`.
        mirror: whether a mirrored image means the same, for the networks; by default told from the images.
        progress: told how far it is.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    started = time.monotonic()
    budget = limits.checked("budget", budget)
    seconds = limits.DEFAULT_BUDGET if budget is None else budget
    until = started + seconds - min(_CLOSING_SECONDS, _CLOSING_SHARE * seconds)
    seed = limits.checked_seed(seed)
    decisions = read_corrections(None if corrections is None else Path(corrections))
    found: set[str] = set()
    if isinstance(data, Source):
        opened = recoloured(fitted_by(data, fit), colour)
    else:
        opened = open_source(
            data, labels=labels, cache=cache, colour=colour, fit=fit, for_audit=True, progress=progress
        )
    source = corrected(opened, decisions, found)
    name = data_name(data)
    folder = create_audit_folder(Path(out) if out is not None else default_folder(data, "audit"), name)
    with alone(folder.path, "audited"):
        with folder.removed_on_error():
            sets = _read(source, progress)
            told = decisions.notes(found, source.name)
        checkup = _Checkup(sets, cache or default_cache(), seed, mirror, until, progress)

        def result() -> AuditResult:
            return AuditResult(
                out=folder.path,
                data=name,
                class_names=source.class_names,
                images={set_name: len(dataset) for set_name, dataset in sets.items()},
                findings=undecided(checkup.findings, decisions),
                seed=seed,
                budget=budget,
                seconds=time.monotonic() - started,
                notes=(*source.told(), *told, *checkup.notes),
                decisions=decisions,
            )

        try:
            # The table alone: a kill leaves it, and without findings.json the folder can be audited into again.
            checkup.run(checkup.checks(source), lambda: result().write_table())
        except KeyboardInterrupt:  # as in training: what is there is kept
            pass
        except Exception as error:
            result().write(sets)
            error.add_note(f"{checkup.notes[-1]} What was found before that is kept in {str(folder.path)!r}.")
            raise
        finished = result()
        finished.write(sets)
    return finished


def _read(source: Source, progress: Progress) -> dict[str, Dataset]:
    """All sets of `source` that have images, the test set too: what it shares with others flatters its figures."""
    sets = {set_name: read(progress) for set_name, read in source.readers.items()}
    sets = {set_name: dataset for set_name, dataset in sets.items() if len(dataset)}
    if not sets:
        raise DataError(f"{source.name!r} has no images; bring some.")
    return sets


@dataclass
class _Checkup:
    """What is found in `sets`, check by check; the last ones by networks that are trained until `until`."""

    sets: Mapping[str, Dataset]
    cache: Path
    seed: int
    mirror: bool | None
    until: float
    progress: Progress
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def checks(self, source: Source) -> list[_Check]:
        """Each check, by the name of what it looks for, the quick ones first."""
        return [
            ("damaged files", lambda: file_faults(source, self.progress)),
            ("dark, light, blurred and empty images", lambda: image_faults(self.sets, self.progress)),
            ("faults of the whole set", self._whole_set),
            ("equal images", lambda: exact_duplicates(self.sets)),
            ("nearly equal images", self._near),
            ("small and uneven classes", lambda: count_findings(self.sets)),
            ("wrong labels", lambda: self._by_networks(_Judged.wrong_labels)),
            ("classes that look the same", lambda: self._by_networks(_Judged.inseparable)),
            ("outliers", lambda: self._by_networks(_Judged.outliers)),
        ]

    def run(self, checks: list[_Check], keep: Callable[[], None]) -> None:
        """Make `checks`, and `keep` what was found after each; where one fails, a note says what is missing.

        An error that a person can do something about costs that check alone.
        """
        for place, (name, check) in enumerate(checks):
            try:
                self.findings += check()
            except BeholderError as error:
                self.notes.append(f"{name.capitalize()} were not looked for: {error}")
            except (Exception, KeyboardInterrupt) as error:
                missing = ", ".join(each for each, _ in checks[place:])
                stopped = isinstance(error, KeyboardInterrupt)
                why = "the audit was interrupted" if stopped else f"a fault of Beholder's, {error!r}, ended the audit"
                self.notes.append(f"Not looked for, since {why}: {missing}.")
                raise
            keep()

    def _whole_set(self) -> list[Finding]:
        self.notes += whole_set_faults(self.sets)
        return []

    def _near(self) -> list[Finding]:
        if too_small(self.sets):
            self.notes.append(f"Equal images were looked for; near copies are not looked for below {MIN_SIDE} pixels.")
        return near_duplicates(self.sets, self.progress)

    def _by_networks(self, look: Callable[[_Judged], list[Finding]]) -> list[Finding]:
        return [] if self._judged is None else look(self._judged)

    @cached_property
    def _judged(self) -> _Judged | None:
        """What networks say of the images, trained when it is first asked for; None, and a note, where none can be."""
        why = self._hindrance()
        try:
            if why is None:
                return self._trained()
        except BeholderError as error:
            why = str(error)
        self.notes.append(f"Wrong labels, outliers and classes that look the same were not looked for: {why}")
        return None

    def _hindrance(self) -> str | None:
        """Why no networks can be trained, a sentence; None where they can."""
        needed = ("keras", "tensorflow", "cleanlab")
        lacking = next((name for name in needed if importlib.util.find_spec(name) is None), None)
        if lacking is not None:
            return f"that needs {lacking!r}, which is not installed; run `pip install 'beholder[audit]'`."
        learned = [dataset.labels for set_name, dataset in self.sets.items() if set_name != "test"]
        count, classes = sum(map(len, learned)), len(np.unique(np.concatenate([np.zeros(0), *learned])))
        if count < _LEAST_IMAGES or classes < 2:
            there = f"{count} image{'s' * (count != 1)} of {classes} class{'es' * (classes != 1)}"
            return f"that takes at least {_LEAST_IMAGES} images of two classes; there are {there}."
        shape = next(iter(self.sets.values())).image_shape
        if any(dataset.image_shape != shape for dataset in self.sets.values()):
            return "images are not of one size."
        return None

    def _trained(self) -> _Judged:
        # Imported here, not above: the framework takes seconds.
        from beholder.training.steps import framework

        framework.start()
        from beholder.training.folds import out_of_fold, plan_folds
        from beholder.training.reconstruction import reconstruct

        errors, codes = reconstruct(self.sets, seed=self.seed, progress=self.progress)
        plan = plan_folds(self.sets, self.cache, until=self.until, seed=self.seed, mirror=self.mirror)
        duplicates = [zip(one.sets, one.paths, strict=True) for one in self.findings if one.kind.endswith("_duplicate")]
        answers = out_of_fold(self.sets, joined(self.sets, duplicates), plan, self.progress)
        if self.mirror is None:
            self.notes.append(answers.mirroring.sentence)
        return _Judged(answers, errors, codes)


@dataclass(frozen=True, eq=False)
class _Judged:
    """What networks say of the images: see `out_of_fold` and `reconstruct`."""

    answers: OutOfFold
    errors: NDArray[np.float32]
    codes: NDArray[np.float32]

    def wrong_labels(self) -> list[Finding]:
        from beholder.evaluation.labels import wrong_labels

        return wrong_labels(self.answers.pool, self.answers.probabilities, self.answers.neighbours)

    def inseparable(self) -> list[Finding]:
        from beholder.evaluation.labels import inseparable

        answers = self.answers
        mirrored = answers.settings.mirrors(answers.pool.dataset.image_shape[2])
        return inseparable(answers.pool, answers.probabilities, answers.mirroring, mirrored=mirrored)

    def outliers(self) -> list[Finding]:
        from beholder.evaluation.outliers import outliers, strangeness

        strange = strangeness(self.answers.distances, self.errors, self.codes)
        return outliers(self.answers.pool, strange, self.answers.neighbours)

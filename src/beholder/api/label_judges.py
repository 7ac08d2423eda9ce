"""What networks that did not learn from them say of the images of an audit, and which networks are asked."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding
from beholder.data.dataset import Dataset
from beholder.data.pool import joined_sound
from beholder.data.progress import Progress, TimeIsUpError, ending
from beholder.errors import UsageError
from beholder.models.weights.finding import check_weights
from beholder.sessions.family import LEARNED, suits

if TYPE_CHECKING:
    from beholder.evaluation.doubter import Doubter
    from beholder.training.folds import OutOfFold

_LEAST_FILES = 20  # that networks can learn anything from
_SHOWN = 3  # classes that a sentence names
_LATE = 0.05  # of its time, by which a training may end late before it is given up
_IMPORT_SECONDS = 5.0  # of a processor's time; nothing can end it once it has begun
_SPIN_SECONDS = 0.2  # that tell what share of a processor we get

_Rebuilt = tuple[NDArray[np.float32], NDArray[np.float32]]  # as `reconstruct` gives it


def hindrance(sets: Mapping[str, Dataset]) -> str | None:
    """Why no network can judge the images of `sets`, a sentence; None where one can."""
    needed = ("keras", "tensorflow", "cleanlab")
    lacking = next((name for name in needed if importlib.util.find_spec(name) is None), None)
    if lacking is not None:
        return f"that needs {lacking!r}, which is not installed; run `pip install 'beholder[audit]'`."
    kind = next(iter(sets.values())).file_kind
    learned = [dataset.files.labels for set_name, dataset in sets.items() if set_name != "test"]
    count, classes = sum(map(len, learned)), len(np.unique(np.concatenate([np.zeros(0), *learned])))
    if count < _LEAST_FILES or classes < 2:
        there = f"{'is' if count == 1 else 'are'} {kind.count(count)} of {classes} class{'es' * (classes != 1)}"
        return f"that takes at least {_LEAST_FILES} {kind.plural} of two classes; there {there}."
    shape = next(iter(sets.values())).image_shape
    if any(dataset.image_shape != shape for dataset in sets.values()):
        return f"{kind.plural} are not of one size."
    return None


def judge(
    sets: Mapping[str, Dataset],
    together: Sequence[int],
    cache: Path,
    until: float,
    seed: int,
    mirror: bool | None,
    progress: Progress,
) -> Judged:
    """Ask the networks that suit the images: see `frozen_out_of_fold` and `out_of_fold`.

    `together` is one number an image, see `joined`.

    Raises:
        UsageError: the time is too short for networks that are trained, or too little can be judged.
        TimeIsUpError: it is over before the others have seen all images, or would be before the framework is there.
    """
    if time.monotonic() >= _last_start(until):
        raise TimeIsUpError
    # Imported here, not above: the framework takes seconds.
    from beholder.training.steps import framework

    framework.start()
    tell = ending(progress, until)
    shape = next(iter(sets.values())).image_shape
    if suits(shape, sum(map(len, sets.values()))) and _learned_there(cache):
        from beholder.training.frozen_folds import frozen_out_of_fold

        answers = frozen_out_of_fold(sets, together, cache=cache, until=until, seed=seed, progress=tell)
        return Judged(answers, told_mirror=mirror)
    from beholder.training.folds import out_of_fold, plan_folds

    rebuilt = _reconstruct(sets, seed, tell)  # first: training takes all the time that is left
    plan = plan_folds(sets, cache, until=until, seed=seed, mirror=mirror)
    late = until + _LATE * (until - time.monotonic())
    return Judged(out_of_fold(sets, together, plan, ending(progress, late)), rebuilt, mirror)


@dataclass(frozen=True, eq=False)
class Judged:
    """What networks say of the images, see `out_of_fold`; and what an autoencoder does, once it has been asked."""

    answers: OutOfFold
    rebuilt: _Rebuilt | None = None
    told_mirror: bool | None = None  # whether a mirrored image means the same, as the person said

    @cached_property
    def doubter(self) -> Doubter:
        """How good they are."""
        from beholder.evaluation.doubter import Doubter

        answers, known = self.answers, self.answers.known
        return Doubter.measured(answers.judge, answers.probabilities[known], answers.pool.dataset.labels[known])

    def notes(self) -> list[str]:
        """What a person must know of them: how good they are, whom they could not judge, and what mirroring does."""
        return [self.doubter.sentence, *self._unjudged(), *self._mirroring()]

    def _unjudged(self) -> Iterator[str]:
        dataset, known = self.answers.pool.dataset, self.answers.known
        if not known.all():
            names = [repr(dataset.class_names[label]) for label in np.unique(dataset.labels[~known]).tolist()]
            more = f" and {len(names) - _SHOWN:,} more classes" if len(names) > _SHOWN else ""
            kind = dataset.file_kind
            yield (
                f"The labels of {kind.count(int((~known).sum()))} of {', '.join(names[:_SHOWN])}{more} were not "
                f"judged: beside groups, copies and the test set no {kind.name} of the class is left to learn from."
            )

    def _mirroring(self) -> Iterator[str]:
        """Where networks were trained, what nobody decided; elsewhere, that nothing follows of what somebody did."""
        mirroring, told = self.answers.mirroring, self.told_mirror
        if mirroring is not None and told is None:
            yield mirroring.sentence
        elif mirroring is None and told is not None:
            yield (
                f"--{'' if told else 'no-'}mirror did not change who judged the labels: what the network learned from "
                "other images included mirrored ones."
            )

    def wrong_labels(self) -> list[Finding]:
        """Where they are good enough to be believed."""
        from beholder.evaluation.labels import wrong_labels

        answers = self.answers
        if not self.doubter.believed:
            return []
        return wrong_labels(
            answers.pool, answers.probabilities, answers.neighbours, known=answers.known, strict=answers.strict
        )

    def inseparable(self) -> list[Finding]:
        """Likewise."""
        from beholder.evaluation.labels import inseparable

        answers = self.answers
        if not self.doubter.believed:
            return []
        return inseparable(
            answers.pool,
            answers.probabilities,
            answers.mirroring,
            known=answers.known,
            mirrored=answers.mirrored,
            told_mirror=self.told_mirror,
        )

    def outliers(self, sets: Mapping[str, Dataset], seed: int, progress: Progress) -> list[Finding]:
        """By their features, and by an autoencoder that is trained for it."""
        from beholder.evaluation.outliers import outliers, strangeness
        from beholder.evaluation.recordings import by_recording

        errors, codes = self.rebuilt or _reconstruct(sets, seed, progress)
        recordings, _ = joined_sound(list(sets.values()))
        errors, codes = by_recording(errors, recordings)[0], by_recording(codes, recordings)[0]
        # What is of a class that was not learned is far from all that was.
        strange = strangeness(self.answers.distances, errors, codes) * self.answers.known
        return outliers(self.answers.pool, strange, self.answers.neighbours)


def _last_start(until: float) -> float:
    """When the framework has to be begun so that it is there at `until`, as busy as the machine is now."""
    if "keras" in sys.modules:
        return until
    began, used = time.monotonic(), time.thread_time()
    while time.monotonic() - began < _SPIN_SECONDS:
        pass
    share = (time.thread_time() - used) / (time.monotonic() - began)
    return until - _IMPORT_SECONDS / max(share, 0.01)


def _reconstruct(sets: Mapping[str, Dataset], seed: int, progress: Progress) -> _Rebuilt:
    from beholder.training.reconstruction import reconstruct

    return reconstruct(sets, seed=seed, progress=progress)


def _learned_there(cache: Path | None) -> bool:
    """Whether the weights of the network that has learned from other images are there."""
    try:
        check_weights(LEARNED, cache)
    except UsageError:
        return False
    return True

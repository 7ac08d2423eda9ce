"""The cheap checks of the images that a run learns from, made before each training and told in two lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from beholder.data.checks.faults import image_faults
from beholder.data.checks.findings import Kind
from beholder.data.checks.silence import silent_sounds
from beholder.data.checks.whole_set import whole_set_faults
from beholder.data.copies.duplicates import MIN_SIDE, exact_duplicates, near_duplicates, too_small
from beholder.data.copies.pairs import QUICK
from beholder.data.dataset import Dataset
from beholder.data.kinds import IMAGES, FileKind
from beholder.data.progress import Progress
from beholder.data.remembered import remembered
from beholder.data.split import Split
from beholder.sessions.training_data import fingerprints

_SHARE = 0.02  # of a budget that looking for copies may take
# That a quick look for copies gets through in a second
_SPEED, _SPEED_OF_SOUNDS = 25_000, 1_000
_AUDIT = "`beholder audit` shows them"
_SMALL = f"near copies are not looked for below {MIN_SIDE} pixels"
_FAULTS: dict[Kind, str] = {
    "low_information": "nearly of one colour",
    "dark": "very dark",
    "light": "very light",
    "blurred": "blurred",
}
_FAULTS_OF_SOUNDS: dict[Kind, str] = {"silent": "silent or nearly so"}


def check_data(
    sets: Split, read: Mapping[str, Dataset], budget: float | None, cache: Path | None = None
) -> dict[str, Any]:
    """What was found in the train and validation sets.

    Near copies are known where a set was split off. Where the data came with both, they are looked for across the two
    if that takes less than `_SHARE` of the budget; within one they do no harm.

    Args:
        sets: where the sets are from.
        read: the train and validation set; where images are dealt into folds, all of them as `train`.
        budget: of the training, in seconds; None where there is none.
        cache: where it is remembered what single images and whole sets lack; None: nowhere.

    Returns:
        `sentences`: two, for people, after one for each fault that all images have; and `counts`, from kind to the
        number of images: of `exact_duplicate` and `near_duplicate` those that are a copy of another one, equal or
        not, and of `across_sets` the validation images that are a copy of one to learn from. None is what was not
        looked for, as near copies among images that are too small for it.
    """
    kind = sets.source.file_kind
    faults, whole = _faults(sets, read, cache)
    files = [dataset.files for dataset in read.values()]
    total = sum(map(len, files))
    contents = [value for dataset in files for value in dataset.contents]
    equal = _repeated(contents)
    small = kind is IMAGES and too_small(read)
    near: int | None = None
    across: int | None = 0
    folds = "validation" not in read
    if sets.copies is None or not (folds or sets.made("validation")):
        across = _across(read, budget, sets.progress)
    elif not small:
        near = _repeated(sets.copies.get(value, value) for value in contents) - equal
    kept = "" if sets.copies_apart else ", kept in one fold" if folds else ", kept in one set"
    told = _small_in_words(equal, across, folds=folds) if small else _copies_in_words(kind, equal, near, across, kept)
    counts = {str(fault): faults.get(fault, 0) for fault in _words(kind)}
    return {
        "counts": {**counts, "exact_duplicate": equal, "near_duplicate": near, "across_sets": across},
        "sentences": [*whole, _faults_in_words(kind, counts, total, bool(whole)), told],
    }


def _words(kind: FileKind) -> dict[Kind, str]:
    """The faults that files of this kind may have, in words."""
    return _FAULTS if kind is IMAGES else _FAULTS_OF_SOUNDS


def _faults(sets: Split, read: Mapping[str, Dataset], cache: Path | None) -> tuple[dict[str, int], list[str]]:
    """How many images have which fault, and sentences about the faults that all have."""

    if sets.source.kind == "sound":
        return {"silent": silent_sounds(read)}, []

    def find() -> list[Any]:
        return [Counter(one.kind for one in image_faults(read, sets.progress)), whole_set_faults(read)]

    faults, whole = remembered(cache, "faults", [fingerprints(read)], find)
    return faults, whole


def _repeated(groups: Iterable[bytes]) -> int:
    """How many stand in a group with others."""
    return sum(count for count in Counter(groups).values() if count > 1)


def _across(read: Mapping[str, Dataset], budget: float | None, progress: Progress) -> int | None:
    """Validation images that are a copy of one to learn from, if that may be looked for."""
    sounds = any(dataset.sound is not None for dataset in read.values())
    speed = _SPEED_OF_SOUNDS if sounds else _SPEED
    if budget is not None and sum(map(len, read.values())) / speed > _SHARE * budget:
        return None
    found = [*exact_duplicates(read), *near_duplicates(read, progress, search=QUICK)]
    across = [one for one in found if "train" in one.sets]
    names = {
        name for one in across for name, set_name in zip(one.paths, one.sets, strict=True) if set_name == "validation"
    }
    return len(names)


def _faults_in_words(kind: FileKind, counts: Mapping[str, int], total: int, whole: bool) -> str:
    """Of single files; where all of them have a fault, `whole`, none is said to be without it."""
    found = [
        f"{count:,} {'are' if count > 1 else 'is'} {words}"
        for fault, words in _words(kind).items()
        if (count := counts[fault])
    ]
    if not found and whole:
        return f"Checked {kind.count(total)}: none stands out from the others."
    if not found:
        *most, last = _words(kind).values()
        return f"Checked {kind.count(total)}: none is {', '.join(most)}{' or ' * bool(most)}{last}."
    return f"Checked {kind.count(total)}: {', '.join(found)}."


def _across_in_words(across: int, kind: FileKind = IMAGES) -> str:
    which = f"validation {kind.name} is a copy" if across == 1 else f"validation {kind.plural} are copies"
    return f"{across:,} {which} of training {kind.plural}, which flatters the figures; {_AUDIT}."


def _small_in_words(equal: int, across: int | None, *, folds: bool) -> str:
    """Of images that are too small for near copies to be looked for."""
    if across:
        return _across_in_words(across)
    if not equal:
        return f"No image is equal to another; {_SMALL}."
    where = ", none across the sets" if across == 0 else ""
    where = ", kept in one fold" if folds else where
    return f"{equal:,} images are equal to another one{where}; {_AUDIT}, and {_SMALL}."


def _copies_in_words(kind: FileKind, equal: int, near: int | None, across: int | None, kept: str) -> str:
    if across:
        return _across_in_words(across, kind)
    found = [f"{count:,} {word}" for count, word in ((equal, "equal"), (near or 0, "nearly equal")) if count]
    told = f"Copies of each other: {' and '.join(found)} ones" if found else f"No {kind.name} is a copy of another"
    if near is not None:
        return f"{told}{f'{kept}; {_AUDIT}' if found else ''}."
    told = told if found else f"No {kind.name} is equal to another"
    if across is None:
        return (
            f"{told}; near copies were not looked for, which would take more than {_SHARE:.0%} of the budget; {_AUDIT}."
        )
    return f"{told}, none across the sets{'; ' + _AUDIT if found else ''}."

"""The cheap checks of the images that a run learns from, made before each training and told in two lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from beholder.data.checks.faults import image_faults
from beholder.data.checks.findings import Kind
from beholder.data.checks.whole_set import whole_set_faults
from beholder.data.copies.duplicates import MIN_SIDE, exact_duplicates, near_duplicates, too_small
from beholder.data.copies.pairs import QUICK
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.data.remembered import remembered
from beholder.data.split import Split
from beholder.sessions.training_data import fingerprints

_SHARE = 0.02  # of a budget that looking for copies may take
_SPEED = 25_000  # images that a quick look for copies gets through in a second
_AUDIT = "`beholder audit` shows them"
_SMALL = f"near copies are not looked for below {MIN_SIDE} pixels"
_FAULTS: dict[Kind, str] = {
    "low_information": "nearly of one colour",
    "dark": "very dark",
    "light": "very light",
    "blurred": "blurred",
}


def check_data(
    sets: Split, read: Mapping[str, Dataset], budget: float | None, cache: Path | None = None
) -> dict[str, Any]:
    """What was found in the train and validation sets.

    Near copies are known where a set was split off. Where the data came with both, they are looked for across the two
    if that takes less than `_SHARE` of the budget; within one they do no harm.

    Args:
        sets: where the sets are from.
        read: the train and validation set.
        budget: of the training, in seconds; None where there is none.
        cache: where it is remembered what single images and whole sets lack; None: nowhere.

    Returns:
        `sentences`: two, for people, after one for each fault that all images have; and `counts`, from kind to the
        number of images: of `exact_duplicate` and `near_duplicate` those that are a copy of another one, equal or
        not, and of `across_sets` the validation images that are a copy of one to learn from. None is what was not
        looked for, as near copies among images that are too small for it.
    """
    faults, whole = _faults(sets, read, cache)
    total = sum(map(len, read.values()))
    contents = [value for dataset in read.values() for value in dataset.contents]
    equal = _repeated(contents)
    small = too_small(read)
    near: int | None = None
    across: int | None = 0
    if sets.copies is None or not sets.made("validation"):
        across = _across(read, budget, sets.progress)
    elif not small:
        near = _repeated(sets.copies.get(value, value) for value in contents) - equal
    told = _small_in_words(equal, across) if small else _copies_in_words(equal, near, across)
    counts = {str(kind): faults.get(kind, 0) for kind in _FAULTS}
    return {
        "counts": {**counts, "exact_duplicate": equal, "near_duplicate": near, "across_sets": across},
        "sentences": [*whole, _faults_in_words(counts, total, bool(whole)), told],
    }


def _faults(sets: Split, read: Mapping[str, Dataset], cache: Path | None) -> tuple[dict[str, int], list[str]]:
    """How many images have which fault, and sentences about the faults that all have."""

    def find() -> list[Any]:
        return [Counter(one.kind for one in image_faults(read, sets.progress)), whole_set_faults(read)]

    faults, whole = remembered(cache, "faults", [fingerprints(read)], find)
    return faults, whole


def _repeated(groups: Iterable[bytes]) -> int:
    """How many stand in a group with others."""
    return sum(count for count in Counter(groups).values() if count > 1)


def _across(read: Mapping[str, Dataset], budget: float | None, progress: Progress) -> int | None:
    """Validation images that are a copy of one to learn from, if that may be looked for."""
    if budget is not None and sum(map(len, read.values())) / _SPEED > _SHARE * budget:
        return None
    found = [*exact_duplicates(read), *near_duplicates(read, progress, search=QUICK)]
    across = [one for one in found if "train" in one.sets]
    names = {
        name for one in across for name, set_name in zip(one.paths, one.sets, strict=True) if set_name == "validation"
    }
    return len(names)


def _faults_in_words(counts: Mapping[str, int], total: int, whole: bool) -> str:
    """Of single images; where all of them have a fault, `whole`, none is said to be without it."""
    found = [
        f"{count:,} {'are' if count > 1 else 'is'} {words}"
        for kind, words in _FAULTS.items()
        if (count := counts[kind])
    ]
    if not found and whole:
        return f"Checked {total:,} images: none stands out from the others."
    if not found:
        *most, last = _FAULTS.values()
        return f"Checked {total:,} images: none is {', '.join(most)} or {last}."
    return f"Checked {total:,} images: {', '.join(found)}."


def _across_in_words(across: int) -> str:
    which = "validation image is a copy" if across == 1 else "validation images are copies"
    return f"{across:,} {which} of training images, which flatters the figures; {_AUDIT}."


def _small_in_words(equal: int, across: int | None) -> str:
    """Of images that are too small for near copies to be looked for."""
    if across:
        return _across_in_words(across)
    if not equal:
        return f"No image is equal to another; {_SMALL}."
    where = ", none across the sets" if across == 0 else ""
    return f"{equal:,} images are equal to another one{where}; {_AUDIT}, and {_SMALL}."


def _copies_in_words(equal: int, near: int | None, across: int | None) -> str:
    if across:
        return _across_in_words(across)
    found = [f"{count:,} {word}" for count, word in ((equal, "equal"), (near or 0, "nearly equal")) if count]
    told = f"Copies of each other: {' and '.join(found)} ones" if found else "No image is a copy of another"
    if near is not None:
        return f"{told}{', kept in one set; ' + _AUDIT if found else ''}."
    told = told if found else "No image is equal to another"
    if across is None:
        return (
            f"{told}; near copies were not looked for, which would take more than {_SHARE:.0%} of the budget; {_AUDIT}."
        )
    return f"{told}, none across the sets{'; ' + _AUDIT if found else ''}."

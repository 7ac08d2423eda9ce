"""Images that the network which training starts from had seen: no figure of the run may rest on them unsaid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.groups.rule import ALONE
from beholder.errors import UsageError
from beholder.runs.earlier_images import EarlierImages, read_earlier
from beholder.runs.sets import read_sets
from beholder.sessions.request import TrainRequest
from beholder.training.settings import Initial


def seen_by_start(request: TrainRequest, initial: Initial) -> EarlierImages:
    """What the network that `request` starts from had seen.

    Raises:
        RunError: the earlier run has lost the list of its images.
    """
    if request.plan is not None:  # of a run that started from it
        earlier = read_earlier(request.plan.parent)
    elif request.start_from is not None and request.start_from.is_dir():
        earlier = read_sets(request.start_from).as_earlier()
    else:
        return EarlierImages(known=False)
    same = initial.fit is None or request.fit in (None, initial.fit)
    return earlier if same else replace(earlier, known=False)


def without_learned(
    sets: dict[str, Dataset], earlier: EarlierImages, start: str, name: str
) -> tuple[dict[str, Dataset], list[str]]:
    """`sets` without the validation images that the network learned from: all figures and promises rest on others.

    Those that it was chosen by stay, as they do within one run.

    Args:
        sets: `train` and `validation`.
        earlier: what it had seen.
        start: where it is from.
        name: of the data.

    Returns:
        The sets, and sentences about what was left out, or could not be told.

    Raises:
        UsageError: it learned from all of them.
    """
    files = sets["validation"].files
    kind, total = files.file_kind, len(files)
    learned, named = _learned(sets, earlier)
    left = int(learned.sum())
    if left == total:
        raise UsageError(
            f"The network of {start!r} learned from all {total:,} validation {kind.plural} of {name!r}, so nothing "
            f"could tell how good it becomes; give validation {kind.plural} that are new to it, or leave --from out."
        )
    told = []
    if left:
        sets = {**sets, "validation": sets["validation"].of_files(np.flatnonzero(~learned))}
        were, them = ("was", "it") if left == 1 else ("were", "them")
        told.append(
            f"{left:,} of {total:,} validation {kind.plural} {were} left out, since the network of {start!r} learned "
            f"from {them}{' or from their group' if named else ''}, which would flatter all figures and promises; to "
            f"lose none, train on the data and with the --seed that it had, or give validation {kind.plural} that are "
            "new to it."
        )
    elif named:
        told.append(_groups_in_words(named, files, start))
    return sets, [*told, *unknown_in_words(earlier, start, kind.plural)]


def _learned(sets: dict[str, Dataset], earlier: EarlierImages) -> tuple[NDArray[np.bool_], int]:
    """(M,) bool, which validation files the network learned from, or from their group; and how many of such groups.

    Groups of data that share no image with those that it has seen may have the same names by chance.
    """
    files = sets["validation"].files
    learned = np.array([value in earlier.learned for value in files.contents], bool)
    named = np.array([group in earlier.learned_groups for group in files.groups or [ALONE] * len(files)], bool)
    if named.any():
        seen = earlier.seen
        if any(value in seen for one in sets.values() for value in one.files.contents):
            learned |= named
    return learned, int(named.sum())


def check_whole(whole: Dataset, earlier: EarlierImages, start: str) -> list[str]:
    """Refuse folds of images that the network has seen; else sentences about what cannot be told.

    Raises:
        UsageError: it has seen some.
    """
    contents, plural = whole.files.contents, whole.file_kind.plural
    seen = earlier.seen
    known = sum(content in seen for content in contents)
    if known:
        raise UsageError(
            f"{start!r} has seen {known:,} of these {len(contents):,} {plural}, so that folds would be judged by "
            "networks that know them; leave --folds or --from out."
        )
    groups = earlier.seen_groups
    named = sum(group in groups for group in whole.files.groups or ())
    told = [_groups_in_words(named, whole.files, start)] if named else []
    return [*told, *unknown_in_words(earlier, start, plural)]


def unknown_in_words(earlier: EarlierImages, start: str, plural: str) -> list[str]:
    """A sentence where nobody can tell all that the network has seen."""
    if earlier.known:
        return []
    return [f"If the network of {start!r}, or one before it, has seen these {plural}, the figures are flattered."]


def _groups_in_words(count: int, files: Dataset, start: str) -> str:
    which = "1 is of a group with the name" if count == 1 else f"{count:,} are of groups with the names"
    return (
        f"Of {len(files):,} {files.file_kind.plural} to judge by {which} of some that the network of {start!r} has "
        "seen; if they are the same, all figures and promises are flattered."
    )

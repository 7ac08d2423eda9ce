"""Images that the network which training starts from had seen: no figure of the run may rest on them unsaid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from beholder.data.dataset import Dataset
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
    """`sets` without the validation images that the network learned from: what is chosen and promised rests on new ones.

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
    groups = files.groups or [""] * total
    named = np.array([group in earlier.learned_groups for group in groups], bool)
    # Groups of other data may have the same names by chance.
    seen = earlier.seen
    shared = bool(named.any()) and any(value in seen for one in sets.values() for value in one.files.contents)
    learned = np.array([value in earlier.learned for value in files.contents], bool)
    learned |= named & shared
    left = int(learned.sum())
    if left == total:
        raise UsageError(
            f"The network of {start!r} learned from all {total:,} validation {kind.plural} of {name!r}, so nothing could "
            f"tell how good it becomes; give validation {kind.plural} that are new to it, or leave --from out."
        )
    told = []
    if left:
        sets = {**sets, "validation": sets["validation"].of_files(np.flatnonzero(~learned))}
        which = f"{'it' if left == 1 else 'them'}{' or others of the same group' if shared else ''}"
        told.append(
            f"{left:,} of {total:,} validation {kind.plural} {'was' if left == 1 else 'were'} left out, since the "
            f"network of {start!r} learned from {which}, which would flatter all figures and promises; to lose none, "
            f"train on the data and with the --seed that it had, or give validation {kind.plural} that are new to it."
        )
    elif named.any():
        told.append(
            f"{int(named.sum()):,} of {total:,} validation {kind.plural} are of groups with the names of some that the "
            f"network of {start!r} learned from; if they are the same, all figures and promises are flattered."
        )
    return sets, [*told, *unknown_in_words(earlier, start, kind.plural)]


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
    told = []
    if named:
        told.append(
            f"{named:,} of {len(contents):,} {plural} are of groups with the names of some that the network of "
            f"{start!r} has seen; if they are the same, all figures and promises are flattered."
        )
    return [*told, *unknown_in_words(earlier, start, plural)]


def unknown_in_words(earlier: EarlierImages, start: str, plural: str) -> list[str]:
    """A sentence where nobody can tell all that the network has seen."""
    if earlier.known:
        return []
    return [f"If the network of {start!r}, or one before it, has seen these {plural}, the figures are flattered."]

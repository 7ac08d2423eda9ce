"""What `evaluate` leaves out, or says, since the run's network or one that it started from had seen it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from beholder.data.dataset import Dataset
from beholder.data.kinds import FileKind
from beholder.errors import DataError
from beholder.runs.earlier_images import NONE
from beholder.runs.sets import ImageSet, KnownSets
from beholder.sessions.start_images import unknown_in_words


def unseen_test(test: ImageSet, run: Path, run_sets: KnownSets, kind: FileKind) -> ImageSet:
    """Of the run's own `test` set the images that no network before it had seen.

    Raises:
        DataError: there are none.
    """
    seen = run_sets.earlier.seen
    unseen = test.at([row for row, value in enumerate(test.hashes) if value not in seen])
    if not len(unseen):
        raise DataError(
            f"The network that {str(run)!r} started from has seen all {len(test):,} {kind.plural} of its test set; "
            f"give other data: beholder evaluate {quote(str(run))} DATA."
        )
    return unseen


def left_out_in_words(count: int, run_sets: KnownSets, *, own: bool) -> str:
    """Part of a sentence about so many images that were left out, of the run's `own` test set or of others."""
    if not count:
        return ""
    where = "the run's training or validation set"
    if own:
        where = "the training or validation set of a run that it started from"
    elif run_sets.earlier != NONE:
        where += ", or to those of a run that it started from,"
    which = "that belongs" if count == 1 else "that belong"
    return f"; {count:,} {which} to {where} {'was' if count == 1 else 'were'} left out"


def flattered_in_words(judged: Dataset, run_sets: KnownSets, start: str | None) -> str:
    """Sentences where figures of what is `judged` may be too good; `start` is what the run started from."""
    groups, plural = run_sets.seen_groups, judged.file_kind.plural
    count = sum(group in groups for group in judged.files.groups or ())
    told = []
    if count:
        which = "1 of them is of a group" if count == 1 else f"{count:,} of them are of groups"
        run = "the run" if run_sets.earlier == NONE else "the run, or one that it started from,"
        told.append(f"{which} that {run} learned from or chose by, which flatters the figures.")
    told += [] if start is None else unknown_in_words(run_sets.earlier, start, plural)
    return "".join(f" {one}" for one in told)

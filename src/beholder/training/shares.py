"""Who is judged by whom: images dealt into shares, and what is learned from for each, nothing that belongs with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.groups.dividing import divide_groups
from beholder.data.pool import Pool
from beholder.data.split import split
from beholder.errors import UsageError


@dataclass(frozen=True, eq=False)
class Share:
    """Rows that are judged together, (n,) int64 ascending, and those that are learned from before, (m,) likewise."""

    held_out: NDArray[np.int64]
    learned: NDArray[np.int64]


def deal(pool: Pool, together: Sequence[int] | None, *, count: int, seed: int) -> list[Share]:
    """Up to `count` shares of the images of `pool`, stratified by class; nobody learns from its test set.

    A share for which there is only one class to learn is left out, and its images are not judged.

    Args:
        pool: all images.
        together: one number an image, equal for those that belong together; None: windows of a sound alone do.
        count: how many shares, where that many do not belong together.
        seed: deals the images.

    Raises:
        UsageError: of fewer than two classes images can be judged.
    """
    dataset, fractions = pool.dataset, {str(number): 1 / count for number in range(count)}
    if together is None and dataset.recordings is not None:
        together = dataset.recordings.tolist()
    if together is not None and dataset.groups is not None:  # large ones, of several classes
        rows = divide_groups(dataset.labels, list(map(str, together)), seed=seed, fractions=fractions)
    else:
        rows = split(dataset.labels, together, seed=seed, fractions=fractions)
    learnable = np.flatnonzero(pool.sets != "test")
    shares = [Share(one, np.setdiff1d(learnable, one)) for one in rows.values() if len(one)]
    shares = [one for one in shares if len(np.unique(dataset.labels[one.learned])) > 1]
    if len(np.unique(dataset.labels[known(pool, shares)])) < 2:
        plural = dataset.file_kind.plural
        raise UsageError(
            f"Judging labels takes at least two classes, each with {plural} that do not all belong together (to one "
            f"group, as copies, or to the test set); add {plural} of more groups."
        )
    return shares


def known(pool: Pool, shares: Sequence[Share]) -> NDArray[np.bool_]:
    """(N,) whether others of the image's class are learned from before it is judged."""
    labels, found = pool.dataset.labels, np.zeros(len(pool), bool)
    for share in shares:
        found[share.held_out] = np.isin(labels[share.held_out], labels[share.learned])
    return found

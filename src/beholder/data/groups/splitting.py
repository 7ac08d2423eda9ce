"""Sets that are split off by groups, with what is to be said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.folders.roles import TITLES
from beholder.data.groups.across import count_in_words
from beholder.data.groups.dividing import divide_groups
from beholder.data.groups.linked import linked
from beholder.data.groups.rule import ALONE
from beholder.data.source import Source
from beholder.errors import DataError

_NEAR = 0.05  # by more than this a set's share differs from what was asked, and it is said


def split_by_groups(
    source: Source, whole: Dataset, copies: Sequence[bytes], *, seed: int, fractions: Mapping[str, float]
) -> tuple[dict[str, NDArray[np.int64]], list[str], int]:
    """Divide `whole` into sets so that no group lies in two, and copies of an image stay together.

    Args:
        source: where it is from.
        whole: images with groups.
        copies: one value an image, equal for images that are copies of each other.
        seed: decides among what is equally good.
        fractions: from set name to its share.

    Returns:
        From set name to its rows, as `split` gives them; sentences for people; and how many images may have a copy in
        another set.

    Raises:
        DataError: fewer groups than sets.
    """
    groups, plural = whole.groups or [], source.file_kind.plural
    parts = linked(groups, copies, fewest=len(fractions))
    count = len(set(parts.parts))
    if count < len(fractions):
        titles = [TITLES[name] for name in fractions]
        raise DataError(
            f"The {len(whole):,} {plural} of {source.name!r} are {count_in_words(count)} by {source.group_rule}, and "
            f"the {', '.join(titles[:-1])} and {titles[-1]} set need at least one each; add {plural} of more groups, "
            "or leave the groups out and expect figures that are too good."
        )
    rows = divide_groups(whole.labels, parts.parts, seed=seed, fractions=fractions)
    told = [
        _sets_in_words(source, groups, rows),
        *_shares_in_words(rows, fractions, plural),
        *parts.sentences(source.file_kind),
    ]
    return rows, told, parts.apart


def _sets_in_words(source: Source, groups: Sequence[str], rows: Mapping[str, NDArray[np.int64]]) -> str:
    sizes = Counter(group for group in groups if group != ALONE)
    plural = source.file_kind.plural
    low, high = (min(sizes.values()), max(sizes.values())) if sizes else (0, 0)
    size = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    told = []
    for set_name, chosen in rows.items():
        there = len({groups[row] for row in chosen} - {ALONE})
        told.append(f"{there:,} in the {TITLES[set_name]} set ({len(chosen):,} {plural})")
    where = f"{', '.join(told[:-1])} and {told[-1]}"
    # Where the data bring a set, a group may lie in that too, which is told of them.
    two = "two sets" if len(rows) > 2 else f"both the {' and the '.join(TITLES[name] for name in rows)} set"
    return (
        f"No group lies in {two}: of {count_in_words(len(sizes))} by {source.group_rule}, of {size} {plural}, {where}."
    )


def _shares_in_words(
    rows: Mapping[str, NDArray[np.int64]], fractions: Mapping[str, float], plural: str
) -> Iterator[str]:
    total = sum(map(len, rows.values()))
    have = {name: len(chosen) / total for name, chosen in rows.items()}
    if any(abs(have[name] - fractions[name]) > _NEAR + 1e-9 for name in rows):
        told, asked = (" / ".join(f"{100 * one:.0f}" for one in shares.values()) for shares in (have, fractions))
        yield f"The groups are large, so the sets have {told} % of the {plural} instead of {asked} %."

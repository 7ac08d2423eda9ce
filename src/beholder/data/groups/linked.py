"""Groups and copies joined: what a person says belongs together, and images that are copies of each other."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from beholder.data.groups.rule import ALONE
from beholder.data.kinds import FileKind

One = TypeVar("One")

_MOST = 0.5  # of all images, that copies may join into one: what is more leaves too little for other sets


@dataclass(frozen=True)
class Linked:
    """Which images stay in one set.

    Attributes:
        parts: one text an image, equal for images that stay together, however the images are ordered.
        across: how many images are copies of an image of another group.
        apart: how many of these do not stay with all of their copies, since that would join too much.
    """

    parts: list[str]
    across: int = 0
    apart: int = 0

    def sentences(self, kind: FileKind) -> Iterator[str]:
        """What a person should know of copies across groups of files of this `kind`."""
        if not self.across:
            return
        are = f"{kind.count(self.across)} {'is a copy' if self.across == 1 else 'are copies'} of {kind.plural}"
        if not self.apart:
            yield f"{are} of other groups, and those groups stay in one set."
            return
        yield (
            f"{are} of other groups; to keep all of these in one set would join too many groups, so "
            f"{self.apart:,} may have a copy in another set, which flatters the figures."
        )


def linked(groups: Sequence[str], copies: Sequence[bytes], *, fewest: int) -> Linked:
    """Join the groups that have copies of each other's images.

    Copies link as long as what they join has at most half of all images, and as many parts are left as there are sets.

    Args:
        groups: of each image, as `Dataset.groups`.
        copies: one value an image, equal for copies of each other.
        fewest: parts that must be left.
    """
    pairs = zip(groups, copies, strict=True)
    units = [f"group {group}" if group != ALONE else f"copies {copy.hex()}" for group, copy in pairs]
    sizes: dict[str, int] = {}
    units_of: dict[bytes, dict[str, int]] = {}  # from each group of copies to how many images of which unit it has
    for unit, copy in zip(units, copies, strict=True):
        sizes[unit] = sizes.get(unit, 0) + 1
        counts = units_of.setdefault(copy, {})
        counts[unit] = counts.get(unit, 0) + 1
    bridges = {copy: counts for copy, counts in sorted(units_of.items()) if len(counts) > 1}
    head = {unit: unit for unit in sizes}
    left, apart = len(head), 0
    for counts in bridges.values():
        heads = sorted({head_of(head, unit) for unit in counts})
        joined = sum(sizes[one] for one in heads)
        if joined > _MOST * len(units) or left - len(heads) + 1 < fewest:
            apart += sum(counts.values()) if len(heads) > 1 else 0
            continue
        for one in heads[1:]:
            head[one] = heads[0]
        sizes[heads[0]] = joined
        left -= len(heads) - 1
    across = sum(sum(counts.values()) for counts in bridges.values())
    return Linked([head_of(head, unit) for unit in units], across, apart)


def head_of(head: MutableMapping[One, One], one: One) -> One:
    """What stands for all that `one` was joined with; `head` leads from each to itself or nearer to that.

    Source: disjoint sets with path halving; Tarjan and van Leeuwen, Journal of the ACM 31 (1984).
    """
    while head[one] != one:
        head[one] = head[head[one]]
        one = head[one]
    return one

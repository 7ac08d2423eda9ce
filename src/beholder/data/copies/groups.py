"""Groups of images that are copies of one of them, from pairs of copies: no chain of pairs makes a group."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray


def copies_of_one(
    pairs: NDArray[np.int64], scores: NDArray[np.float32], sizes: list[int], most: float = float("inf")
) -> list[tuple[list[int], float]]:
    """Groups of things, each a copy of the first, and the least score of the pairs with that one.

    The surest pairs are joined first, as in Kruskal's algorithm (1956), but only as long as one member is a copy of all
    others: linked to chains, an image that is a little like many would join them all.

    Args:
        pairs: (n, 2) int64, things that are copies of each other, each pair once.
        scores: (n,) float32, how sure each is.
        sizes: of each thing.
        most: no group gets things that have more than that of `sizes` together.

    Returns:
        By their smallest thing: a group's things, the one that the others are copies of first, then the others in
        ascending order.
    """
    copies: dict[int, dict[int, float]] = defaultdict(dict)
    for (one, other), score in zip(pairs.tolist(), scores.tolist(), strict=True):
        copies[one][other] = copies[other][one] = score
    members = {thing: [thing] for thing in copies}
    firsts = {thing: [thing] for thing in copies}  # the members that could come first
    weights = {thing: sizes[thing] for thing in copies}
    home = {thing: thing for thing in copies}  # the group that a thing is in
    for index in np.argsort(-scores, kind="stable").tolist():
        one, other = sorted(home[thing] for thing in pairs[index].tolist())
        if one == other or weights[one] + weights[other] > most:
            continue
        both = [thing for thing in firsts[one] if copies[thing].keys() >= set(members[other])]
        both += [thing for thing in firsts[other] if copies[thing].keys() >= set(members[one])]
        if not both:
            continue
        for thing in members[other]:
            home[thing] = one
        members[one] += members.pop(other)
        weights[one] += weights.pop(other)
        firsts[one] = both
    groups = []
    for name, group in members.items():
        if len(group) > 1:
            first = max(firsts[name], key=lambda thing: (_weakest(copies[thing], group), -thing))
            others = sorted(thing for thing in group if thing != first)
            groups.append(([first, *others], _weakest(copies[first], group)))
    return sorted(groups, key=lambda group: min(group[0]))


def _weakest(copies: dict[int, float], group: list[int]) -> float:
    """The least score of one thing's `copies` among a group that it is in."""
    return min(copies[thing] for thing in group if thing in copies)

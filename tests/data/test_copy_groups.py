"""A group of copies has one image that all others are copies of; nothing is joined by a chain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.copies.groups import copies_of_one

Group = tuple[list[int], float]


def grouped(pairs: dict[tuple[int, int], float], count: int, most: float = float("inf")) -> list[Group]:
    rows: NDArray[np.int64] = np.array(list(pairs), np.int64).reshape(-1, 2)
    scores = np.array(list(pairs.values()), np.float32)
    return [(group, round(score, 3)) for group, score in copies_of_one(rows, scores, [1] * count, most)]


def test_a_chain_is_no_group() -> None:
    chain = {(number, number + 1): 0.9 for number in range(9)}
    groups = [group for group, _ in grouped(chain, 10)]
    assert max(map(len, groups)) == 3
    for first, *others in groups:
        assert all((min(first, other), max(first, other)) in chain for other in others)


def test_all_copies_of_one_are_one_group_with_its_weakest_pair() -> None:
    assert grouped({(0, 4): 0.99, (2, 4): 0.88, (4, 7): 0.9, (5, 6): 0.95}, 8) == [([4, 0, 2, 7], 0.88), ([5, 6], 0.95)]


def test_the_surest_pairs_stay_together() -> None:
    """A copy is not taken from its original by another image that is a copy of more."""
    surest = {(0, 1): 0.99, (1, 2): 0.9, (2, 3): 0.89, (2, 4): 0.89, (3, 4): 0.89}
    assert grouped(surest, 5) == [([1, 0, 2], 0.9), ([3, 4], 0.89)]


def test_of_too_many_the_surest_stay_together() -> None:
    copies = {(0, other): 0.9 + other / 100 for other in range(1, 8)}
    assert grouped(copies, 8, most=4) == [([0, 5, 6, 7], 0.95)]


def test_nothing_is_in_two_groups_and_no_pair_is_lost_without_need() -> None:
    random = np.random.default_rng(0)
    pairs = {(min(one, two), max(one, two)): float(random.random()) for one, two in random.integers(60, size=(80, 2))}
    pairs = {pair: score for pair, score in pairs.items() if pair[0] != pair[1]}
    groups = [group for group, _ in grouped(pairs, 60)]
    together = [thing for group in groups for thing in group]
    assert len(together) == len(set(together))
    alone = set(range(60)) - set(together)
    assert not [pair for pair in pairs if set(pair) <= alone]


def test_no_pairs() -> None:
    assert grouped({}, 5) == []

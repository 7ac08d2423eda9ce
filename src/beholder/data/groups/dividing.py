"""Dividing groups among sets, so that each set has its share of the images and of every class as well as groups allow.

No exact answer is sought, which takes as long as a knapsack does: groups are dealt out, the largest first, and then
moved and exchanged as long as that makes the shares better. scikit-learn's `StratifiedGroupKFold` deals out likewise,
but into equal folds, without this second step, and looks at classes alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_TOLERATED = 0.05  # by so much a set's share of all images may differ from what was asked, before it counts heavily
_EMPTY, _LACKING, _BEYOND = 1e4, 1e2, 1e1  # what weighs more than any difference of shares
_STARTS = 24  # beginnings that are tried where the first leaves something to wish for
_VARIED = 1.1  # times a group's size: an order that is drawn, with the large ones first
_MOST_MOVES = 400
_MOST_VALUES = 40_000_000  # that are looked at for all moves of one beginning
_MOST_EXCHANGED = 300_000  # that are looked at for one exchange
_GAIN = 1e-12  # below, a share or what a move changes is rounding


def divide_groups(labels: Rows, groups: Sequence[str], *, seed: int, fractions: Mapping[str, float]) -> dict[str, Rows]:
    """Divide rows into sets; the rows of a group stay in one set.

    Every set gets a group where there are as many groups as sets. The largest set gets two rows of every class where
    that is possible. The result does not depend on the order of the rows.

    Args:
        labels: (N,) int64.
        groups: N texts.
        seed: decides among what is equally good.
        fractions: from set name to its share; they add up to 1.

    Returns:
        From set name to its rows, (n,) int64 in ascending order; disjoint, and together all N.
    """
    names, number = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)), np.int64)
    np.add.at(counts, (number, label), 1)
    homes = _best(_Division(counts, np.array(list(fractions.values()))), seed)
    return {name: np.flatnonzero(homes[number] == place).astype(np.int64) for place, name in enumerate(fractions)}


def _best(division: _Division, seed: int) -> Rows:
    """(G,) the set of each group: the best of a few beginnings, or the first that leaves nothing to wish for."""
    found: list[tuple[float, Rows]] = []
    for start in range(_STARTS):
        random = np.random.Generator(np.random.PCG64([seed % 2**64, start]))
        homes = division.drawn(random) if start % 2 else division.dealt(random)
        loss = division.improve(homes)
        found.append((loss, homes))
        if loss < _BEYOND * _TOLERATED or not division.moves:
            break
    return min(found, key=lambda one: one[0])[1]


@dataclass(frozen=True, eq=False)
class _Division:
    """What is to be divided.

    Attributes:
        counts: (G, K) int64, the rows of each class that each group has.
        fractions: (S,) the share that each set is to have.
    """

    counts: NDArray[np.int64]
    fractions: Floats

    @cached_property
    def shares(self) -> Floats:
        """(G, K + 1): of each class, and of all rows, the share that a group has."""
        counts = np.column_stack([self.counts, self.counts.sum(axis=1)]).astype(np.float64)
        return np.asarray(counts / np.maximum(counts.sum(axis=0), 1))

    @cached_property
    def weights(self) -> Floats:
        """(K + 1,): all classes together weigh as much as all rows."""
        classes = self.counts.shape[1]
        return np.append(np.full(classes, 1 / max(1, classes)), 1.0)

    @cached_property
    def needed(self) -> Floats:
        """(K,): the share of each class that the largest set cannot do without: two rows."""
        totals = self.counts.sum(axis=0)
        return np.asarray(np.minimum(2, totals) / np.maximum(totals, 1))

    @property
    def moves(self) -> int:
        """How many times all moves can be looked at in time; none is needed where groups are as many as that."""
        return min(_MOST_MOVES, _MOST_VALUES // (self.shares.size * len(self.fractions)))

    def loss(self, have: Floats, place: int | NDArray[np.int64]) -> Floats:
        """(…) how far the sets `place` are from what was asked, that `have` (…, K + 1) shares."""
        asked = self.fractions[place]
        away = have - np.expand_dims(asked, -1)
        whole = np.abs(away[..., -1])
        lost = (away**2) @ self.weights
        lost = lost + _BEYOND * np.maximum(whole - _TOLERATED, 0) + _BEYOND * _TOLERATED * (whole > _TOLERATED + 1e-9)
        lacking = (have[..., :-1] < self.needed - 1e-9).sum(axis=-1)
        largest = np.asarray(place) == int(self.fractions.argmax())
        return np.asarray(lost + _LACKING * lacking * largest + _EMPTY * (have[..., -1] < _GAIN))

    def dealt(self, random: np.random.Generator) -> Rows:
        """(G,) a set for each group: the largest first, each to the set that lacks most of what it has.

        Groups are as large as they are times a factor near 1 that is drawn, so that another beginning differs.
        """
        groups, sets = len(self.counts), len(self.fractions)
        size = self.shares[:, -1] * random.uniform(1, _VARIED, groups)
        order = np.lexsort((random.permutation(groups), -size))
        weighted = self.shares * self.weights
        lacking = np.repeat(self.fractions[:, np.newaxis], self.shares.shape[1], axis=1)
        empty = set(range(sets))
        homes = np.empty(groups, np.int64)
        for position, group in enumerate(order.tolist()):
            columns = np.flatnonzero(self.shares[group])
            wanted = lacking[:, columns] @ weighted[group, columns]
            choice = sorted(empty) if groups - position <= len(empty) else range(sets)
            home = max(choice, key=lambda place, wanted=wanted: wanted[place])
            lacking[home, columns] -= self.shares[group, columns]
            empty.discard(home)
            homes[group] = home
        return homes

    def drawn(self, random: np.random.Generator) -> Rows:
        """(G,) a set for each group by lot."""
        return random.choice(len(self.fractions), size=len(self.counts), p=self.fractions)

    def improve(self, homes: Rows) -> float:
        """Move and exchange groups as long as that makes `homes` better, in place; the loss in the end."""
        sets = len(self.fractions)
        have = np.stack([self.shares[homes == place].sum(axis=0) for place in range(sets)])
        for _ in range(self.moves):
            group, other, home, gain = min(
                (self._best_move(homes, have), self._best_exchange(homes, have)), key=lambda one: one[-1]
            )
            if gain > -_GAIN:
                break
            old = int(homes[group])
            have[old] -= self.shares[group]
            have[home] += self.shares[group]
            homes[group] = home
            if other is not None:
                have[home] -= self.shares[other]
                have[old] += self.shares[other]
                homes[other] = old
        return float(self.loss(have, np.arange(sets)).sum())

    def _best_move(self, homes: Rows, have: Floats) -> tuple[int, None, int, float]:
        """The group to move, the set to move it to, and what that changes the loss by."""
        now = self.loss(have, np.arange(len(have)))
        leaving = self.loss(have[homes] - self.shares, homes) - now[homes]
        gains = np.stack(
            [leaving + self.loss(have[place] + self.shares, place) - now[place] for place in range(len(have))], axis=1
        )
        gains[np.arange(len(homes)), homes] = 0.0
        group, home = np.unravel_index(int(gains.argmin()), gains.shape)
        return int(group), None, int(home), float(gains[group, home])

    def _best_exchange(self, homes: Rows, have: Floats) -> tuple[int, int | None, int, float]:
        """The two groups to exchange, the set that the first goes to, and what that changes the loss by."""
        none = 0, None, 0, 0.0
        if len(homes) ** 2 * self.shares.shape[1] > _MOST_EXCHANGED:
            return none
        one, other = np.nonzero(homes[:, np.newaxis] < homes)
        if not len(one):
            return none
        now = self.loss(have, np.arange(len(have)))
        change = self.shares[other] - self.shares[one]
        first, second = homes[one], homes[other]
        gains = self.loss(have[first] + change, first) + self.loss(have[second] - change, second)
        gains -= now[first] + now[second]
        best = int(gains.argmin())
        return int(one[best]), int(other[best]), int(second[best]), float(gains[best])

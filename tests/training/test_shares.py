"""A person relies on: nobody judges an image who learned from one that belongs with it, or who never saw its class."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.pool import Pool, joined, pooled_names
from beholder.data.sounds.rules import SoundRules
from beholder.errors import UsageError
from beholder.training.shares import deal, known


def pool_of(labels: NDArray[np.int64], groups: list[str] | None, sets: str = "train") -> tuple[Pool, list[int]]:
    names = [str(row) for row in range(len(labels))]
    dataset = Dataset(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, ("a", "b", "c"), names, groups)
    return pooled_names({sets: dataset}), joined({sets: dataset}, [])


def test_no_group_is_learned_from_by_what_judges_it_however_large_it_is() -> None:
    random = np.random.default_rng(0)
    for groups_there in (2, 4, 12):
        labels = random.integers(0, 3, 120)
        groups = [f"p{one}" for one in np.minimum(random.geometric(1 / groups_there, 120), groups_there)]
        pool, together = pool_of(labels, groups)
        shares = deal(pool, together, count=5, seed=1)
        assert sorted(row for one in shares for row in one.held_out.tolist()) == list(range(120))
        for share in shares:
            assert len(share.learned)
            assert not {groups[row] for row in share.held_out} & {groups[row] for row in share.learned}


def test_a_class_of_one_group_is_not_judged_and_the_others_are() -> None:
    labels = np.repeat([0, 1, 2], 20)
    groups = [f"p{row % 4}" if row < 40 else "alone" for row in range(60)]
    pool, together = pool_of(labels, groups)
    assert known(pool, deal(pool, together, count=5, seed=0)).tolist() == [True] * 40 + [False] * 20


@pytest.mark.parametrize("groups", [["one"] * 60, [f"p{row // 20}" for row in range(60)]])
def test_where_nothing_can_be_judged_it_is_one_sentence(groups: list[str]) -> None:
    pool, together = pool_of(np.repeat([0, 1, 2], 20), groups)
    with pytest.raises(UsageError, match="Judging labels takes at least two classes, each with images"):
        deal(pool, together, count=5, seed=0)


def test_all_windows_of_all_sounds_of_a_speaker_are_judged_together() -> None:
    recordings = np.repeat(np.arange(40), 3).astype(np.int64)
    rules, speakers = SoundRules(8000, 0.1), [f"s{one % 8}" for one in recordings]
    images, names = np.zeros((120, *rules.shape), np.uint8), [f"{one}.wav" for one in recordings]
    sets = {"all": Dataset(images, recordings % 3, ("a", "b", "c"), names, speakers, recordings, rules)}
    for share in deal(pooled_names(sets), joined(sets, []), count=4, seed=0):
        assert not {speakers[row] for row in share.held_out} & {speakers[row] for row in share.learned}


def test_nobody_learns_from_the_test_set() -> None:
    pool, together = pool_of(np.repeat([0, 1, 2], 20), None, "test")
    with pytest.raises(UsageError, match="or to the test set"):
        deal(pool, together, count=5, seed=0)

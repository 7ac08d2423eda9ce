"""Out-of-fold answers: nobody judges what it learned from, and equal seeds give equal answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.data.sounds.rules import SoundRules
from beholder.training.settings import choose

pytestmark = pytest.mark.usefixtures("framework")


def digits(*ranges: tuple[int, int]) -> dict[str, Dataset]:
    whole = open_source("digits").readers["all"](silent)
    return {
        set_name: whole.select(np.arange(*rows))
        for set_name, rows in zip(("train", "validation", "test"), ranges, strict=False)
    }


def plan(folds: int) -> Any:
    from beholder.training.folds import FoldPlan

    settings = choose(
        "fast",
        seed=1,
        precision="float32",
        changes={"epochs": 8, "batch_size": 25},
        options={"widths": (8, 16, 32)},
    )
    return FoldPlan(settings, folds, 1, 8.0, None)


class Spy:
    """A network that knows what it learned from, and says so in its probabilities and features."""

    def __init__(self, learned: Dataset) -> None:
        self.names = set(learned.names)

    def features(self, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return images[rows].reshape(len(rows), -1).astype(np.float32)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full((len(features), 10), len(self.names), np.float32)


def test_no_image_is_judged_by_what_learned_from_it_or_its_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.training import folds

    sets = digits((0, 200), (200, 240), (240, 280))
    groups = list(range(280))
    groups[7] = groups[100] = groups[250] = 7
    spies: list[Spy] = []

    def train(learned: Dataset, *_rest: Any) -> Spy:
        spies.append(Spy(learned))
        return spies[-1]

    judged: dict[str, Spy] = {}
    look = folds._look

    def spying_look(network: Any, answers: Any, held_out: NDArray[np.int64], learned: Any, seed: int) -> None:
        judged.update((answers.pool.dataset.names[row], network) for row in held_out.tolist())
        look(network, answers, held_out, learned, seed)

    monkeypatch.setattr(folds, "_train", train)
    monkeypatch.setattr(folds, "_look", spying_look)
    answers = folds.out_of_fold(sets, groups, plan(4))
    names = list(answers.pool.dataset.names)
    assert len(spies) == 4
    assert set(judged) == set(names)
    for row, name in enumerate(names):
        assert name not in judged[name].names
        assert {names[near] for near in answers.neighbours[row].tolist()} <= judged[name].names
    assert judged[names[7]] is judged[names[100]] is judged[names[250]]
    everyone = set().union(*(spy.names for spy in spies))
    assert everyone == set(names[:240])  # the test set teaches nobody
    assert all(len(spy.names) == pytest.approx(180, abs=15) for spy in spies)


def test_equal_seeds_give_equal_answers_that_are_mostly_right() -> None:
    from beholder.training.folds import out_of_fold

    sets = digits((0, 500))
    told: list[tuple[int, int]] = []
    first = out_of_fold(sets, None, plan(2), lambda _task, done, total: told.append((done, total)))
    again = out_of_fold(sets, None, plan(2))
    assert np.array_equal(first.probabilities, again.probabilities)
    assert np.array_equal(first.neighbours, again.neighbours)
    assert np.allclose(first.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (first.probabilities.argmax(axis=1) == sets["train"].labels).mean() > 0.6
    labels = sets["train"].labels
    assert (labels[first.neighbours[:, 0]] == labels).mean() > 0.6
    assert told[-1] == (160, 160)  # two trainings of eight epochs of ten steps
    assert told == sorted(told)


def test_a_budget_is_spread_over_the_trainings_and_too_little_is_told(tmp_path: Path) -> None:
    import time

    from beholder.errors import UsageError
    from beholder.training.folds import WIDEST, plan_folds

    sets = digits((0, 500))
    planned = plan_folds(sets, tmp_path, until=time.monotonic() + 600, seed=5)
    assert planned.settings.seed == 5
    assert tuple(planned.settings.options["widths"]) <= WIDEST
    assert planned.settings.recipe.epochs <= planned.most_epochs
    with pytest.raises(UsageError, match="budget"):
        plan_folds(sets, tmp_path, until=time.monotonic(), seed=5)


def test_sounds_are_judged_by_file_and_by_networks_that_heard_none_of_their_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from beholder.training import folds

    windows = np.tile([1, 3, 2], 14)  # of each of 42 files
    recordings = np.repeat(np.arange(len(windows)), windows).astype(np.int64)
    rules = SoundRules(8000, 0.3)
    images = np.random.default_rng(0).integers(256, size=(len(recordings), *rules.shape)).astype(np.uint8)
    names = [f"{one}.wav" for one in recordings]
    sets = {"all": Dataset(images, recordings % 2, tuple("0123456789"), names, None, recordings, rules)}
    spies: list[Spy] = []

    def spy(learned: Dataset, _held_out: Dataset, plan: Any, *_: Any) -> Spy:
        assert not plan.settings.mirrors(1)
        assert plan.settings.recipe.augmentation == "sound"
        spies.append(Spy(learned))
        return spies[-1]

    monkeypatch.setattr(folds, "_train", spy)
    answers = folds.out_of_fold(sets, None, plan(3))
    assert list(answers.pool.dataset.names) == [f"{one}.wav" for one in range(42)]
    assert answers.probabilities.shape == (42, 10)
    assert answers.mirroring is None
    counts = {len(one.names) for one in spies}
    for file, (row, neighbours) in enumerate(zip(answers.probabilities, answers.neighbours, strict=True)):
        assert row[0] in counts
        heard = next(one.names for one in spies if f"{file}.wav" not in one.names)
        assert {answers.pool.dataset.names[near] for near in neighbours} <= heard

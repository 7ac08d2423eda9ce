"""Out-of-fold answers on features that stay: nobody judges what it learned from, and the time that there is decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.data.progress import TimeIsUpError
from beholder.evaluation.doubter import Doubter
from beholder.evaluation.labels import wrong_labels

pytestmark = pytest.mark.usefixtures("framework")
CLASSES = ("ant", "bee", "cow")


def photographs(count: int, seed: int = 0) -> dict[str, Dataset]:
    """Colours by class, in three sets; the fourth image of each set has a wrong label."""
    random = np.random.default_rng(seed)
    sets = {}
    for set_name in ("train", "validation", "test"):
        labels = np.arange(count) % 3
        images = random.integers(0, 90, (count, 32, 32, 3)).astype(np.uint8)
        images[np.arange(count), :, :, labels] += 120
        labels[4] = (labels[4] + 1) % 3
        sets[set_name] = Dataset(images, labels, CLASSES, [f"{set_name} {row}" for row in range(count)])
    return sets


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Mean colours in the place of a network's features; counts how often somebody asked."""
    from beholder.training import frozen_folds

    asked = []

    def features(sets: dict[str, Dataset], *_rest: Any) -> Any:
        asked.append(1)
        means = np.concatenate([np.asarray(one.images).mean(axis=(1, 2)) for one in sets.values()]).astype(np.float32)
        return 96, np.tile((means - means.mean(axis=0)) / means.std(), 30)  # as many as let the classifier be sure

    monkeypatch.setattr(frozen_folds, "_features", features)
    return lambda: len(asked)


def test_wrong_labels_of_every_set_are_found_and_how_good_the_judge_is(colours: Callable[[], int]) -> None:
    from beholder.training.frozen_folds import frozen_out_of_fold

    sets = photographs(60)
    answers = frozen_out_of_fold(sets, None, cache=None, until=time.monotonic() + 600)
    assert colours() == 1
    names = answers.pool.dataset.names
    labels = answers.pool.dataset.labels
    told = wrong_labels(answers.pool, answers.probabilities, answers.neighbours, strict=True)
    assert {one.paths[0] for one in told} == {"train 4", "validation 4", "test 4"}
    assert (answers.probabilities.argmax(axis=1) == labels).mean() == pytest.approx(59 / 60)
    doubter = Doubter.measured(answers.judge, answers.probabilities, labels)
    assert doubter.believed
    assert "lite0 at 96 pixels, right about 98 %" in doubter.sentence
    assert not [
        row for row, near in enumerate(answers.neighbours) if any(names[one].startswith("test") for one in near)
    ]


def test_copies_are_never_judged_by_what_learned_from_one(
    colours: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from beholder.training import frozen_folds

    sets = photographs(30)
    groups = list(range(90))
    groups[7] = groups[40] = groups[70] = 7
    judge = frozen_folds._judge

    def spying(answers: Any, features: Any, held_out: Any, learned: Any, until: float) -> None:
        assert not set(held_out.tolist()) & set(learned.tolist())
        copies = {7, 40, 70}
        assert copies <= set(held_out.tolist()) or not copies & set(held_out.tolist())
        assert max(learned) < 60, "the test set is not learned from"
        judge(answers, features, held_out, learned, until)

    monkeypatch.setattr(frozen_folds, "_judge", spying)
    first = frozen_folds.frozen_out_of_fold(sets, groups, cache=None, until=time.monotonic() + 600, seed=3)
    again = frozen_folds.frozen_out_of_fold(sets, groups, cache=None, until=time.monotonic() + 600, seed=3)
    assert np.array_equal(first.probabilities, again.probabilities)


def test_the_time_decides_the_size_and_its_end_is_told() -> None:
    from beholder.training.frozen_folds import SIDES, _fitting, frozen_out_of_fold

    assert _fitting(10.0, 100.0) == SIDES[0]
    assert _fitting(10.0, 12.0) == 128
    assert _fitting(10.0, 1.0) == SIDES[-1]
    with pytest.raises(TimeIsUpError):
        frozen_out_of_fold(photographs(10), None, cache=None, until=time.monotonic())

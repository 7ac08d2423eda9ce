"""A person relies on: `--balance` makes small classes count as much as large ones, and runs stay repeatable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from beholder.cli import _run
from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.runs.events import EventLog, read_events
from beholder.runs.run_folder import create_run, read_document
from beholder.training.balance import balanced_order, class_weights
from beholder.training.settings import Balance, Settings, choose
from beholder.training.steps.batches import Batches

UNEVEN = np.array([0] * 60 + [1] * 25 + [3] * 5, np.int64)  # class 2 does not occur


def dataset() -> Dataset:
    random = np.random.default_rng(0)
    images = random.integers(256, size=(len(UNEVEN), 8, 8, 1)).astype(np.uint8)
    return Dataset(images, UNEVEN, ("a", "b", "c", "d"), [str(row) for row in range(len(UNEVEN))])


def test_weights_are_those_of_scikit_learn_and_their_mean_is_one() -> None:
    weights = class_weights(UNEVEN, 4)
    occurring = np.array([0, 1, 3])
    assert weights[occurring] == pytest.approx(compute_class_weight("balanced", classes=occurring, y=UNEVEN))
    assert weights[2] == 0
    assert weights[UNEVEN].mean() == pytest.approx(1)
    assert [weights[UNEVEN[label == UNEVEN]].sum() for label in occurring] == pytest.approx([30, 30, 30])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(0, 2**32))
def test_an_epoch_shows_each_class_equally_often_and_its_images_in_turns(labels: list[int], seed: int) -> None:
    array = np.array(labels, np.int64)
    order = balanced_order(array, np.random.default_rng(seed))
    assert len(order) == len(array)
    turns = np.bincount(array[order], minlength=6)[np.unique(array)]
    assert turns.max() - turns.min() <= 1
    for label in np.unique(array):
        shown = np.bincount(order, minlength=len(array))[array == label]
        assert shown.max() - shown.min() <= 1


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first, again, other = (Batches(dataset(), 10, seed, None, False, balanced=True) for seed in (3, 3, 4))
    assert np.array_equal(first.order(1), again.order(1))
    assert not np.array_equal(first.order(1), first.order(2))
    assert not np.array_equal(first.order(1), other.order(1))
    assert sorted(Batches(dataset(), 10, 3, None, False).order(1)) == list(range(90)), "unasked each image comes once"


def test_the_choice_is_kept_in_the_settings_and_older_settings_have_none() -> None:
    chosen = choose("linear", seed=0, precision="float32", balance="weights")
    assert Settings.from_json(chosen.to_json()) == chosen
    older = {name: value for name, value in chosen.to_json().items() if name != "balance"}
    assert Settings.from_json(older).balance == "none"
    with pytest.raises(UsageError, match="none, weights, sampling"):
        choose("linear", seed=0, precision="float32", balance="even")  # type: ignore[arg-type]  # what Python allows


@pytest.mark.usefixtures("framework")
def test_a_weighted_loss_is_the_mean_of_weighted_cross_entropies() -> None:
    from keras import ops

    from beholder.training.steps.step import smoothed_loss

    logits = np.array([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0]], np.float32)
    weights = np.array([0.5, 4.0, 1.0], np.float32)
    cross_entropies = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], [0, 1]]
    loss = float(ops.convert_to_numpy(smoothed_loss(logits, np.array([0, 1]), 3, 0.0, weights)))
    assert loss == pytest.approx((0.5 * cross_entropies[0] + 4 * cross_entropies[1]) / 2, rel=1e-5)


def fitted(folder: Path, balance: Balance, stops: tuple[int, ...] = ()) -> list[NDArray[Any]]:
    from beholder.training.fit import Fit

    run = create_run(folder)
    changes = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}
    chosen = choose("linear", seed=1, precision="float32", changes=changes, balance=balance)
    for stop in [*map(after, stops), lambda: False]:
        weights = Fit(dataset(), dataset(), chosen, run, EventLog(run.events_file), stop).run_to_end().weights
    return weights


def after(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= steps


@pytest.mark.usefixtures("framework")
def test_a_balanced_run_is_another_one_and_resumes_to_the_same_weights(tmp_path: Path) -> None:
    plain = fitted(tmp_path / "none", "none")
    balances: tuple[Balance, ...] = ("weights", "sampling")
    for balance in balances:
        whole = fitted(tmp_path / balance, balance)
        assert any(not np.array_equal(one, other) for one, other in zip(plain, whole, strict=True))
        resumed = fitted(tmp_path / f"{balance}-resumed", balance, stops=(4, 3))
        assert all(np.array_equal(one, other) for one, other in zip(whole, resumed, strict=True))


@pytest.mark.usefixtures("framework")
def test_a_small_class_is_found_more_often(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import beholder

    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], [1800, 200])
    # One brightness an image: the classes overlap, so that what is seldom is seldom answered.
    grey = random.normal(np.where(labels == 0, 110, 145), 25)[:, None, None] + random.normal(0, 5, (2000, 8, 8))
    np.savez(tmp_path / "uneven.npz", images=grey.clip(0, 255).astype(np.uint8), labels=labels)
    recalls = {}
    for balance in ("none", "weights", "sampling"):
        run = tmp_path / balance
        options = [
            "--model",
            "linear",
            "--epochs",
            "6",
            "--learning-rate",
            "0.02",
            "--out",
            str(run),
            "--progress",
            "none",
        ]
        assert _run(["train", str(tmp_path / "uneven.npz"), "--balance", balance, *options]) == 0
        figures = beholder.evaluate(run)
        recalls[balance] = figures.per_class[1].recall
        assert figures.uneven
    assert min(recalls["weights"], recalls["sampling"]) > recalls["none"] + 0.1
    capfd.readouterr()
    start = next(event for event in read_events(run / "events.jsonl") if event["event"] == "start")
    assert start["summary"]["balance"] == "sampling"
    assert read_document(run / "config.json", missing="")["settings"]["balance"] == "sampling"
    assert _run(["evaluate", str(run)]) == 0
    output = capfd.readouterr().out
    assert output.index("Balanced accuracy") < output.index("Test accuracy")
    report = (run / "report.html").read_text(encoding="utf-8")
    assert report.index("Balanced accuracy") < report.index("Test accuracy")
    again = [
        "train",
        str(tmp_path / "uneven.npz"),
        "--plan",
        str(run / "events.jsonl"),
        "--out",
        str(tmp_path / "again"),
    ]
    assert _run([*again, "--balance", "weights"]) == 2
    assert "--balance" in capfd.readouterr().err

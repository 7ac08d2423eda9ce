"""Figures of an evaluation, against values worked out by hand."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from beholder.errors import DataError
from beholder.evaluation.metrics import figures, macro_figures, mistakes, wilson_interval

# Six images in three classes. Predictions: 0 0 1 | 1 1 | 0; labels: 0 0 0 | 1 1 | 2.
LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.5, 0.25, 0.25], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.25, 0.5, 0.25], [0.9, 0.1, 0.0]],
    dtype=np.float32,
)


def test_every_figure_is_what_one_gets_by_hand() -> None:
    result = figures(PROBABILITIES, LABELS, ["a", "b", "c"])
    assert result["count"] == 6
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert result["confusion"] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    a, b, c = result["per_class"]
    assert a == {
        "class_name": "a",
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "count": 3,
    }
    assert (b["precision"], b["recall"], b["f1"]) == pytest.approx((2 / 3, 1, 0.8))
    assert (c["precision"], c["recall"], c["f1"], c["count"]) == (0, 0, 0, 1)
    true = [0.8, 0.5, 0.2, 0.8, 0.5, 1e-7]  # the last is 0, clipped
    assert result["log_loss"] == pytest.approx(-sum(map(math.log, true)) / 6, rel=1e-6)
    assert result["top5"] is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.parametrize(("correct", "count"), [(0, 10), (10, 10), (336, 360), (1, 2)])
def test_the_interval_is_wilsons(correct: int, count: int) -> None:
    z, share = 1.959963984540054, correct / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    assert wilson_interval(correct, count) == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_top5_counts_the_five_most_probable_where_there_are_more_than_ten_classes() -> None:
    probabilities = np.tile(np.linspace(0.2, 0.0, 11, dtype=np.float32), (4, 1))  # class 0 first, class 10 last
    result = figures(probabilities, np.array([0, 4, 5, 10]), [str(number) for number in range(11)])
    assert result["top5"] == 0.5


def test_classes_that_do_not_occur_neither_warn_nor_fail() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probabilities = np.eye(12, dtype=np.float32)[[3, 3, 7]]
        result = figures(probabilities, np.array([3, 3, 3]), [str(number) for number in range(12)])
    assert result["per_class"][0] == {"class_name": "0", "precision": 0, "recall": 0, "f1": 0, "count": 0}
    assert len(result["confusion"]) == 12
    assert result["confusion"][3][7] == 1


def test_one_class_alone_and_always_right_neither_warns_nor_fails() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = figures(np.eye(3, dtype=np.float32)[[1, 1]], np.array([1, 1]), ["a", "b", "c"])
    assert result["accuracy"] == 1
    assert result["confusion"] == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_mistakes_are_the_wrong_answers_the_most_confident_first() -> None:
    assert mistakes(PROBABILITIES, LABELS).tolist() == [5, 2]
    assert mistakes(PROBABILITIES, LABELS, count=1).tolist() == [5]
    assert mistakes(PROBABILITIES[:2], LABELS[:2]).tolist() == []


@given(st.integers(1, 40), st.integers(1, 13), st.integers(0, 2**32 - 1))
def test_figures_agree_with_one_another(count: int, classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), count).astype(np.float32)
    labels = random.integers(0, classes, count)
    result = figures(probabilities, labels, [str(number) for number in range(classes)])
    confusion = np.array(result["confusion"])
    assert confusion.sum() == count
    assert confusion.trace() == round(result["accuracy"] * count)
    assert confusion.sum(axis=1).tolist() == [row["count"] for row in result["per_class"]]
    low, high = result["interval"]
    assert 0 <= low <= result["accuracy"] <= high <= 1
    assert len(mistakes(probabilities, labels, count)) == count - confusion.trace()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_macro_figures_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs).T
    confusion = np.zeros((5, 5), np.int64)
    np.add.at(confusion, (labels, predictions), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn would rather not see answers of a class that does not occur
        expected = balanced_accuracy_score(labels, predictions), f1_score(labels, predictions, average="macro")
    result = macro_figures(confusion)
    assert (result["macro_recall"], result["macro_f1"]) == pytest.approx(expected)
    counts = np.bincount(labels)
    assert result["uneven"] == (counts.max() > 1.5 * counts[counts > 0].min())


def test_a_few_images_more_in_a_class_are_not_uneven_and_no_image_is_no_figure() -> None:
    assert not macro_figures([[15, 0], [0, 10]])["uneven"]
    assert macro_figures([[16, 0], [0, 10]])["uneven"]
    assert macro_figures([[16, 0], [0, 0]]) == {"macro_recall": 1.0, "macro_f1": 1.0, "uneven": False}
    for nothing in ([], [[0, 0], [0, 0]]):
        assert macro_figures(nothing) == {"macro_recall": 0.0, "macro_f1": 0.0, "uneven": False}


@pytest.mark.parametrize(
    ("probabilities", "labels", "names"),
    [
        (np.zeros((0, 3), np.float32), np.zeros(0, np.int64), ["a", "b", "c"]),
        (PROBABILITIES, LABELS[:5], ["a", "b", "c"]),
        (PROBABILITIES, LABELS, ["a", "b"]),
    ],
)
def test_shapes_that_do_not_fit_are_named(probabilities: np.ndarray, labels: np.ndarray, names: list[str]) -> None:
    with pytest.raises(DataError, match=r"Expected probabilities of shape .* Received: shape="):
        figures(probabilities, labels, names)


def test_a_diverged_model_is_told_in_a_sentence() -> None:
    with pytest.raises(DataError, match="diverged"):
        figures(np.full((2, 2), np.nan, np.float32), np.array([0, 1]), ["a", "b"])


def test_counts_are_whole_numbers_also_where_no_answer_is_right() -> None:
    wrong = np.array([[0.1, 0.9], [0.9, 0.1]], np.float32)
    rows = figures(wrong, np.array([0, 1]), ("cat", "dog"))["per_class"]
    assert [type(row["count"]) for row in rows] == [int, int]
    assert [row["count"] for row in rows] == [1, 1]

"""A person relies on: a linear classifier is a logistic regression, its strength chosen on validation, in its time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from beholder.training.linear_probe import STRENGTHS, Labelled, fit_head, fit_softmax


def clouds(classes: int, each: int, seed: int, noise: float = 1.0) -> Labelled:
    """Points around one centre a class, some of whose features are of no use."""
    random, centres = np.random.default_rng(seed), np.random.default_rng(7).normal(size=(classes, 20))
    labels = np.repeat(np.arange(classes, dtype=np.int64), each)
    useless = random.normal(size=(len(labels), 30))
    features = np.concatenate([centres[labels] + noise * random.normal(size=(len(labels), 20)), useless], axis=1)
    order = random.permutation(len(labels))
    return Labelled(features[order].astype(np.float32) * 5, labels[order])


def answers(features: NDArray[np.float32], kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.int64]:
    logits = features @ kernel + bias
    return np.asarray(logits.argmax(axis=1))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_answers_as_scikit_learns_own_does(classes: int) -> None:
    train, validation = clouds(classes, 60, 0), clouds(classes, 40, 1)
    head = fit_head(train, validation, classes)
    assert head.kernel.shape == (50, classes)
    assert head.strength in STRENGTHS
    scale = train.features.std()
    plain = LogisticRegression(C=head.strength, max_iter=5000).fit(train.features / scale, train.labels)
    same = answers(validation.features, head.kernel, head.bias) == plain.predict(validation.features / scale)
    assert same.mean() > 0.99
    right = answers(validation.features, head.kernel, head.bias) == validation.labels
    assert head.accuracy == pytest.approx(right.mean())


def test_few_noisy_images_get_a_stronger_penalty_than_many_clear_ones() -> None:
    validation = clouds(4, 100, 1, noise=3.0)
    few = fit_head(clouds(4, 5, 2, noise=3.0), validation, 4)
    many = fit_head(clouds(4, 500, 3, noise=0.5), clouds(4, 100, 1, noise=0.5), 4)
    assert few.strength < many.strength


def test_a_balanced_one_does_not_forget_a_rare_class() -> None:
    random = np.random.default_rng(0)
    train, validation = clouds(2, 400, 0, noise=4.0), clouds(2, 200, 1, noise=4.0)
    kept = (train.labels == 0) | (random.random(len(train.labels)) < 0.05)
    rare = Labelled(train.features[kept], train.labels[kept])

    def recall(*, balanced: bool) -> float:
        head = fit_head(rare, validation, 2, balanced=balanced)
        of_rare = validation.labels == 1
        return float((answers(validation.features[of_rare], head.kernel, head.bias) == 1).mean())

    assert recall(balanced=True) > recall(balanced=False) + 0.1


def test_a_class_without_an_image_to_learn_from_is_hardly_ever_the_answer() -> None:
    train, validation = clouds(3, 50, 0), clouds(3, 50, 1)
    head = fit_head(Labelled(train.features, train.labels), validation, 4)
    assert not (answers(validation.features, head.kernel, head.bias) == 3).any()


@pytest.mark.parametrize("penalty", [0.37, 0.01])
def test_weights_are_those_of_another_implementation(penalty: float) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 12)).astype(np.float32)
    labels = (features[:, :4] + random.normal(size=(300, 4))).argmax(axis=1)
    kernel, bias = fit_softmax(Labelled(features, labels), 4, penalty)
    reference = LogisticRegression(C=1 / (penalty * 300), tol=1e-8, max_iter=1000).fit(features, labels)
    assert np.abs(kernel.T - reference.coef_).max() < 0.01
    assert (answers(features, kernel, bias) == reference.predict(features)).mean() > 0.98


def test_it_gives_what_it_has_when_its_time_is_over() -> None:
    train = Labelled(np.eye(6, dtype=np.float32), np.arange(6))
    kernel, bias = fit_softmax(train, 6, 0.37, until=time.monotonic())
    assert np.isfinite(kernel).all()
    assert bias.shape == (6,)


def test_a_class_between_others_that_has_no_images_is_hardly_ever_the_answer() -> None:
    features = np.repeat(np.eye(2, dtype=np.float32), 30, axis=0)
    kernel, bias = fit_softmax(Labelled(features, np.repeat([0, 2], 30)), 3, 0.37)
    assert 1 not in answers(features, kernel, bias)


def test_small_classes_count_as_much_as_large_ones_as_in_scikit_learn() -> None:
    train, validation = clouds(3, 60, 0, noise=3.0), clouds(3, 60, 1, noise=3.0)
    kept = (train.labels > 0) | (np.arange(len(train.labels)) % 6 == 0)
    rare = Labelled(train.features[kept], train.labels[kept])
    head = fit_head(rare, validation, 3, balanced=True)
    scale = rare.features.std()
    plain = LogisticRegression(C=head.strength, max_iter=5000, class_weight="balanced")
    plain.fit(rare.features / scale, rare.labels)
    same = answers(validation.features, head.kernel, head.bias) == plain.predict(validation.features / scale)
    assert same.mean() > 0.98

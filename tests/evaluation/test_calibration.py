"""A person relies on: answers of 80 % are right eight times in ten, or by how much they are not."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.evaluation.calibration import expected_calibration_error, fit_temperature, reliability, softmax


def drawn(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits (count, 5) that are `temperature` times what would be true, and labels drawn from what is true."""
    random = np.random.default_rng(seed)
    true = random.normal(0, 2, (count, 5))
    odds = np.exp(true)
    odds /= odds.sum(axis=1, keepdims=True)
    labels = (odds.cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return (true * temperature).astype(np.float32), np.minimum(labels, 4).astype(np.int64)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_it_finds_the_temperature_that_logits_were_multiplied_by(temperature: float) -> None:
    logits, labels = drawn(20_000, temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.04)


def test_it_agrees_with_the_likelihood_of_all_classes_where_that_is_true_too() -> None:
    """The usual loss, over every class and on a grid, has its minimum at nearly the same temperature."""
    logits, labels = drawn(20_000, 1.7, seed=1)
    grid = np.linspace(1, 3, 201)
    losses = [-np.log(softmax(logits, t)[np.arange(len(labels)), labels]).mean() for t in grid]
    assert fit_temperature(logits, labels) == pytest.approx(grid[np.argmin(losses)], rel=0.03)


def test_it_makes_answers_honest_that_were_too_sure() -> None:
    logits, labels = drawn(20_000, 3.0, seed=2)
    fitted = fit_temperature(logits, labels)
    others, other_labels = drawn(20_000, 3.0, seed=3)
    errors = []
    for temperature in (1.0, fitted):
        probabilities = softmax(others, temperature)
        errors.append(
            expected_calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == other_labels)
        )
    assert errors[0] > 0.05
    assert errors[1] < 0.015


def test_a_network_that_was_never_wrong_is_not_called_infinitely_sure() -> None:
    logits = np.eye(3, dtype=np.float32)[np.arange(100) % 3] * 4
    temperature = fit_temperature(logits, np.arange(100) % 3)
    assert 0.1 <= temperature < 4
    assert softmax(logits, temperature).max() < 0.9999


@pytest.mark.parametrize(
    "logits",
    [np.zeros((19, 3), np.float32), np.zeros((50, 1), np.float32), np.full((50, 3), np.nan, np.float32)],
    ids=["few", "one class", "diverged"],
)
def test_it_leaves_alone_what_cannot_be_fitted(logits: np.ndarray) -> None:
    assert fit_temperature(logits, np.zeros(len(logits), np.int64)) == 1.0


def test_the_error_is_that_of_the_definition() -> None:
    random = np.random.default_rng(4)
    confidences = random.random(500).astype(np.float32)
    confidences[:4] = [0, 1, 1 / 15, 14 / 15]
    correct = random.random(500) < confidences**2
    error = 0.0
    for place in range(15):
        chosen = (confidences > np.float32(place / 15)) & (confidences <= np.float32((place + 1) / 15))
        if place == 0:
            chosen |= confidences == 0
        if chosen.any():
            error += chosen.mean() * abs(confidences[chosen].mean() - correct[chosen].mean())
    assert expected_calibration_error(confidences, correct) == pytest.approx(error, abs=0.003)  # edges round
    bins = reliability(confidences, correct)
    assert sum(one["count"] for one in bins) == 500
    assert [one["low"] for one in bins[1:]] == [one["high"] for one in bins[:-1]]
    assert expected_calibration_error(np.ones(4, np.float32), np.array([True, True, True, False])) == 0.25
    assert expected_calibration_error(np.zeros(0, np.float32), np.zeros(0, np.bool_)) == 0


def test_softmax_divides_before_it_normalises() -> None:
    logits = np.array([[1000.0, 998.0], [0.0, 0.0]], np.float32)
    expected = 1 / (1 + np.exp(-1))
    assert softmax(logits, 2.0) == pytest.approx(np.array([[expected, 1 - expected], [0.5, 0.5]]))

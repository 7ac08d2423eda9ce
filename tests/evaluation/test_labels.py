"""Wrong labels and inseparable classes, found from probabilities whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.pool import Pool
from beholder.evaluation.labels import inseparable, wrong_labels

NAMES = ("ant", "bee", "cow", "dog")


def pool(labels: NDArray[np.int64]) -> Pool:
    images = np.zeros((len(labels), 1, 1, 1), np.uint8)
    dataset = Dataset(images, labels, NAMES, [f"{row}.png" for row in range(len(labels))])
    return Pool(dataset, np.array(["train"] * (len(labels) - 10) + ["test"] * 10))


def answers(truth: NDArray[np.int64], sharpness: float, seed: int = 0) -> NDArray[np.float32]:
    """Probabilities of a network that is right more often the sharper it is."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(truth), len(NAMES)))
    logits[np.arange(len(truth)), truth] += sharpness
    powers = np.exp(logits)
    probabilities: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def test_flipped_labels_are_found_and_the_right_ones_suggested() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(len(NAMES), size=2000)
    flipped = random.permutation(2000)[:100]
    labels = truth.copy()
    labels[flipped] = (labels[flipped] + random.integers(1, len(NAMES), 100)) % len(NAMES)
    neighbours = np.tile(np.arange(8), (2000, 1))
    findings = wrong_labels(pool(labels), answers(truth, 4.0), neighbours)
    rows = [int(one.paths[0].removesuffix(".png")) for one in findings]
    hits = np.isin(rows, flipped)
    assert hits.sum() >= 70
    assert hits.mean() >= 0.6
    assert [one.score for one in findings] == sorted((one.score for one in findings), reverse=True)
    for row, one in zip(np.array(rows)[hits][:20], np.array(findings, object)[hits][:20], strict=True):
        assert one.labels == (NAMES[labels[row]],)
        assert one.suggestion != one.labels[0]
        assert one.neighbours == tuple(f"{near}.png" for near in range(5))
    suggested = [one.suggestion == NAMES[truth[row]] for row, one in zip(rows, findings, strict=True)]
    assert np.mean(np.array(suggested)[hits]) > 0.9


def test_the_set_of_an_image_is_told() -> None:
    labels = np.arange(400) % 4
    probabilities = answers(labels, 6.0)
    probabilities[-1] = (0.997, 0.001, 0.001, 0.001)  # its label is 3
    [finding] = [
        one for one in wrong_labels(pool(labels), probabilities, np.zeros((400, 1), np.int64)) if one.sets == ("test",)
    ]
    assert (finding.paths, finding.labels, finding.suggestion) == (("399.png",), ("dog",), "ant")


def test_a_class_without_images_does_no_harm() -> None:
    labels = np.arange(300) % 3
    probabilities = answers(labels, 4.0)
    neighbours = np.zeros((300, 1), np.int64)
    assert all(one.suggestion in NAMES for one in wrong_labels(pool(labels), probabilities, neighbours))
    assert inseparable(pool(labels), probabilities) == []


def test_two_names_of_one_class_are_told_and_no_other_pair() -> None:
    truth = np.arange(800) % 4
    merged = np.where(truth == 2, 1, truth)  # bee and cow look the same
    probabilities = answers(merged, 5.0)
    shared = (probabilities[:, 1] + probabilities[:, 2]) / 2
    noise = np.random.default_rng(3).uniform(0.9, 1.1, 800).astype(np.float32)
    probabilities[:, 1], probabilities[:, 2] = shared * noise, shared * (2 - noise)
    [finding] = inseparable(pool(truth), probabilities)
    assert finding.suggestion == "bee, cow"
    assert finding.score == pytest.approx(1.0, abs=0.15)
    assert "bee" in finding.sentence


def test_a_handful_of_images_proves_nothing() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1])
    probabilities = np.full((6, 4), 0.25, np.float32)
    probabilities[:, 0] = 0.26
    dataset = Dataset(np.zeros((6, 1, 1, 1), np.uint8), labels, NAMES, list("abcdef"))
    assert inseparable(Pool(dataset, np.array(["all"] * 6)), probabilities) == []

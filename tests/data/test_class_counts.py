"""Classes with few images, and uneven ones."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.data.checks.whole_set import count_findings
from beholder.data.dataset import Dataset


def dataset(*counts: int) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = [str(row) for row in range(len(labels))]
    return Dataset(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, tuple("abcdef"[: len(counts)]), names)


def test_even_classes_of_many_images_are_fine() -> None:
    assert count_findings({"train": dataset(60, 61, 80)}) == []


def test_a_class_with_few_images_is_told_and_how_few() -> None:
    [finding] = count_findings({"train": dataset(40, 60), "test": dataset(10, 10)})
    assert (finding.kind, finding.suggestion, finding.paths) == ("few_images", "a", ())
    assert "40 images" in finding.sentence
    assert finding.score == pytest.approx(0.2)


def test_an_uneven_class_is_told_and_the_worst_comes_first() -> None:
    findings = count_findings({"train": dataset(1000, 200, 100)})
    assert [(one.kind, one.suggestion) for one in findings] == [("imbalance", "c"), ("imbalance", "b")]
    assert findings[0].score > findings[1].score


def test_images_of_the_test_set_cannot_be_learned_from() -> None:
    kinds = {one.kind for one in count_findings({"train": dataset(49, 60), "test": dataset(900, 10)})}
    assert kinds == {"few_images"}
    assert count_findings({"test": dataset(60, 60)}) == []

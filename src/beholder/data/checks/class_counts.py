"""Classes with too few images, or with far fewer than others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from beholder.data.checks.findings import Finding
from beholder.data.dataset import Dataset

_FEW_IMAGES = 50  # to learn a class from; below, a handful of images decides what the network makes of it
_UNEVEN = 0.5  # of the images that a class would have if all had as many


def count_findings(sets: Mapping[str, Dataset]) -> list[Finding]:
    """Findings `few_images` and `imbalance`, one a class, about what there is to learn from; worst first.

    A class is uneven where it has less than half of the images that it would have if all had as many. Its score says
    how many are missing: 0.9 where nine in ten are. The test set does not count where there are others.
    """
    learned = [dataset for set_name, dataset in sets.items() if set_name != "test"] or list(sets.values())
    names = learned[0].class_names
    counts = sum((np.bincount(dataset.labels, minlength=len(names)) for dataset in learned), np.zeros(len(names), int))
    even = counts.sum() / len(names)
    findings = []
    for name, count in sorted(zip(names, counts.tolist(), strict=True), key=lambda pair: pair[1]):
        images = f"{name!r} has {count:,} image{'s' * (count != 1)}"
        if count < _FEW_IMAGES:
            sentence = f"{images} to learn from; bring {_FEW_IMAGES} or more."
            findings.append(Finding("few_images", (), (), 1 - count / _FEW_IMAGES, suggestion=name, sentence=sentence))
        if count < _UNEVEN * even:
            sentence = f"{images}, and a class has {even:,.0f} on average; networks will prefer the others."
            findings.append(Finding("imbalance", (), (), 1 - count / even, suggestion=name, sentence=sentence))
    return findings

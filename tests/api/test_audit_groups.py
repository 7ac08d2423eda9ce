"""A person relies on: groups that they gave an audit are kept apart where labels are judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.api import label_judges
from beholder.api.audit import audit
from beholder.api.audit_result import AuditResult
from beholder.data.dataset import Dataset

pytestmark = pytest.mark.usefixtures("framework")
PATIENTS, EACH = 15, 14


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Audits a data set by the features (N, F) that are given with it, as if they were those of a network."""
    from beholder.training import frozen_folds

    def made(dataset: Dataset, features: np.ndarray, **options: Any) -> AuditResult:
        monkeypatch.setattr(label_judges, "suits", lambda *_: True)
        monkeypatch.setattr(label_judges, "_learned_there", lambda _: True)
        nothing = np.zeros(len(dataset), np.float32), np.zeros((len(dataset), 2), np.float32)
        monkeypatch.setattr(label_judges, "_reconstruct", lambda *_: nothing)
        monkeypatch.setattr(frozen_folds, "_features", lambda *_: (96, features))
        out = tmp_path / f"audit {len(list(tmp_path.iterdir()))}"
        return audit(dataset, out=out, cache=tmp_path / "cache", **options)

    return made


def patients() -> tuple[Dataset, np.ndarray]:
    """Images of patients, each of one class and easily known again; all labels of the fourth patient are wrong."""
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(PATIENTS), EACH)
    truth, labels = patient % 3, patient % 3
    labels = np.where(patient == 3, 1, labels)
    features = np.concatenate([3 * np.eye(3)[truth], 3 * np.eye(PATIENTS)[patient]], axis=1)
    features = np.tile(features, 10) + random.normal(0, 0.1, (len(patient), 10 * (3 + PATIENTS)))
    images = random.integers(256, size=(len(patient), 16, 16, 3)).astype(np.uint8)
    names = [f"p{one}/{row}.png" for row, one in enumerate(patient)]
    dataset = Dataset(images, labels, ("cat", "dog", "owl"), names, [f"p{one}" for one in patient])
    return dataset, (features / features.std()).astype(np.float32)


def doubted(result: AuditResult) -> set[str]:
    return {one.paths[0] for one in result.findings if one.kind == "wrong_label"}


def test_a_patient_whose_labels_are_all_wrong_is_not_confirmed_by_its_own_images(judged: Any) -> None:
    dataset, features = patients()
    result = judged(dataset, features)
    assert doubted(result) == {name for name in dataset.names if name.startswith("p3/")}
    assert "right about 93 %" in " ".join(result.notes), "of 15 patients one is labelled otherwise"
    assert not doubted(judged(replace(dataset, groups=None), features)), "each image is known by its patient"


def test_a_class_of_one_patient_is_not_doubted_but_named(judged: Any) -> None:
    dataset, features = patients()
    labels = np.where(np.char.startswith(np.array(dataset.names), "p3/"), 3, dataset.labels)
    dataset = replace(dataset, labels=labels, class_names=(*dataset.class_names, "emu"))
    result = judged(dataset, features)
    assert not doubted(result)
    assert not [one for one in result.findings if one.kind == "outlier" and one.paths[0].startswith("p3/")]
    assert any(note.startswith("The labels of 14 images of 'emu' were not judged: ") for note in result.notes)


def test_images_of_one_group_are_not_judged_and_it_is_said_why(judged: Any) -> None:
    dataset, features = patients()
    result = judged(replace(dataset, groups=["one"] * len(dataset)), features)
    assert not doubted(result)
    assert "were not looked for: Judging labels takes at least two classes, each with images" in " ".join(result.notes)


@pytest.mark.parametrize("mirror", [None, True, False])
def test_what_was_said_of_mirroring_is_not_asked_for_again(judged: Any, mirror: bool | None) -> None:
    labels = np.arange(200) % 5
    images = np.random.default_rng(0).integers(256, size=(200, 16, 16, 3)).astype(np.uint8)
    dataset = Dataset(images, labels, tuple("abcde"), [str(row) for row in range(200)])
    pure = np.tile(np.eye(5)[np.minimum(labels, 3)], 30).astype(np.float32)  # d and e look the same
    result = judged(dataset, pure, mirror=mirror)
    said = [note for note in result.notes if "mirror did not change who judged the labels" in note]
    assert [note.partition(" ")[0] for note in said] == {None: [], True: ["--mirror"], False: ["--no-mirror"]}[mirror]
    [alike] = [one for one in result.findings if one.kind == "inseparable"]
    assert ("if these classes mirror each other, train with --no-mirror" in alike.sentence) == (mirror is not True)

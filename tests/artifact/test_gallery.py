"""A person relies on: what a run keeps for its page is bounded, of its own model, and never trusted where damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beholder.artifact.graph import Graph
from beholder.artifact.kept_images import most_images, thumbnails
from beholder.artifact.neighbours import Neighbours, open_neighbours, unit_rows, write_neighbours
from beholder.artifact.validation_answers import open_validation, write_validation
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.errors import ArtifactError

RANDOM = np.random.default_rng(0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "SHA256SUMS").write_text("as good as a model\n")
    return tmp_path


def images(count: int, side: int = 4, channels: int = 3, classes: int = 2) -> Dataset:
    pixels = RANDOM.integers(256, size=(count, side, side, channels)).astype(np.uint8)
    names = [f"caf\u00e9/\udcff{number}.png" for number in range(count)]
    return Dataset(pixels, np.arange(count, dtype=np.int64) % classes, tuple("abcdef"[:classes]), names)


def features(count: int, length: int = 5) -> NDArray[np.float32]:
    return RANDOM.standard_normal((count, length)).astype(np.float32)


def test_the_nearest_are_those_of_the_smallest_angle_and_come_as_the_network_gets_them(run: Path) -> None:
    train, seen = images(40), features(40)
    write_neighbours(run, train, seen)
    kept = open_neighbours(run)
    assert kept is not None
    query = features(1)[0]
    angles = [np.arccos(np.dot(query, row) / np.linalg.norm(query) / np.linalg.norm(row)) for row in seen]
    expected = np.argsort(angles)[:8]
    found = kept.nearest(query)
    assert [neighbour.path for neighbour in found] == [train.names[row] for row in expected]
    assert [neighbour.label for neighbour in found] == [train.class_names[train.labels[row]] for row in expected]
    for neighbour, row in zip(found, expected, strict=True):
        assert neighbour.distance == pytest.approx(1 - np.cos(angles[row]), abs=2e-3)
        assert np.array_equal(neighbour.thumbnail, train.images[row])
    assert kept.nearest(seen[3] * 7, count=1)[0].path == train.names[3]
    assert len(kept.nearest(query, count=100)) == 40


def test_a_label_that_its_neighbourhood_contradicts_is_doubtful() -> None:
    centres = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    labels = np.arange(60) % 2
    seen = unit_rows(centres[labels] + 0.1 * features(60, 3))
    given = labels.copy()
    given[7] = 1 - given[7]
    names = [str(number) for number in range(60)]
    kept = Neighbours(names, given.astype(np.int64), ["a", "b"], seen, np.zeros((60, 2, 2, 1), np.uint8))
    [doubt] = kept.doubtful()
    assert (doubt.path, doubt.label, doubt.suggestion) == ("7", "ab"[given[7]], "ab"[labels[7]])
    assert doubt.share == pytest.approx(1)
    assert doubt.thumbnail.shape == (2, 2, 3)


def test_a_network_that_sees_nothing_or_no_numbers_has_neighbours_all_the_same(run: Path) -> None:
    seen = features(4)
    seen[1], seen[2, 0] = 0, np.nan
    write_neighbours(run, images(4), seen)
    kept = open_neighbours(run)
    assert kept is not None
    assert len(kept.nearest(np.full(5, np.inf, np.float32))) == 4
    write_neighbours(run, images(1), features(1))
    kept = open_neighbours(run)
    assert kept is not None
    assert kept.doubtful() == []


def test_every_answer_to_the_validation_set_is_kept_mistakes_with_their_images(run: Path) -> None:
    dataset = images(30, channels=1, classes=3)
    probabilities = RANDOM.dirichlet([1, 1, 1], 30).astype(np.float32)
    write_validation(run, dataset, probabilities)
    kept = open_validation(run)
    assert kept is not None
    assert kept.names == list(dataset.names)
    assert kept.class_names == ["a", "b", "c"]
    answers = [int(np.argmax(row)) for row in probabilities]
    confusion = kept.confusion()
    assert confusion.sum() == len(kept) == 30
    for label in range(3):
        for answer in range(3):
            rows = [row for row in range(30) if dataset.labels[row] == label and answers[row] == answer]
            assert sorted(kept.cell(label, answer)) == rows
            assert confusion[label, answer] == len(rows)
    wrong = kept.mistakes()
    assert sorted(wrong) == [row for row in range(30) if answers[row] != dataset.labels[row]]
    assert list(kept.probabilities[wrong]) == sorted(probabilities.max(axis=1)[wrong], reverse=True)
    assert np.array_equal(kept.label_probabilities, [probabilities[row, dataset.labels[row]] for row in range(30)])
    shown = kept.thumbnail(5)
    assert shown is not None
    assert np.array_equal(shown, np.repeat(dataset.images[5], 3, axis=2))


def test_of_too_many_validation_images_the_mistakes_are_shown_first(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beholder.artifact.kept_images._MOST_IMAGES", 6)
    dataset = images(50)
    probabilities = np.eye(2, dtype=np.float32)[dataset.labels]
    probabilities[[10, 20, 31]] = probabilities[[11, 21, 30]]
    write_validation(run, dataset, probabilities)
    kept = open_validation(run)
    assert kept is not None
    assert len(kept.shown) == len(kept.thumbnails) == 6
    assert {10, 20, 31} <= set(kept.shown)
    assert sorted(dataset.labels[sorted(set(kept.shown) - {10, 20, 31})]) in ([0, 0, 1], [0, 1, 1])
    hidden = next(row for row in range(50) if row not in kept.shown)
    assert kept.thumbnail(hidden) is None
    for row, place in kept.shown.items():
        assert np.array_equal(kept.thumbnails[place], dataset.images[row])


@pytest.mark.parametrize(("height", "width", "expected"), [(200, 100, (64, 32)), (65, 65, (64, 64)), (9, 640, (1, 64))])
def test_large_images_become_small_ones_of_the_same_proportions(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    image = RANDOM.integers(256, size=(1, height, width, 3)).astype(np.uint8)
    small = thumbnails(image)
    assert small.shape == (1, *expected, 3)
    assert small.mean() == pytest.approx(image.mean(), abs=2)
    assert np.array_equal(small[0], np.asarray(Image.fromarray(image[0]).resize(expected[::-1], Image.Resampling.BOX)))


def test_what_is_kept_is_bounded_in_number_and_bytes() -> None:
    assert most_images((32, 32, 3)) == 5000
    assert most_images((8, 8, 1), more_bytes=100) == 5000
    assert most_images((512, 512, 3)) * 64 * 64 * 3 <= 20_000_000
    assert most_images((512, 512, 3), more_bytes=4096) * (64 * 64 * 3 + 4096) <= 20_000_000
    assert most_images((512, 512, 3)) > 1000


def test_none_are_there_where_none_were_kept(tmp_path: Path) -> None:
    assert open_neighbours(tmp_path) is None
    assert open_validation(tmp_path) is None


@pytest.mark.parametrize("name", ["neighbours.npz", "validation.npz"])
def test_damage_is_one_sentence(run: Path, name: str) -> None:
    dataset = images(20)
    write_neighbours(run, dataset, features(20))
    write_validation(run, dataset, np.eye(2, dtype=np.float32)[dataset.labels])
    whole = (run / name).read_bytes()
    read = open_neighbours if name.startswith("neighbours") else open_validation
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    with np.load(run / name) as stored:
        arrays = dict(stored)
    for content in (b"", b"junk", whole[:-30], bytes(flipped)):
        (run / name).write_bytes(content)
        with pytest.raises(ArtifactError, match=rf"{name}' is damaged; .*\.$"):
            read(run)
    for lacking in arrays:
        np.savez(run / name, **{key: value for key, value in arrays.items() if key != lacking})
        with pytest.raises(ArtifactError, match="is damaged"):
            read(run)
    for key in ("labels", "thumbnails"):
        for other in (arrays[key][:5], arrays[key].astype(np.float64), arrays[key][..., np.newaxis]):
            np.savez(run / name, **{**arrays, key: other})
            with pytest.raises(ArtifactError, match="is damaged"):
                read(run)
    np.savez(run / name, **{**arrays, "labels": arrays["labels"] + 9})
    with pytest.raises(ArtifactError, match="is damaged"):
        read(run)


@pytest.mark.parametrize("name", ["neighbours.npz", "validation.npz"])
def test_those_of_another_model_are_refused(run: Path, name: str) -> None:
    dataset = images(20)
    write_neighbours(run, dataset, features(20))
    write_validation(run, dataset, np.eye(2, dtype=np.float32)[dataset.labels])
    (run / "model" / "SHA256SUMS").write_text("a newer model\n")
    read = open_neighbours if name.startswith("neighbours") else open_validation
    with pytest.raises(ArtifactError, match="a different model"):
        read(run)


def test_a_trained_run_keeps_both_and_they_are_of_the_graph_that_answers(digits_run: Path, tmp_path: Path) -> None:
    sets = Split(open_source("digits"), seed=0)
    train, validation = sets.train(), sets.validation()
    graph = Graph(digits_run / "model" / "model.onnx")
    kept, judged = open_neighbours(digits_run), open_validation(digits_run)
    assert kept is not None
    assert judged is not None
    assert sorted(kept.names) == sorted(train.names), "so few that all of them are kept"
    row = list(train.names).index(kept.names[100])
    [nearest] = kept.nearest(graph(train.images[row : row + 1]).features[0], count=1)
    assert nearest.path == train.names[row]
    assert nearest.distance == pytest.approx(0, abs=1e-3)
    answers = graph(validation.images[:]).probabilities
    assert judged.names == list(validation.names)
    assert np.array_equal(judged.answers, answers.argmax(axis=1))
    assert judged.probabilities == pytest.approx(answers.max(axis=1), abs=1e-5)
    shutil.copytree(digits_run / "model", tmp_path / "model")
    assert open_neighbours(tmp_path) is None, "a model folder alone has none"

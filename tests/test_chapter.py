"""A newcomer relies on: the chapter's notebook runs from its first cell to its last, with a figure for each step."""

from __future__ import annotations

import json
import pickle
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.signal import correlate2d

CHAPTER = Path(__file__).resolve().parents[1] / "examples" / "chapter.py"


def write_archive(folder: Path) -> None:
    """CIFAR-10, python version: five batches of 60 images and 50 to test, a colour of its own for each class."""
    folder.mkdir()
    random = np.random.default_rng(0)
    colours = random.integers(0, 200, (10, 3))
    for name, count in (*((f"data_batch_{number}", 60) for number in range(1, 6)), ("test_batch", 50)):
        labels = random.permutation(count) % 10
        images = colours[labels][:, :, np.newaxis] + random.integers(0, 56, (count, 3, 1024))
        batch = {b"data": images.reshape(count, 3072).astype(np.uint8), b"labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    names = [f"class {number}" for number in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, protocol=2))


@pytest.fixture(scope="module")
def chapter(tmp_path_factory: pytest.TempPathFactory, framework: None) -> tuple[dict[str, Any], Path]:
    """What the notebook's variables are at its end, and the folder of its figures."""
    folder = tmp_path_factory.mktemp("chapter")
    write_archive(folder / "archive")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAPTER_ARCHIVE", str(folder / "archive"))
        patch.setenv("CHAPTER_OUT", str(folder / "out"))
        patch.setenv("CHAPTER_IMAGES", "200")
        patch.setenv("CHAPTER_EPOCHS", "2")
        return runpy.run_path(str(CHAPTER)), folder / "out"


@pytest.mark.slow
def test_every_step_has_its_figure(chapter: tuple[dict[str, Any], Path]) -> None:
    _, out = chapter
    names = "raw cleaned by_hand windows convolution relu pooling overfitting compared"
    for path in [*(out / f"{name}.png" for name in names.split()), out / "explanation" / "where.png"]:
        with Image.open(path) as figure:
            figure.load()
            assert min(figure.size) > 100, path


@pytest.mark.slow
def test_what_is_read_is_the_training_set(chapter: tuple[dict[str, Any], Path]) -> None:
    variables, _ = chapter
    assert variables["data"].shape == (300, 576)
    assert variables["labels"].shape == (300,)
    assert variables["names"] == [f"class {number}" for number in range(10)]


@pytest.mark.slow
def test_the_convolution_by_hand_is_that_of_scipy(chapter: tuple[dict[str, Any], Path]) -> None:
    variables, _ = chapter
    expected = correlate2d(variables["image"], variables["windows"][0, :, :, 0], mode="valid")
    np.testing.assert_allclose(variables["by_hand"], expected, atol=1e-4)
    np.testing.assert_allclose(variables["convolved"][2:22, 2:22, 0], expected, atol=1e-4)


@pytest.mark.slow
def test_pooling_keeps_the_largest_of_four(chapter: tuple[dict[str, Any], Path]) -> None:
    variables, _ = chapter
    rectified, pooled = variables["rectified"], variables["pooled"]
    assert pooled.shape == (12, 12, 32)
    for row, column in ((0, 0), (5, 7), (11, 11)):
        square = rectified[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(pooled[row, column], square.max(axis=(0, 1)))


@pytest.mark.slow
def test_the_networks_were_compared_on_the_chosen_images(chapter: tuple[dict[str, Any], Path]) -> None:
    variables, out = chapter
    document = json.loads((out / "compared" / "comparison.json").read_bytes())
    assert {row["model"]: row["parameters"] for row in document["models"]} == {"dense": 3_157_002, "book": 2_474_698}
    assert {row["images"] for row in document["models"]} == {200}
    assert variables["figures"].count == 50


@pytest.mark.parametrize(
    ("archive", "sentence"),
    [("nothing", "There is no data_batch_1 in 'nothing'"), ("archive", "'out' is there already")],
)
def test_what_is_missing_or_in_the_way_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_archive(tmp_path / "archive")
    Path("out").mkdir()
    monkeypatch.setenv("CHAPTER_ARCHIVE", archive)
    monkeypatch.setenv("CHAPTER_OUT", "out")
    with pytest.raises(SystemExit, match=sentence):
        runpy.run_path(str(CHAPTER))

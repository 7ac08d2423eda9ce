"""Copies of an image are found, whatever was done to them, each group once; and images that are alike are none."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_info, threadpool_limits

from beholder.data.copies import alignment
from beholder.data.copies.duplicates import copy_groups, exact_duplicates, near_duplicates
from beholder.data.copies.pairs import QUICK
from beholder.data.dataset import Dataset

Pixels = NDArray[np.uint8]


def scenes(count: int, side: int = 32, seed: int = 0) -> Pixels:
    """Images with large shapes and fine texture, as photographs have: noise with a spectrum that falls as 1 / f."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, np.newaxis], np.fft.rfftfreq(side))
    frequency[0, 0] = 1
    noise = np.fft.rfft2(random.normal(size=(count, 3, side, side))) / frequency
    plain = np.fft.irfft2(noise, s=(side, side))
    plain /= plain.std(axis=(2, 3), keepdims=True)
    return np.clip(128 + 45 * plain, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def dataset(images: Pixels, name: str = "image", label: int = 0) -> Dataset:
    labels = np.full(len(images), label, np.int64)
    return Dataset(images, labels, ("one", "other"), [f"{name} {row}" for row in range(len(images))])


def loaded(image: Pixels) -> Image.Image:
    return Image.fromarray(image)


def as_jpeg(image: Pixels) -> Pixels:
    stream = io.BytesIO()
    loaded(image).save(stream, "JPEG", quality=50)
    return np.asarray(Image.open(stream).convert("RGB"))


def resized(image: Pixels) -> Pixels:
    half = loaded(image).resize((image.shape[1] * 2 // 3, image.shape[0] * 2 // 3), Image.Resampling.BICUBIC)
    return np.asarray(half.resize((image.shape[1], image.shape[0]), Image.Resampling.BILINEAR))


def mirrored(image: Pixels) -> Pixels:
    return np.ascontiguousarray(image[:, ::-1])


def shifted(image: Pixels) -> Pixels:
    return np.pad(image, ((3, 0), (0, 2), (0, 0)), "edge")[:-3, 2:]


def cut(image: Pixels) -> Pixels:
    size = image.shape[1], image.shape[0]
    return np.asarray(loaded(image).crop((3, 1, size[0] - 2, size[1])).resize(size, Image.Resampling.BILINEAR))


def darker(image: Pixels) -> Pixels:
    return np.asarray(ImageEnhance.Brightness(loaded(image)).enhance(0.75))


def of_more_contrast(image: Pixels) -> Pixels:
    return np.asarray(ImageEnhance.Contrast(loaded(image)).enhance(1.3))


CHANGES = [as_jpeg, resized, mirrored, shifted, cut, darker, of_more_contrast]


def test_equal_images_are_one_group_and_those_across_sets_come_first() -> None:
    images = scenes(8)
    train = dataset(images[[0, 1, 2, 2, 2, 3]], "train")
    test = dataset(images[[4, 0, 5]], "test", label=1)
    across, within = exact_duplicates({"train": train, "test": test})
    assert (across.kind, across.paths, across.sets) == ("exact_duplicate", ("train 0", "test 1"), ("train", "test"))
    assert across.labels == ("one", "other")
    assert across.sentence == "2 equal images, in train and test, labelled one and other."
    assert within.paths == ("train 2", "train 3", "train 4")
    assert within.score == 1


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_in_another_set_is_found_and_nothing_else(change: Callable[[Pixels], Pixels]) -> None:
    images = scenes(60)
    copies = np.stack([change(image) for image in images[:20]])
    sets = {"train": dataset(images, "train"), "test": dataset(np.concatenate([copies, scenes(20, seed=1)]), "test")}
    found = near_duplicates(sets)
    assert {one.paths for one in found} == {(f"train {row}", f"test {row}") for row in range(20)}
    assert {one.kind for one in found} == {"near_duplicate"}
    assert all(0.86 <= one.score <= 1 for one in found)


def test_all_copies_of_one_image_are_one_group_that_lists_each_once() -> None:
    images = scenes(30)
    family = np.stack([images[0], images[0], *(change(images[0]) for change in CHANGES)])
    [found] = near_duplicates({"all": dataset(np.concatenate([images[1:], family]))})
    assert found.paths == tuple(f"image {row}" for row in range(29, 29 + len(family)))


def test_many_images_are_not_compared_each_with_each_and_copies_are_found() -> None:
    images = scenes(3000, side=16)
    copies = np.stack([darker(image) for image in images[:100]])
    found = near_duplicates({"train": dataset(images, "train"), "test": dataset(copies, "test")}, search=QUICK)
    hits = {(f"train {row}", f"test {row}") for row in range(100)} & {one.paths for one in found}
    assert len(hits) >= 95
    assert len(found) - len(hits) <= 5


def test_large_images_are_compared_too_and_so_are_grey_ones() -> None:
    large = np.stack([np.asarray(loaded(image).resize((200, 150))) for image in scenes(25)])
    both = np.concatenate([large, shifted(large[0])[np.newaxis]])
    assert [one.paths for one in near_duplicates({"all": dataset(both)})] == [("image 0", "image 25")]
    grey = both[..., :1]
    assert [one.paths for one in near_duplicates({"all": dataset(grey)})] == [("image 0", "image 25")]


def shirts(count: int, side: int = 128) -> Pixels:
    """One shape on a plain ground, in light that differs a little: what tells them apart is in their fine texture."""
    rows, columns = np.indices((side, side)) / side
    shape = (np.abs(columns - 0.5) < 0.2 + 0.15 * (rows < 0.4)) & (np.abs(rows - 0.5) < 0.35)
    cloth = scenes(count, side, seed=5)
    coarse = np.stack([np.asarray(loaded(cloth[row]).resize((16, 16)).resize((side, side))) for row in range(count)])
    light = np.random.default_rng(6).uniform(-8, 8, (count, 1, 1, 1))
    bright = 190 - 110 * shape[np.newaxis, ..., np.newaxis] + (cloth.astype(float) - coarse) / 3 + light
    return np.asarray(np.clip(bright, 0, 255), np.uint8)


def test_large_images_that_are_alike_at_small_size_are_no_copies_and_copies_of_them_are_found() -> None:
    images = shirts(60)
    assert near_duplicates({"all": dataset(images)}) == []
    changes = [as_jpeg, resized, mirrored, darker, of_more_contrast]
    copies = np.stack([change(image) for image, change in zip(images, changes, strict=False)])
    found = near_duplicates({"train": dataset(images, "train"), "test": dataset(copies, "test")})
    assert {one.paths for one in found} == {(f"train {row}", f"test {row}") for row in range(len(changes))}


def test_handwritten_digits_and_plain_colours_are_no_copies() -> None:
    digits = load_digits().images[:600].astype(np.uint8) * 15
    enlarged = np.stack([np.asarray(Image.fromarray(one).resize((28, 28), Image.Resampling.BICUBIC)) for one in digits])
    assert len(near_duplicates({"all": dataset(enlarged[..., np.newaxis])})) <= 3
    assert near_duplicates({"all": dataset(digits[..., np.newaxis])}) == []  # 8 × 8: too few details to tell
    plain = np.repeat(np.arange(40, dtype=np.uint8), 32 * 32 * 3).reshape(40, 32, 32, 3)
    assert near_duplicates({"all": dataset(plain)}) == []


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_images(count: int) -> None:
    images = scenes(max(count, 1))[:count]
    assert near_duplicates({"all": dataset(images)}) == []
    assert exact_duplicates({"all": dataset(images)}) == []
    pair = {"train": dataset(scenes(1)), "test": dataset(mirrored(scenes(1)[0])[np.newaxis], "test")}
    assert [one.paths for one in near_duplicates(pair)] == [("image 0", "test 0")]


def test_groups_for_a_split_do_not_depend_on_the_order_of_the_images() -> None:
    images = scenes(300)
    images = np.concatenate([images, [mirrored(images[5]), darker(images[5]), as_jpeg(images[9]), images[7]]])
    order = np.random.default_rng(1).permutation(len(images))
    one, other = (dataset(images), dataset(images[order]))
    groups = copy_groups(one)
    assert groups[300] == groups[301] == groups[5]
    assert groups[302] == groups[9]
    assert groups[303] == groups[7]
    assert len(set(groups)) == 300
    assert copy_groups(other) == [groups[row] for row in order]


def test_a_crowd_of_copies_does_not_become_one_group_of_a_split() -> None:
    crowd = np.stack([np.clip(scenes(1)[0] * (0.6 + row / 100), 0, 255).astype(np.uint8) for row in range(60)])
    frames = dataset(np.concatenate([crowd, scenes(60, seed=2)]))
    sizes = np.unique(copy_groups(frames), return_counts=True)[1]
    assert 2 <= sizes.max() <= 6  # a twentieth of 120


def test_no_thread_that_compares_waits_for_threads_of_the_matrix_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small equations: on a busy machine such threads spin for minutes where one alone takes a blink."""
    asked, solve = list[int](), alignment._gauss_newton

    def counted(*arguments: Any) -> Any:
        asked.extend(matrix_threads())
        return solve(*arguments)

    monkeypatch.setattr(alignment, "_gauss_newton", counted)
    with threadpool_limits(3, user_api="blas"):  # as on a machine of three cores
        before = matrix_threads()
        near_duplicates({"all": dataset(scenes(60))})
        assert matrix_threads() == before
    assert asked
    assert set(asked) == {1}


def matrix_threads() -> list[int]:
    """How many threads each library that multiplies matrices uses now."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

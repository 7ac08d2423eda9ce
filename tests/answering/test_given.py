"""A person relies on: whatever they give as images is taken as they mean it, or refused in a sentence."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from beholder.answering import given
from beholder.answering.given import each, only, rows_of
from beholder.data.images.decode import ImageRules, decode
from beholder.errors import BeholderError, ImageError, UsageError

RGB = ImageRules(12, 16, "RGB")
GREY = ImageRules(8, 8, "L")


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixels(images: Any, rules: ImageRules = RGB) -> list[Any]:
    return [rows_of(one, rules)[0] for one in each(images, rules)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a b.png"
    path.write_bytes(file_of(Image.fromarray(noise(24, 32, 3))))
    return path


def test_one_image_is_one_however_it_comes(image: Path) -> None:
    content = image.read_bytes()
    expected = decode(image, RGB)
    [entry] = os.scandir(image.parent)
    with image.open("rb") as file, Image.open(image) as loaded:
        ways = [image, str(image), np.str_(image), entry, content, bytearray(content), memoryview(content)]
        for one in [*ways, file, io.BytesIO(content), loaded, loaded.copy(), np.asarray(loaded), noise(24, 32, 3)]:
            for images in (one, [one], (one,), iter([one])):
                [found] = pixels(images)
                np.testing.assert_array_equal(found, expected)


def test_only_paths_are_called_something_else_than_a_dash(image: Path) -> None:
    names = [one.path for one in each([image, str(image), image.read_bytes(), noise(9, 9)], RGB)]
    assert names == [str(image), str(image), "-", "-"]


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((8, 8), 1),
        ((8, 8, 1), 1),
        ((32, 32, 3), 1),
        ((32, 32, 4), 1),
        ((5, 8, 8, 1), 5),
        ((5, 8, 8, 3), 5),
        ((5, 8, 8), 5),
        ((1, 8, 8), 1),
        ((3, 8, 8), 3),  # of the size and mode that the network takes
        ((0, 8, 8, 3), 0),
        ((0, 8, 8), 0),
        ((0,), 0),
    ],
)
def test_arrays_are_one_image_or_a_batch_by_their_shape(shape: tuple[int, ...], count: int) -> None:
    assert [one.shape for one in pixels(noise(*shape), GREY)] == [(8, 8, 1)] * count


def test_each_image_of_a_batch_is_what_it_is_alone() -> None:
    for batch in (
        noise(5, 20, 9, 3),
        noise(5, 20, 9),
        noise(5, 20, 9, 4),
        noise(5, 20, 9, 3) / 255,
        noise(5, 9, 9) > 99,
    ):
        np.testing.assert_array_equal(pixels(batch), pixels(list(batch)))


def test_a_column_of_a_table_is_many_paths(image: Path) -> None:
    for column in (np.array([str(image)] * 3), np.array([image, image, None], dtype=object)[:2]):
        assert [one.path for one in each(column, RGB)] == [str(image)] * len(column)


def test_arrays_of_other_libraries_are_arrays() -> None:
    class Tensor:
        def __init__(self, values: Any) -> None:
            self.values = values

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return self.values

        def __iter__(self) -> Iterator[Any]:
            return iter(self.values)

    assert len(pixels(Tensor(noise(32, 32, 3)))) == 1
    assert len(pixels(Tensor(noise(7, 9, 9, 3)))) == 7
    assert len(pixels([Tensor(noise(9, 9, 3)), Tensor(noise(9, 9))])) == 2


def test_floats_and_booleans_are_black_to_white_as_in_training() -> None:
    steps = np.linspace(0, 1, 12 * 16).reshape(12, 16)
    for dtype in (np.float16, np.float32, np.float64):
        [found] = pixels(steps.astype(dtype), ImageRules(12, 16, "L"))
        np.testing.assert_allclose(found[..., 0], steps * 255, atol=0.6)
    [found] = pixels(steps > 0.5, ImageRules(12, 16, "L"))
    np.testing.assert_array_equal(found[..., 0], np.where(steps > 0.5, 255, 0))


def test_a_pillow_image_is_read_by_the_rule_for_files(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    images: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (Image.fromarray(noise(12, 16, 3)), "JPEG", {"exif": exif}),
        (Image.fromarray(noise(12, 16, 4)), "PNG", {}),
        (Image.fromarray(np.linspace(0, 65535, 192).astype(np.uint16).reshape(12, 16)), "PNG", {}),
        (Image.new("P", (16, 12), 1), "PNG", {"transparency": 1}),
    ]
    for image, kind, options in images:
        content = file_of(image, kind, **options)
        for opened in (Image.open(io.BytesIO(content)), Image.open(io.BytesIO(content)).copy()):
            np.testing.assert_array_equal(pixels(opened)[0], decode(content, RGB))
            np.testing.assert_array_equal(pixels([opened, opened])[1], decode(content, RGB))


@pytest.mark.parametrize("nothing", [None, 5, 1.5, object(), {}, {"a": noise(8, 8)}, True])
def test_what_is_no_image_is_refused(nothing: Any) -> None:
    with pytest.raises(UsageError, match=r"Expected an image.* Received: "):
        each(nothing, RGB)


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (None, "Received: None"),
        (5, "Received: 5"),
        (["a.png"], "type list"),
        ("", "Expected the path of an image"),
        ("a\0b", "Expected the path of an image"),
        (io.StringIO("text"), "opened with 'rb'"),
        (io.BytesIO(), "it is empty"),
        (noise(1, 1), "at least 2 x 2"),
        (np.zeros((0, 0, 3), np.uint8), "0 x 0"),
        (noise(9), r"shape=\(9,\)"),
        (np.array(3, np.uint8), r"shape=\(\)"),
        (noise(2, 9, 9, 3), r"shape=\(2, 9, 9, 3\)"),
        (noise(3, 9, 9), r"np.moveaxis\(image, 0, -1\)"),
        (noise(9, 9, 2), "Received: shape"),
        (noise(9, 9).astype(np.int64), r"image.astype\(np.uint8\)"),
        (noise(9, 9).astype(np.uint16), "largest possible value"),
        (noise(9, 9) * 1.0, "from 0 to 1"),
        (noise(9, 9) / 127.5 - 1, r"Received: -0\.99.* to "),
        (np.full((9, 9), np.nan), "NaN"),
        (np.ma.masked_array(noise(9, 9)), "without a mask"),
        (Image.new("F", (9, 9)), "no known range"),
        (Image.new("L", (1, 9)), "fewer than 2"),
        (ImageError("Not fetched."), "Not fetched"),
    ],
)
def test_one_of_a_list_that_is_no_image_is_an_error_among_the_others(one: Any, sentence: str) -> None:
    first, bad, last = each([noise(8, 8), one, noise(8, 8)], RGB)
    with pytest.raises(ImageError, match=sentence) as caught:
        rows_of(bad, RGB)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(rows_of(first, RGB), rows_of(last, RGB))


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (noise(3, 32, 32), "channels first"),
        (noise(4, 32, 32), "channels first"),
        (noise(7, 3, 32, 32), r"np.moveaxis\(images, 1, -1\)"),
        (noise(32, 32, 3, 7), r"np.moveaxis\(images, -1, 0\)"),
        (noise(7, 32, 32, 3).astype(int), r"images.astype\(np.uint8\)"),
        (noise(7, 32, 32, 3) * 1.0, "from 0 to 1"),
        (noise(2, 2, 9, 9, 3), "Received: shape"),
        (noise(7, 1, 1, 3), "at least 2 x 2"),
        (np.ma.masked_array(noise(9, 9, 9)), "without a mask"),
    ],
)
def test_a_batch_that_may_be_two_things_is_refused_at_once(batch: Any, sentence: str) -> None:
    with pytest.raises(BeholderError, match=sentence):
        each(batch, RGB)


def test_a_batch_is_judged_as_one() -> None:
    batch = noise(7, 9, 9, 3) * 1.0
    batch[0] = 0  # alone it could be from 0 to 1
    with pytest.raises(BeholderError, match="Received: 0 to 255"):
        each(batch, RGB)


def test_a_file_is_read_from_its_start() -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(9, 9)).save(buffer, "PNG")  # which leaves it at its end
    assert len(pixels(buffer)) == 1


def test_zeros_and_ones_are_said_to_be_black(caplog: pytest.LogCaptureFixture) -> None:
    given.say_once.cache_clear()
    with caplog.at_level(logging.WARNING, "beholder"):
        for array in (noise(9, 9), np.zeros((9, 9), np.uint8), noise(5, 9, 9) > 99):
            pixels(array)
        assert not caplog.records
        for array in (noise(5, 9, 9) // 255, noise(9, 9) // 200, noise(9, 9) // 200):
            pixels(array)
    [record] = caplog.records
    assert "0 and 1 alone" in record.message


def test_an_explanation_is_of_one_image() -> None:
    assert only(noise(8, 8), GREY).path == only([noise(8, 8)], GREY).path == "-"
    for images, count in (([], "none"), (noise(5, 8, 8), "more than one")):
        with pytest.raises(UsageError, match=f"Expected one image. Received: {count}"):
            only(images, GREY)

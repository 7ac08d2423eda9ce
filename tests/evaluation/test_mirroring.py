"""Whether to mirror is told from images: from drawn ones whose answer is known, and from the digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beholder.data.dataset import Dataset
from beholder.data.digits import open_digits
from beholder.data.progress import silent
from beholder.evaluation.mirror_images import SAMPLED_IMAGES, measure_mirroring
from beholder.evaluation.patch_features import mirror_features

Random = np.random.Generator
Draw = Callable[[ImageDraw.ImageDraw, int, Random, tuple[int, int, int]], None]  # (onto, class, random, ink)


def shade(random: Random) -> tuple[int, int, int]:
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


def drawn(draw: Draw, classes: int, count: int, seed: int, *, side: int = 32, colour: bool = False) -> Dataset:
    """`count` noisy images, class after class in turn: black on white, or any colour on any other."""
    random = np.random.default_rng(seed)
    images = []
    for row in range(count):
        image = Image.new("RGB", (4 * side, 4 * side), shade(random) if colour else "white")
        draw(ImageDraw.Draw(image), row % classes, random, shade(random) if colour else (0, 0, 0))
        small = np.asarray(image.resize((side, side), Image.Resampling.BOX)).astype(np.float64)
        noisy = np.clip(small + random.normal(0, 8, small.shape), 0, 255).astype(np.uint8)
        images.append(noisy if colour else noisy[..., :1])
    names = tuple(f"class {number}" for number in range(classes))
    return Dataset(np.stack(images), np.arange(count) % classes, names, [str(row) for row in range(count)])


def arrow(onto: ImageDraw.ImageDraw, label: int, random: Random, ink: tuple[int, int, int]) -> None:
    """To the left or to the right: a chevron, a triangle, or a shaft with a head; of any size, anywhere."""
    side = onto.im.size[0]
    size = random.uniform(0.2, 0.3) * side
    x, y = random.uniform(1.1 * size, side - 1.1 * size, 2).tolist()
    ahead = size if label else -size
    width = max(4, int(0.2 * size))
    match random.integers(3):
        case 0:
            onto.line([(x - ahead / 2, y - size), (x + ahead / 2, y), (x - ahead / 2, y + size)], ink, width)
        case 1:
            onto.polygon([(x + ahead, y), (x - 0.6 * ahead, y - 0.8 * size), (x - 0.6 * ahead, y + 0.8 * size)], ink)
        case _:
            onto.line([(x - ahead, y), (x + ahead, y)], ink, width)
            onto.polygon([(x + ahead, y), (x + 0.2 * ahead, y - size / 2), (x + 0.2 * ahead, y + size / 2)], ink)


def letters(text: str) -> Draw:
    def draw(onto: ImageDraw.ImageDraw, label: int, random: Random, ink: tuple[int, int, int]) -> None:
        side = onto.im.size[0]
        font = ImageFont.load_default(random.uniform(0.5, 0.8) * side)
        x, y = (side * random.uniform(0.4, 0.6, 2)).tolist()
        onto.text((x, y), text[label], ink, font, anchor="mm")

    return draw


def sign(onto: ImageDraw.ImageDraw, label: int, random: Random, _ink: tuple[int, int, int]) -> None:
    """A road sign: turn left, turn right, or one of ten that are symmetric."""
    side = onto.im.size[0]
    onto.ellipse([0.05 * side, 0.05 * side, 0.95 * side, 0.95 * side], "white", (200, 20, 30), side // 16)
    if label < 2:
        ahead, x, y = (0.2 if label else -0.2) * side, side / 2, side * random.uniform(0.4, 0.55)
        onto.line([(x - ahead / 2, 0.75 * side), (x - ahead / 2, y), (x + ahead / 2, y)], "black", side // 14)
        onto.polygon([(x + ahead, y), (x + ahead / 2, y - side / 9), (x + ahead / 2, y + side / 9)], "black")
    else:
        onto.text((side / 2, side / 2), "AHIMOTXY80"[label - 2], "black", ImageFont.load_default(side / 2), anchor="mm")


def vehicle(onto: ImageDraw.ImageDraw, label: int, random: Random, ink: tuple[int, int, int]) -> None:
    """A car or a boat, bound to the left as often as to the right."""
    side = onto.im.size[0]
    x, y = (side * random.uniform(0.4, 0.6, 2)).tolist()
    ahead, up = random.choice([-1, 1]) * side / 4, side / 8
    if label:
        onto.polygon([(x - ahead, y), (x + 1.4 * ahead, y), (x + ahead, y + up), (x - ahead, y + up)], ink)
        onto.polygon([(x, y - 2 * up), (x, y), (x - ahead, y)], ink)
    else:
        onto.rectangle([x - side / 4, y, x + side / 4, y + up], ink)
        onto.polygon([(x - ahead, y), (x - ahead, y - up), (x, y - up), (x + ahead / 2, y)], ink)
        for wheel in (x - side / 6, x + side / 6):
            onto.ellipse([wheel - 8, y + up - 8, wheel + 8, y + up + 8], ink)


def half(onto: ImageDraw.ImageDraw, label: int, random: Random, ink: tuple[int, int, int]) -> None:
    """A spot in the left or in the right half."""
    side = onto.im.size[0]
    x, y = side * random.uniform(0.1, 0.4), side * random.uniform(0.2, 0.8)
    x = side - x if label else x
    onto.ellipse([x - side / 10, y - side / 10, x + side / 10, y + side / 10], ink)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    ("draw", "classes", "count"), [(arrow, 2, 160), (letters("bd"), 2, 120), (letters("qp"), 2, 120), (half, 2, 160)]
)
def test_classes_that_mirror_each_other_are_told(draw: Draw, classes: int, count: int, colour: bool, seed: int) -> None:
    mirroring = measure_mirroring(drawn(draw, classes, count, seed, side=40, colour=colour), seed=seed)
    assert (mirroring.same, mirroring.mirror, mirroring.pairs) == (False, False, (("class 0", "class 1"),))
    assert mirroring.sentence == (
        "Images are not mirrored: a mirrored 'class 0' looks like 'class 1'; --mirror decides otherwise."
    )


def test_a_few_arrows_are_enough() -> None:
    assert measure_mirroring(drawn(arrow, 2, 40, 1), seed=0).same is False


@pytest.mark.parametrize("seed", range(2))
def test_two_classes_of_twelve_that_mirror_each_other_are_told(seed: int) -> None:
    mirroring = measure_mirroring(drawn(sign, 12, 360, seed, colour=True), seed=seed)
    assert ("class 0", "class 1") in mirroring.pairs
    assert not mirroring.mirror


@pytest.mark.parametrize("seed", range(3))
def test_writing_is_not_mirrored(seed: int) -> None:
    digits = open_digits().readers["all"](silent)
    assert not measure_mirroring(digits, seed=seed).mirror
    mirroring = measure_mirroring(drawn(letters("FGKR"), 4, 200, seed), seed=seed)
    assert (mirroring.same, mirroring.pairs) == (False, ())
    assert "mirrored ones look less like their own class" in mirroring.sentence


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("draw", "classes"), [(vehicle, 2), (letters("AHOT"), 4)])
@pytest.mark.parametrize("colour", [False, True])
def test_images_that_mean_the_same_mirrored_are_mirrored(draw: Draw, classes: int, colour: bool, seed: int) -> None:
    mirroring = measure_mirroring(drawn(draw, classes, 240, seed, colour=colour), seed=seed)
    assert (mirroring.same, mirroring.pairs) == (True, ())
    assert mirroring.sentence.startswith("Mirrored images are shown too, since they look like their own class (")
    assert mirroring.sentence.endswith("; --no-mirror decides otherwise.")


@pytest.mark.parametrize(("channels", "mirror", "kind"), [(1, False, "are grey"), (3, True, "are colour")])
@pytest.mark.parametrize("count", [6, 200])
def test_images_that_do_not_tell_leave_a_guess(count: int, channels: int, mirror: bool, kind: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, 24, 24, channels), dtype=np.uint8)
    mirroring = measure_mirroring(labelled(images), seed=0)
    assert (mirroring.same, mirroring.mirror) == (None, mirror)
    assert "a guess" in mirroring.sentence
    assert kind in mirroring.sentence


def labelled(images: NDArray[np.uint8]) -> Dataset:
    return Dataset(images, np.arange(len(images)) % 2, ("a", "b"), [str(row) for row in range(len(images))])


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 30, 3), (70, 33, 3), (5, 5, 1), (1, 40, 3)])
@pytest.mark.parametrize("value", [0, 255])
def test_any_shape_and_images_of_one_colour_are_borne(shape: tuple[int, int, int], value: int) -> None:
    assert measure_mirroring(labelled(np.full((30, *shape), value, np.uint8)), seed=0).same is None


def test_classes_of_one_image_or_none_are_borne() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    labels = np.repeat([0, 2, 4], [20, 19, 1])
    dataset = Dataset(images, labels, tuple("abcde"), [str(row) for row in range(40)])
    assert measure_mirroring(dataset, seed=0).same is None


def test_the_same_seed_tells_the_same_and_no_more_images_are_read_than_said() -> None:
    dataset = labelled(np.tile(drawn(arrow, 2, 40, 1, side=8).images, (100, 1, 1, 1)))
    first = measure_mirroring(dataset, seed=3)
    assert first == measure_mirroring(dataset, seed=3)
    assert first.images == SAMPLED_IMAGES


@pytest.mark.parametrize("shape", [(8, 8, 1), (40, 40, 3), (64, 96, 3)])
def test_the_features_of_mirrored_images_are_those_of_the_mirror_images(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    both = np.concatenate([images, images[:, :, ::-1]])  # so that the same patches and scales hold for both
    plain, mirrored = mirror_features(both, np.random.default_rng(1))
    assert np.allclose(plain[12:], mirrored[:12], atol=1e-3)

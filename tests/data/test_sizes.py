"""A size is chosen for a folder's images, and what that does to them is said in figures that a person can check."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.data.images.decode import ImageRules, decode_array
from beholder.data.images.fit_words import fitting_in_words, misfit, misfits_in_words, with_a_way_out
from beholder.data.images.fitting import PADDING
from beholder.data.images.sizes import choose_canvas

PORTRAIT, LANDSCAPE, SQUARE = (400, 300), (300, 400), (300, 300)  # height, width


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([(75, 160)] * 20, (75, 160)),
        ([(75, 160)] * 19 + [(75, 161)], (75, 160)),
        ([(75, 160)] * 4 + [(75, 161)], (75, 160)),
        ([(75, 200)] * 20, (75, 200)),  # however long: nothing is scaled
        ([(300, 640)] * 20, (256, 512)),  # at most twice as long as short
        ([(400, 300)] * 20, (341, 256)),
        ([(400, 300)] * 20 + [(40, 40)], (341, 256)),
        ([(300, 310)] * 20, (256, 265)),  # however nearly square
        ([(4, 4)] * 5, (8, 8)),
        ([(4, 5)] * 5, (8, 10)),
    ],
)
def test_the_size_that_nearly_all_share_is_kept_within_limits(
    sizes: list[tuple[int, int]], chosen: tuple[int, int]
) -> None:
    assert choose_canvas(sizes) == chosen


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([PORTRAIT, (500, 375), (640, 480)] * 3, (341, 256)),  # of one shape, as a phone's
        ([PORTRAIT] * 7 + [LANDSCAPE] * 3, (341, 256)),
        ([PORTRAIT] * 6 + [LANDSCAPE] * 4, (256, 256)),  # too many would lose nearly half
        ([PORTRAIT] * 7 + [SQUARE] * 3, (341, 256)),
        ([PORTRAIT] * 6 + [SQUARE] * 4, (256, 256)),
        ([(100, 108), (50, 54), (60, 65)] * 3, (60, 60)),  # a square cuts less than a tenth of these
        ([(100, 114), (50, 57), (60, 69)] * 3, (60, 68)),
        ([(40, 50), (40, 200), (40, 300), (40, 100)], (40, 80)),  # at most twice as long as short
        ([(20, 90), (40, 30), (50, 80), (31, 31), (29, 200)], (30, 30)),
        ([(3, 4), (3, 5), (4, 5), (2, 3)], (8, 11)),
    ],
)
def test_images_of_several_sizes_get_the_shape_that_most_have(
    sizes: list[tuple[int, int]], chosen: tuple[int, int]
) -> None:
    assert choose_canvas(sizes) == chosen
    assert choose_canvas([(width, height) for height, width in sizes]) == chosen[::-1]


SIZES = [((300, 640), (256, 256)), ((64, 32), (32, 32)), ((10, 10), (20, 40)), ((400, 320), (64, 64))]


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_the_share_that_is_cut_is_what_decoding_cuts(size: tuple[int, int], target: tuple[int, int]) -> None:
    # Each pixel tells its row and column, so that what is left says what was cut.
    height, width = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width)
    left = decode_array(pixels, ImageRules(*target, "RGB"))[..., :2].astype(int)
    seen = np.prod([(left[..., axis].max() - left[..., axis].min()) / 255 for axis in (0, 1)])
    assert misfit(size, target) == pytest.approx(1 - seen, abs=0.15)


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_the_share_that_is_padding_is_what_decoding_adds(size: tuple[int, int], target: tuple[int, int]) -> None:
    decoded = decode_array(np.zeros((*size, 3), np.uint8), ImageRules(*target, "RGB", "pad"))
    assert misfit(size, target) == pytest.approx(np.mean(decoded == PADDING), abs=0.01)


def test_images_of_one_size_are_told_with_the_side_that_is_changed() -> None:
    wide, tall, square = [(300, 640)] * 3, [(640, 300)], (256, 256)
    told = "Images of 640 × 300 pixels become 256 × 256: "
    assert fitting_in_words(wide, square, "crop") == (
        f"{told}53% of the width is cut, half on the left, half on the right."
    )
    assert fitting_in_words(wide, square, "pad") == f"{told}53% of the height is padding, half at either end."
    assert fitting_in_words(wide, square, "stretch") == f"{told}stretched in height by a factor of 2.13."
    told = "Images of 300 × 640 pixels become 256 × 256: "
    assert fitting_in_words(tall, square, "crop") == f"{told}53% of the height is cut, half at either end."
    assert fitting_in_words(tall, square, "pad") == (
        f"{told}53% of the width is padding, half on the left, half on the right."
    )
    assert fitting_in_words(tall, square, "stretch") == f"{told}stretched in width by a factor of 2.13."
    for fit in ("crop", "pad", "stretch"):
        assert fitting_in_words([(300, 300)], square, fit) == "Images of 300 × 300 pixels are scaled to 256 × 256."
        assert fitting_in_words([(20, 30)] * 9, (20, 30), fit) is None
        assert fitting_in_words([], (20, 30), fit) is None


def test_images_of_several_sizes_are_told_with_the_median_and_the_most() -> None:
    several = [(31, 31), (40, 30), (29, 200)]
    told = "Images of several sizes (31 × 31 to 200 × 29 pixels, 3 looked at) become 30 × 30"
    assert fitting_in_words(several, (30, 30), "crop") == (
        f"{told}: 25% of an image is cut in the median, 86% at most."
    )
    assert fitting_in_words(several, (30, 30), "pad") == (
        f"{told}: 25% of an image is padding in the median, 86% at most."
    )
    assert fitting_in_words(several, (30, 30), "stretch") == (
        f"{told}: proportions change by a factor of 1.33 in the median, 6.9 at most."
    )
    told = "Images of several sizes (40 × 40 to 50 × 50 pixels, 2 looked at) become 45 × 45, and "
    square = [(40, 40), (50, 50)]
    assert fitting_in_words(square, (45, 45), "crop") == f"{told}hardly anything is cut."
    assert fitting_in_words(square, (45, 45), "pad") == f"{told}hardly anything is padding."
    assert fitting_in_words(square, (45, 45), "stretch") == f"{told}proportions hardly change."
    few, target = [(75, 160)] * 39 + [(160, 75)], (75, 160)
    told = "Nearly all images have 160 × 75 pixels; 1 of 40 looked at has another size and is "
    assert fitting_in_words(few, target, "crop") == f"{told}scaled and cut to this one: 78% of each is cut."
    assert fitting_in_words(few, target, "pad") == f"{told}scaled and padded to this one: 78% of each is padding."
    assert fitting_in_words(few, target, "stretch") == (
        f"{told}stretched to this one: proportions change by a factor of 4.55 each."
    )


def test_most_images_are_not_called_nearly_all() -> None:
    told = fitting_in_words([(75, 160)] * 7 + [(160, 75)] * 3, (75, 160), "crop") or ""
    assert told.startswith(
        "Most images have 160 × 75 pixels; 3 of 10 looked at have other sizes and are scaled and cut"
    )
    told = fitting_in_words([(75, 160)] * 4 + [(160, 75), (160, 76)] * 3, (75, 160), "crop") or ""
    assert told.startswith("Images of several sizes (160 × 75 to 76 × 160 pixels, 10 looked at) become 160 × 75")


def test_the_other_ways_to_fit_are_named_where_much_is_cut() -> None:
    assert with_a_way_out("So it is.", [(10, 10), (10, 11)], (10, 10)) == "So it is."
    assert with_a_way_out("So it is.", [(10, 10), (10, 12)], (10, 10)) == (
        "So it is; --fit pad or --fit stretch cuts nothing."
    )


def test_an_answer_comes_with_a_word_where_an_image_fits_badly() -> None:
    for fit in ("crop", "pad", "stretch"):
        assert misfits_in_words([0.0, 0.1], (32, 32), fit) is None
        assert misfits_in_words([], (32, 32), fit) is None
    one, many = "The network takes 32 × 32 pixels: ", "The network takes 64 × 32 pixels: "
    several = [0.5, 0.0, 0.2]
    assert misfits_in_words([0.5], (32, 32), "crop") == f"{one}50% of this image is cut, half on either side."
    assert misfits_in_words([0.5], (32, 32), "pad") == (
        f"{one}50% of that is padding around this image, half on either side."
    )
    assert misfits_in_words([0.5], (32, 32), "stretch") == (
        f"{one}this image is stretched, its proportions change by a factor of 2."
    )
    assert misfits_in_words(several, (32, 64), "crop") == (
        f"{many}2 of 3 images looked at lose more than 10% of their area, at most 50%."
    )
    assert misfits_in_words(several, (32, 64), "pad") == (
        f"{many}around 2 of 3 images looked at more than 10% of that is padding, at most 50%."
    )
    assert misfits_in_words(several, (32, 64), "stretch") == (
        f"{many}2 of 3 images looked at are stretched, their proportions change by a factor of up to 2."
    )

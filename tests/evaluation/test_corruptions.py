"""The 15 corruptions: each does what its name says, equally every time, on any image that a network takes."""

from __future__ import annotations

import colorsys
import io

import numpy as np
import pytest
import scipy.ndimage
from numpy.typing import NDArray
from PIL import Image

from beholder.evaluation.corruptions import blur, noise, weather
from beholder.evaluation.corruptions.catalogue import CORRUPTIONS, corrupted, corruption_figures

KEEPS_A_PLAIN_IMAGE = (
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)


def photographs(count: int = 6, height: int = 32, width: int = 32, channels: int = 3) -> NDArray[np.uint8]:
    """Smooth random images with some edges, as photographs have."""
    random = np.random.default_rng(0)
    waves = scipy.ndimage.gaussian_filter(random.normal(size=(count, height, width, channels)), (0, 2, 2, 0))
    waves = 128 + 300 * waves + 40 * (np.indices(waves.shape)[2] > width // 2)
    return np.asarray(waves.clip(0, 255), np.uint8)


def made(images: NDArray[np.uint8], name: str, severity: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.concatenate(list(corrupted(images, name, severity, seed=seed)))


def as_floats(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(images / 255, np.float32)


def test_there_are_fifteen_in_four_families_and_five_severities() -> None:
    families = [corruption.family for corruption in CORRUPTIONS.values()]
    assert {family: families.count(family) for family in families} == {
        "noise": 3,
        "blur": 4,
        "weather": 4,
        "digital": 4,
    }
    assert all(len(corruption.severities) == 5 for corruption in CORRUPTIONS.values())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_is_repeatable_and_leaves_less_the_more_severe_it_is(name: str) -> None:
    images = photographs()
    before = images.copy()
    mild, severe = made(images, name, 1), made(images, name, 5)
    assert severe.dtype == images.dtype
    assert severe.shape == images.shape
    assert np.array_equal(severe, made(images, name, 5))
    assert np.array_equal(images, before), "a corruption works on a copy"
    if CORRUPTIONS[name].draws:
        assert not np.array_equal(severe, made(images, name, 5, seed=1))
        assert not np.array_equal(made(images[[0, 0]], name, 5)[0], made(images[[0, 0]], name, 5)[1])
    if name != "elastic_transform":  # its first severity skews alone, the others bend too
        far, near = (np.abs(one.astype(int) - images).mean() for one in (severe, mild))
        assert far > near > 0


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 20, 3), (64, 80, 1)])
def test_any_size_and_grey_images_are_corrupted_too(name: str, shape: tuple[int, int, int]) -> None:
    images = photographs(2, *shape)
    for severity in (1, 5):
        assert made(images, name, severity).shape == images.shape


@pytest.mark.parametrize("name", KEEPS_A_PLAIN_IMAGE)
def test_what_moves_light_about_leaves_a_plain_image_as_it_is(name: str) -> None:
    plain = np.full((2, 32, 32, 3), (200, 100, 50), np.uint8)
    assert np.abs(made(plain, name, 5).astype(int) - plain).max() <= 2


def test_lengths_go_with_the_side_of_the_image() -> None:
    small, large = (CORRUPTIONS["defocus_blur"].given(5, side) for side in (32, 128))
    assert small == {"radius": 1.5, "softness": 0.1}
    assert large == {"radius": 6, "softness": 0.4}
    assert CORRUPTIONS["fog"].given(1, 128) == {"thickness": 0.2, "smoothness": 3}


def test_noise_has_the_size_that_it_is_given() -> None:
    random = np.random.default_rng(0)
    grey = np.full((20, 32, 32, 3), 0.5, np.float32)
    gaussian = noise.gaussian_noise(grey, random, deviation=0.1)
    assert (gaussian.mean(), gaussian.std()) == pytest.approx((0.5, 0.1), abs=2e-3)
    shot = noise.shot_noise(grey, random, photons=50)
    assert (shot.mean(), shot.std()) == pytest.approx((0.5, (0.5 / 50) ** 0.5), abs=2e-3)
    impulse = noise.impulse_noise(grey, random, share=0.07)
    assert (impulse == 0).mean() == pytest.approx(0.035, abs=4e-3)
    assert (impulse == 1).mean() == pytest.approx(0.035, abs=4e-3)


@pytest.mark.parametrize("factor", [1.0, 1.03, 1.13, 1.25, 2.25])
def test_enlarging_is_that_of_scipy(factor: float) -> None:
    [image] = as_floats(photographs(1, 32, 32))
    kept = int(np.ceil(32 / factor))
    first = (32 - kept) // 2
    enlarged = scipy.ndimage.zoom(image[first : first + kept, first : first + kept], (factor, factor, 1), order=1)
    cut = (len(enlarged) - 32) // 2
    expected = enlarged[cut : cut + 32, cut : cut + 32]
    assert blur.zoomed(image[None], factor)[0] == pytest.approx(expected, abs=1e-5)


def test_defocus_spreads_a_point_over_a_disc() -> None:
    point = np.zeros((1, 33, 33, 1), np.float32)
    point[0, 16, 16] = 1
    spread = blur.defocus_blur(point, radius=6, softness=0.2)[0, :, :, 0]
    distance = np.hypot(*(np.indices((33, 33)) - 16))
    assert spread.sum() == pytest.approx(1, abs=1e-4)
    assert spread[distance <= 4] == pytest.approx(1 / (np.pi * 36), rel=0.05)
    assert np.abs(spread[distance > 8]).max() < 1e-6


def test_motion_smears_along_its_line_to_one_side() -> None:
    point = np.zeros((50, 33, 33, 1), np.float32)
    point[:, 16, 16] = 1
    smeared = blur.motion_blur(point, np.random.default_rng(0), length=9, deviation=2.5)[..., 0]
    assert smeared.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)
    assert not smeared[:, :, 17:].any(), "directions are within 45 degrees of the row"
    rows, columns = np.indices((33, 33)) - 16
    assert (smeared[:, np.abs(rows) > np.abs(columns) + 1] == 0).all()
    assert smeared[:, 16, 16] == pytest.approx(smeared[0, 16, 16]), "the point itself, whatever the direction"


def test_brightness_keeps_hue_and_saturation() -> None:
    image = photographs(1, 8, 8)
    image[0, 0, 0] = 0
    brighter = weather.brightness(as_floats(image), added=0.2)
    for before, after in zip(as_floats(image).reshape(-1, 3), brighter.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before.tolist())
        assert after == pytest.approx(colorsys.hsv_to_rgb(hue, saturation, min(1, value + 0.2)), abs=1e-5)


def test_a_fractal_fills_its_range_and_is_rougher_the_less_smooth() -> None:
    smooth, rough = (
        weather.fractal(np.random.default_rng(0), 20, 32, 32, smoothness=smoothness) for smoothness in (3, 1.2)
    )
    for land in (smooth, rough):
        assert land.min(axis=(1, 2)) == pytest.approx(0)
        assert land.max(axis=(1, 2)) == pytest.approx(1)
    assert np.abs(np.diff(rough)).mean() > 2 * np.abs(np.diff(smooth)).mean()


def test_compression_and_coarse_pixels_are_pillows() -> None:
    [image] = photographs(1, 32, 32)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=40)
    assert np.array_equal(made(image[None], "jpeg_compression", 5)[0], np.asarray(Image.open(file)))
    coarse = made(image[None], "pixelate", 5)[0]
    assert len(np.unique(coarse.reshape(-1, 3), axis=0)) <= 20 * 20 * 4


def test_contrast_shrinks_distances_from_the_mean() -> None:
    images = photographs(2)
    less = made(images, "contrast", 5)
    assert less.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=0.5)
    assert less.std(axis=(1, 2)) == pytest.approx(0.15 * images.std(axis=(1, 2)), abs=0.5)


def test_figures_are_shares_of_right_answers() -> None:
    images = photographs(10, 8, 8)
    labels = np.array([0] * 7 + [1] * 3)

    def always_first(shown: NDArray[np.uint8]) -> NDArray[np.int64]:
        return np.zeros(len(shown), np.int64)

    told: list[tuple[int, int]] = []
    figures = corruption_figures(
        always_first, images, labels, progress=lambda _task, done, total: told.append((done, total))
    )
    assert figures["mean_accuracy"] == pytest.approx(0.7)
    assert figures["by_severity"] == pytest.approx([0.7] * 5)
    assert (figures["seed"], figures["count"]) == (0, 10)
    assert [kind["name"] for kind in figures["kinds"]] == list(CORRUPTIONS)
    assert told[-1] == (750, 750)


def test_the_worst_kind_is_named() -> None:
    images = np.full((8, 16, 16, 1), 100, np.uint8)

    def too_bright(shown: NDArray[np.uint8]) -> NDArray[np.int64]:
        return np.asarray(shown.mean(axis=(1, 2, 3)) > 150, np.int64)

    figures = corruption_figures(too_bright, images, np.zeros(8, np.int64))
    worst = min(figures["kinds"], key=lambda kind: kind["accuracy"])
    assert figures["worst"] == {"name": worst["name"], "accuracy": worst["accuracy"]}
    assert worst["family"] == "weather", "only weather makes a plain image so bright"
    assert figures["mean_accuracy"] == pytest.approx(np.mean([kind["accuracies"] for kind in figures["kinds"]]))

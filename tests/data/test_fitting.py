"""Each way to fit an image into another shape is what its name says, for every kind of file and for arrays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from beholder.data.images.decode import ImageRules, decode, decode_array, decode_opened
from beholder.data.images.fitting import PADDING, ImageFit
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.errors import DataError, UsageError

FITS: tuple[ImageFit, ...] = get_args(ImageFit)
SIZES = [(90, 40), (40, 90), (30, 40), (11, 64), (64, 11), (8, 9), (33, 47), (120, 60)]  # height, width
TARGETS = [(32, 32), (24, 32), (33, 20)]


def noise(*shape: int, most: int = 256) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, most, shape, dtype=np.uint8)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """An image that JPEG hardly changes."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x / width, 255 * y / height, 255 * (x + y) / (width + height)], -1).astype(np.uint8)


def encoded(pixels: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def triangle(count: int, to: int, start: float, length: float) -> NDArray[np.float64]:
    """(to, count): what each of `to` pixels takes of `count`, from `length` of them on from `start`.

    Bilinear with antialiasing is a triangle as wide as an output pixel, or an input pixel if that is wider.
    """
    scale = length / to
    centres = start + (np.arange(to) + 0.5) * scale
    distances = np.abs(np.arange(count) + 0.5 - centres[:, None])
    weights = np.maximum(0, 1 - distances / max(scale, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def resampled(pixels: NDArray[np.uint8], to: tuple[int, int], box: tuple[float, ...]) -> NDArray[np.float64]:
    """`pixels` (H, W, C) scaled to a height and width; `box` is top, left, height and width of what is looked at."""
    rows = triangle(pixels.shape[0], to[0], box[0], box[2])
    columns = triangle(pixels.shape[1], to[1], box[1], box[3])
    return np.asarray(np.einsum("yi,xj,ijc->yxc", rows, columns, pixels.astype(float)))


def reference(pixels: NDArray[np.uint8], target: tuple[int, int], fit: ImageFit) -> NDArray[np.float64]:
    """What `pixels` (H, W, C) become in `target`, computed from what each way is said to do."""
    size = np.array(pixels.shape[:2], float)
    if fit == "stretch":
        return resampled(pixels, target, (0, 0, *size))
    if fit == "crop":
        seen = np.array(target) * (size / target).min()
        return resampled(pixels, target, (*(size - seen) / 2, *seen))
    height, width = (round(float(side)) for side in size / (size / target).max())
    padded = np.full((*target, pixels.shape[2]), float(PADDING))
    top, left = (target[0] - height) // 2, (target[1] - width) // 2
    padded[top : top + height, left : left + width] = resampled(pixels, (height, width), (0, 0, *size))
    return padded


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("size", SIZES)
def test_a_file_an_array_and_an_opened_image_become_what_is_said(
    size: tuple[int, int], target: tuple[int, int], fit: ImageFit
) -> None:
    pixels, rules = noise(*size, 3), ImageRules(*target, "RGB", fit)
    decoded = decode(encoded(pixels), rules)
    assert decoded.shape == (*target, 3)
    np.testing.assert_allclose(decoded, reference(pixels, target, fit), atol=1.01)
    for kind, options in (("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        np.testing.assert_array_equal(decode(encoded(pixels, kind, **options), rules), decoded)
    np.testing.assert_array_equal(decode_array(pixels, rules), decoded)
    np.testing.assert_array_equal(decode_opened(Image.fromarray(pixels), rules), decoded)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", SIZES)
def test_grey_images_are_fitted_likewise(size: tuple[int, int], fit: ImageFit) -> None:
    pixels = noise(*size)
    decoded = decode(encoded(pixels), ImageRules(24, 32, "L", fit))
    np.testing.assert_allclose(decoded, reference(pixels[..., None], (24, 32), fit), atol=1.01)
    in_colour = decode(encoded(pixels), ImageRules(24, 32, "RGB", fit))
    np.testing.assert_array_equal(in_colour, decoded.repeat(3, axis=2))
    palette = Image.fromarray(pixels).convert("P")
    np.testing.assert_array_equal(decode(encoded(palette, "GIF"), ImageRules(24, 32, "L", fit)), decoded)


def test_pillows_own_functions_do_the_same() -> None:
    image = Image.fromarray(noise(90, 41, 3))
    crop, pad = (decode(encoded(image), ImageRules(30, 21, "RGB", fit)) for fit in ("crop", "pad"))
    np.testing.assert_allclose(crop, np.asarray(ImageOps.fit(image, (21, 30), Image.Resampling.BILINEAR)), atol=1)
    grey = (PADDING, PADDING, PADDING)
    padded = ImageOps.pad(image, (21, 30), Image.Resampling.BILINEAR, color=grey, centering=(0.49, 0.49))
    np.testing.assert_array_equal(pad, np.asarray(padded))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_an_image_that_its_exif_turns_is_fitted_as_it_stands_upright(
    kind: str, orientation: int, fit: ImageFit
) -> None:
    stored = noise(70, 43, 3, most=100)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, kind, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    rules = ImageRules(32, 27, "RGB", fit)
    decoded, expected = decode(content, rules), decode(encoded(upright), rules)
    np.testing.assert_allclose(decoded.astype(int), expected, atol=2)
    np.testing.assert_array_equal(decoded == PADDING, expected == PADDING)  # to the pixel


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1200, 1600), (1600, 1200), (500, 3000)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_the_same_image_as_its_pixels(size: tuple[int, int], fit: ImageFit, orientation: int) -> None:
    # It is decoded at a fraction of its size, but never below twice the target.
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels, rules = smooth(*size), ImageRules(48, 64, "RGB", fit)
    jpeg, png = (decode(encoded(pixels, kind, exif=exif), rules).astype(int) for kind in ("JPEG", "PNG"))
    np.testing.assert_allclose(jpeg, png, atol=4)


@pytest.mark.parametrize("fit", FITS)
def test_transparency_is_white_and_padding_is_not(fit: ImageFit) -> None:
    clear = Image.new("RGBA", (40, 20), (10, 20, 30, 0))
    decoded = decode(encoded(clear), ImageRules(20, 20, "RGB", fit))
    expected = np.full((20, 20, 3), 255, np.uint8)
    if fit == "pad":
        expected[:5] = expected[-5:] = PADDING
    np.testing.assert_array_equal(decoded, expected)
    alpha = np.zeros((20, 40, 4), np.uint8)
    np.testing.assert_array_equal(decode_array(alpha, ImageRules(20, 20, "RGB", fit)), expected)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(2, 3000), (3000, 2), (2, 2), (5000, 3)])
@pytest.mark.parametrize("target", [(8, 8), (1, 30), (30, 1), (1, 1)])
def test_strips_become_every_size(size: tuple[int, int], target: tuple[int, int], fit: ImageFit) -> None:
    decoded = decode(encoded(np.full((*size, 3), 77, np.uint8)), ImageRules(*target, "RGB", fit))
    assert decoded.shape == (*target, 3)
    assert set(np.unique(decoded)) <= ({77, PADDING} if fit == "pad" else {77})
    assert (decoded == 77).any()


@pytest.mark.parametrize("fit", FITS)
def test_an_image_of_the_right_size_is_not_touched(fit: ImageFit) -> None:
    pixels = noise(12, 17, 3)
    np.testing.assert_array_equal(decode(encoded(pixels), ImageRules(12, 17, "RGB", fit)), pixels)
    np.testing.assert_array_equal(decode_array(pixels, ImageRules(12, 17, "RGB", fit)), pixels)


def test_padding_around_an_image_that_is_as_large_as_it_may_be_leaves_its_pixels() -> None:
    pixels = noise(12, 17, 3)
    decoded = decode(encoded(pixels), ImageRules(17, 17, "RGB", "pad"))
    np.testing.assert_array_equal(decoded[2:14], pixels)  # of five rows more are below
    assert (decoded[:2] == PADDING).all()
    assert (decoded[14:] == PADDING).all()


def test_an_unknown_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected a fit of crop, pad, stretch"):
        ImageRules(8, 8, "RGB", "cover")  # type: ignore[arg-type]
    document = ImageRules(8, 8, "RGB", "pad").to_json()
    assert ImageRules.from_json(document).fit == "pad"
    for change in ({"fit": "cover"}, {"fit": None}, {"fit": ["pad"]}, {"rule": 1}):
        with pytest.raises(DataError):
            ImageRules.from_json(document | change)
    for data in ("digits", tmp_path):
        with pytest.raises(UsageError, match=r"Expected a fit of crop, pad, stretch\. Received: 'cover'"):
            open_source(data, fit="cover")  # type: ignore[arg-type]


def portraits(root: Path, count: int = 5) -> Path:
    """Noise of 3 : 4, of several sizes, and a landscape among them."""
    for name in "ab":
        (root / name).mkdir(parents=True)
        for row in range(count):
            width = 30 + 3 * row
            size = (width, 4 * width // 3) if row else (4 * width // 3, width)
            Image.fromarray(noise(size[1], size[0], 3)).save(root / name / f"{row}.png")
    return root


@pytest.mark.parametrize("fit", [None, *FITS])
def test_a_folder_is_decoded_by_the_fit_in_the_shape_that_most_images_have(
    fit: ImageFit | None, tmp_path: Path
) -> None:
    source = open_source(portraits(tmp_path / "data"), cache=tmp_path / "cache", fit=fit)
    dataset = source.readers["all"](silent)
    assert dataset.image_shape == (48, 36, 3)
    assert source.fit == (fit or "crop")
    rules = ImageRules(48, 36, "RGB", fit or "crop")
    for name, image in zip(dataset.names, dataset.images, strict=True):
        np.testing.assert_array_equal(image, decode(tmp_path / "data" / name, rules))
    told = " ".join(source.told())
    words = {
        "crop": "0% of an image is cut in the median, 44% at most",
        "pad": "44% at most",
        "stretch": "1.78 at most",
    }
    assert words[fit or "crop"] in told
    assert ("--fit pad or --fit stretch cuts nothing" in told) == (fit is None)


def test_a_folder_that_was_opened_to_be_fitted_otherwise_is_refused(tmp_path: Path) -> None:
    from beholder.api.look import look

    source = open_source(portraits(tmp_path / "data"), cache=tmp_path / "cache")
    with pytest.raises(UsageError, match=r"opened with fit='crop'; open them with fit='pad'"):
        look(source, fit="pad", as_seen=True)
    assert look(open_source("digits"), fit="pad", as_seen=True).size == look(open_source("digits")).size


def test_padding_does_not_make_a_coloured_set_grey(tmp_path: Path) -> None:
    """One pixel in a thousand of an image has to be coloured, of the image and not of what is around it."""
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        for row in range(3):
            image = Image.new("RGB", (400, 40), (90, 90, 90))
            image.paste((220, 0, 0), (0, 0, 8, 3))
            image.save(tmp_path / "data" / name / f"{row}.png")
    for fit in FITS:
        source = open_source(tmp_path / "data", cache=tmp_path / "cache", canvas=(400, 400), fit=fit)
        assert source.readers["all"](silent).image_shape[2] == (1 if fit == "crop" else 3)

"""How an image of another size or shape gets into the one that is asked for: it is cropped, padded or stretched."""

from __future__ import annotations

from typing import Literal, get_args

from PIL import Image

from beholder.arguments import one_of
from beholder.errors import UsageError

ImageFit = Literal["crop", "pad", "stretch"]
DEFAULT_FIT: ImageFit = "crop"

Size = tuple[int, int]  # here width, height in pixels, as Pillow has it

# Mid-grey, of 255: networks that scale pixels to -1 … 1 see nearly 0 there, which is what their convolutions add around
# a map themselves, and it is nearer to the mean of photographs than black or white, which drawings are made of.
PADDING = 128


def check_fit(fit: str) -> None:
    """Refuse what is no `ImageFit`.

    Raises:
        UsageError: see above.
    """
    if not one_of(fit, get_args(ImageFit)):
        raise UsageError(f"Expected a fit of {', '.join(get_args(ImageFit))}. Received: {fit!r}.")


def scaled(image: Image.Image, target: Size, fit: ImageFit) -> Image.Image:
    """Scale `image` to `target`, bilinear with antialiasing; one of the right size is not resampled.

    `crop` covers the target and cuts what stands over equally on both sides, `stretch` scales each side for itself, and
    `pad` ends inside the target, for `framed` to fill the rest.
    """
    if fit == "pad":
        target = _inside(image.size, target)
    if image.size == target:
        return image
    box = _middle(image.size, target) if fit == "crop" else None
    return image.resize(target, Image.Resampling.BILINEAR, box=box)


def framed(image: Image.Image, target: Size) -> Image.Image:
    """`image` (`RGB` or `L`) in the middle of `target`, all else `PADDING`; of an odd rest more is right and below."""
    if image.size == target:
        return image
    frame = Image.new(image.mode, target, (PADDING,) * len(image.getbands()))
    frame.paste(image, ((target[0] - image.width) // 2, (target[1] - image.height) // 2))
    return frame


def _inside(size: Size, target: Size) -> Size:
    """The largest size inside `target` with the proportions of `size`, in whole pixels."""
    scale = min(target[0] / size[0], target[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _middle(size: Size, target: Size) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the largest box in the middle of `size` with the proportions of `target`."""
    shrink = min(size[0] / target[0], size[1] / target[1])
    width, height = min(target[0] * shrink, size[0]), min(target[1] * shrink, size[1])
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return left, top, min(left + width, size[0]), min(top + height, size[1])

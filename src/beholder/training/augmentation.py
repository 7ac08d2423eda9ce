"""What a person says of how training images are varied: a name, or details; this file imports no framework.

`small` moves an image; `photo` does what another photograph of the same thing might: it is nearer or elsewhere in the
picture, lighter or darker, of more or less contrast and colour; `sound` does what another recording of the same sound
might. How strong each is stands in docs/lab-notebook.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from beholder.errors import UsageError

# Of what is no share of 1: degrees; decibels; and shares beyond which a sound is no longer itself.
_MOST = {"rotate": 180.0, "level": 40.0, "pitch": 0.5, "stretch": 0.5}


@dataclass(frozen=True)
class Augmentation:
    """What is varied, and how strongly; 0 leaves it alone.

    Attributes:
        shift: share of the short side by which an image is moved at most, a pixel at least; edges are reflected.
        crop: share of the area that is cut off at most; what is left is scaled to the whole.
        rotate: degrees by which it is turned at most, either way.
        brightness: share by which pixels are multiplied more or less, at most.
        contrast: share by which their distance from middle grey is, at most.
        colour: share by which their distance from grey of the same lightness is, at most.
        erase: share of the images of which a rectangle is covered with grey.
    """

    shift: float = 0.0
    crop: float = 0.0
    rotate: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    erase: float = 0.0


@dataclass(frozen=True)
class SoundAugmentation:
    """What is varied of sounds, as spectrograms, and how strongly; 0 leaves it alone.

    Attributes:
        shift: share of the clip's length by which it is moved in time at most, before and after it silence; a window of
            a longer file becomes any window of it instead.
        stretch: share by which it is slower or faster, at most.
        pitch: share by which all frequencies are higher or lower, at most.
        level: decibels by which it is louder or softer, at most.
        noise: share of the sounds that get steady noise under them, 20 to 40 dB below their loudest moment.
        mask: share of the time and of the bands of pitch that is silenced, each at most.
    """

    shift: float = 0.0
    stretch: float = 0.0
    pitch: float = 0.0
    level: float = 0.0
    noise: float = 0.0
    mask: float = 0.0


SMALL, SOUND = "small", "sound"  # what images and sounds are varied by, unless somebody says
NAMED = {
    SMALL: Augmentation(shift=1 / 16),
    "photo": Augmentation(crop=0.5, brightness=0.2, contrast=0.2, colour=0.2),
}
NAMED_SOUND = {SOUND: SoundAugmentation(shift=0.1, stretch=0.2, pitch=0.25, level=6.0, noise=0.3, mask=0.3)}
DETAILS = tuple(one.name for one in fields(Augmentation))
SOUND_DETAILS = tuple(one.name for one in fields(SoundAugmentation))


def augmentation(text: str) -> Augmentation | SoundAugmentation:
    """What a person's `text` means: a name, `photo` or `small`, or details, `crop=0.3`, or a name and other details.

    Details of sounds follow `sound`: `sound,mask=0.3`.

    Raises:
        UsageError: it is none of these.
    """
    first, *rest = [part.strip() for part in text.split(",")]
    if first in NAMED_SOUND:
        return replace(NAMED_SOUND[first], **dict(_detail(one, SOUND_DETAILS) for one in rest))
    chosen = NAMED.get(first)
    details = rest if chosen else [first, *rest]
    return replace(chosen or Augmentation(), **dict(_detail(one, DETAILS) for one in details))


def _detail(text: str, known: tuple[str, ...]) -> tuple[str, float]:
    name, sign, value = text.partition("=")
    name = name.strip()
    if not sign or name not in known:
        example = "sound,mask=0.3" if known is SOUND_DETAILS else "crop=0.3"
        raise UsageError(
            f"Expected {', '.join(NAMED)} or {', '.join(NAMED_SOUND)}, or details of {', '.join(known)}, such as "
            f"{example}. Received: {text!r}."
        )
    most = _MOST.get(name, 1.0)
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most or (name == "crop" and number == 1):
        raise UsageError(f"Expected a number from 0 to {most:g} for {name}. Received: {text!r}.")
    return name, number

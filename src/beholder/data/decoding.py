"""From a file to what a network sees, whatever the file is: the one rule that a model keeps, of images or of sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.decode import ImageRules, decode
from beholder.data.images.endings import lacks_end as image_lacks_end
from beholder.data.images.headers import StoredImage, open_stream
from beholder.data.kinds import IMAGES, SOUNDS, FileKind
from beholder.data.sounds.endings import lacks_end as sound_lacks_end
from beholder.data.sounds.needs import require_miniaudio
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.windows import decode_sound
from beholder.errors import ImageError, UsageError

Rules = ImageRules | SoundRules


def rules_from_json(document: dict[str, Any]) -> Rules:
    """The rules that `to_json` of either wrote.

    Raises:
        DataError: another version of the rule, or a missing or impossible value.
    """
    return SoundRules.from_json(document) if document.get("kind") == "sound" else ImageRules.from_json(document)


def kind_of(rules: Rules) -> FileKind:
    """The kind of files that `rules` are for."""
    return SOUNDS if isinstance(rules, SoundRules) else IMAGES


def image_rules(rules: Rules) -> ImageRules:
    """The rules of images.

    Raises:
        UsageError: they are those of sounds.
    """
    if isinstance(rules, SoundRules):
        raise UsageError("This is for images, and the network takes sounds; give a network of images.")
    return rules


def require_reader(rules: Rules) -> None:
    """Refuse to go on where what reads files by `rules` is not installed.

    Raises:
        UsageError: it is not.
    """
    if isinstance(rules, SoundRules):
        require_miniaudio()


def decode_rows(content: StoredImage | bytes, rules: Rules) -> NDArray[np.uint8]:
    """Decode a file, or its bytes, by `rules`: (n, H, W, C) uint8, one row of an image, one a window of a sound.

    Raises:
        ImageError: it cannot be read, is damaged, or of the other kind.
    """
    try:
        return decode_sound(content, rules) if isinstance(rules, SoundRules) else decode(content, rules)[np.newaxis]
    except ImageError as error:
        refuse_other_kind(content, kind_of(rules), error)
        raise


def lacks_end(content: StoredImage | bytes, rules: Rules) -> bool:
    """Whether a file, or its bytes, that `rules` read lacks its end, as one of a download that broke off."""
    if isinstance(rules, SoundRules):
        return sound_lacks_end(content)
    return image_lacks_end(content)


def refuse_other_kind(content: StoredImage | bytes, wanted: FileKind, error: ImageError | None = None) -> None:
    """Refuse a file that is of the other kind than `wanted`; one that cannot be opened is let through.

    Raises:
        ImageError: it is, in one sentence; its cause is `error`.
    """
    other = IMAGES if wanted is SOUNDS else SOUNDS
    try:
        with open_stream(content) as stream:
            start = stream.read(max(one.start for one in (IMAGES, SOUNDS)))
    except Exception:  # noqa: BLE001  whatever was wrong with it stands in `error`
        return
    found = other.format_of(start)
    if found is not None and wanted.format_of(start) is None:
        name = f"this {wanted.name}" if isinstance(content, bytes) else repr(str(content))
        raise ImageError(
            f"Cannot read {name}: it is {other.with_article} ({found}), and {wanted.plural} are expected here; give "
            f"{wanted.with_article}."
        ) from error

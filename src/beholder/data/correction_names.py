"""Which image a line of a corrections file names, however it was typed, and what is said of lines that name none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beholder.errors import DataError

if TYPE_CHECKING:
    from beholder.data.corrections import Correction

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[/\\]")


def matched(paths: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """From each of `paths` to the one of `names` that it means; those that mean none are left out.

    A path means the equal name. Where there is none, it means the only name that differs in nothing but `\\` for `/`, a
    `./` or spaces around it, the Unicode normal form, the case of the suffix, or the folders before it where it is
    absolute.
    """
    known = set(names)
    found = {path: path for path in paths if path in known}
    other = [path for path in paths if path not in known]
    if not other:
        return found
    by_key: dict[str, set[str]] = {}
    for name in known:
        by_key.setdefault(_key(name), set()).add(name)
    for path in other:
        for key in _keys(path):
            meant = by_key.get(key, set())
            if len(meant) == 1:
                found[path] = next(iter(meant))
            if meant:
                break
    return found


def notes(corrections: Sequence[Correction], found: set[str], name: str, unread: Iterable[str] = ()) -> tuple[str, ...]:
    """What a person should know of `corrections` of the data `name` once the images `found` were met.

    Args:
        corrections: all of a corrections file.
        found: the paths of those whose images were met.
        name: of the data.
        unread: sets of the data, such as `test`, that were not read; images of theirs may be right.

    Raises:
        DataError: no correction is of an image of the data.
    """
    missing = [one for one in corrections if one.path not in found]
    later = [one for one in missing if "test" in unread and _key(one.path).startswith("test/")]
    lost = [one for one in missing if one not in later]
    if not missing:
        return ()
    if lost and len(lost) == len(corrections):
        raise DataError(
            f"None of the {len(lost)} corrections names an image of {name!r} (the first: {_place(lost[0])}); give "
            "the corrections of this data, or none."
        )
    told = []
    if lost:
        sets = f" outside its {' and '.join(sorted(unread))} set" if unread else ""
        verb = "names" if len(lost) == 1 else "name"
        told.append(
            f"{len(lost)} of the {len(corrections)} corrections {verb} no image of {name!r}{sets}, the first: "
            f"{_place(lost[0])}; check the spelling."
        )
    if later:
        told.append(
            f"{len(later)} of the {len(corrections)} corrections seem to be of test images, which only `beholder "
            "evaluate` reads."
        )
    return tuple(told)


def validation_note(corrections: Sequence[Correction], validation: Sequence[str]) -> tuple[str, ...]:
    """Says how many `corrections` are of images called `validation`, which teach nothing."""
    changes = [one for one in corrections if one.action != "keep"]
    count = len(matched((one.path for one in changes), validation))
    return (in_words(count, len(changes)),) if count else ()


def in_words(count: int, total: int) -> str:
    """That `count` of `total` corrections are of validation images."""
    which = "is of a validation image: it changes" if count == 1 else "are of validation images: they change"
    return f"{count:,} of your {total:,} corrections {which} the figures, not what is learned."


def _place(one: Correction) -> str:
    return f"line {one.line}, {one.path!r}" if one.line else repr(one.path)


def _keys(path: str) -> Iterable[str]:
    key = _key(path)
    yield key
    if _ABSOLUTE.match(path.strip()):
        parts = [part for part in key.split("/") if part]
        yield from ("/".join(parts[start:]) for start in range(1, len(parts)))


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFC", name.strip().replace("\\", "/"))
    while plain.startswith("./"):
        plain = plain[2:]
    suffix = PurePosixPath(plain).suffix
    return plain.removesuffix(suffix) + suffix.lower()

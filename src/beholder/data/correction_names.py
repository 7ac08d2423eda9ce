"""Which image a line of a corrections file names, however it was typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Protocol


class Line(Protocol):
    """What is looked at of a correction."""

    @property
    def path(self) -> str:
        """The name of an image, as it was typed."""

    @property
    def action(self) -> str:
        """What was decided about it."""


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
        by_key.setdefault(normal_form(name), set()).add(name)
    for path in other:
        for key in _keys(path):
            meant = by_key.get(key, set())
            if len(meant) == 1:
                found[path] = next(iter(meant))
            if meant:
                break
    return found


def validation_note(corrections: Sequence[Line], validation: Sequence[str]) -> tuple[str, ...]:
    """Says how many `corrections` are of images, or sounds, called `validation`, which teach nothing."""
    changes = [one for one in corrections if one.action != "keep"]
    count = len(matched((one.path for one in changes), validation))
    if not count:
        return ()
    which = "is of the validation set: it changes" if count == 1 else "are of the validation set: they change"
    return (f"{count:,} of your {len(changes):,} corrections {which} the figures, not what is learned.",)


def normal_form(name: str) -> str:
    """A name with `/` between folders, in NFC, without `./` or spaces around it, its suffix in lower case."""
    plain = unicodedata.normalize("NFC", name.strip().replace("\\", "/"))
    while plain.startswith("./"):
        plain = plain[2:]
    suffix = PurePosixPath(plain).suffix
    return plain.removesuffix(suffix) + suffix.lower()


def _keys(path: str) -> Iterable[str]:
    key = normal_form(path)
    yield key
    if _ABSOLUTE.match(path.strip()):
        parts = [part for part in key.split("/") if part]
        yield from ("/".join(parts[start:]) for start in range(1, len(parts)))

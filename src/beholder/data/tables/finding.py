"""Which file each path in a table means: looked up in listings of folders, not asked for one by one."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from unicodedata import normalize

from beholder.data.images.places import Place
from beholder.data.kinds import IMAGES, kind_of_name


@dataclass(frozen=True)
class Found:
    """The file that each row means.

    Attributes:
        names: of the files in their place, one a row; of those that are missing as the row has it.
        missing: from the row of each file that is not there to why, and what to do.
        notes: sentences about files that were found elsewhere than the table says.
    """

    names: list[str]
    missing: dict[int, str]
    notes: tuple[str, ...] = ()


def find_files(paths: Sequence[str], place: Place, hint: str = "") -> Found:
    """The files in `place` that `paths` name.

    A path is that of a file from the top of the place, absolute, or an end of the path of one file alone, without its
    suffix too: `0a1f` finds `train/0a1f.jpg`. Of several such files it means the one below the folder called `hint`, or
    `hint_images`.
    """
    names = _tidied(paths)
    sought = _not_there(names, place)
    return _sought(names, sought, place, hint) if sought else Found(names, {})


def _not_there(names: Sequence[str], place: Place) -> list[int]:
    """The rows of `names` that are no files; quick where names are sorted, since those of a folder then stand together.

    Folders have the `/` behind them here: what begins with one lies in the root of this machine, and not in the place.
    """
    files: dict[str, set[str]] = {}

    def inside(folder: str) -> set[str]:
        if folder not in files:
            files[folder] = {f"{folder}{name}" for name in place.files_in(folder)}
        return files[folder]

    missing: list[int] = []
    start = 0
    while start < len(names):
        folder = _folder(names[start])
        end = bisect_left(names, f"{folder}\U0010ffff", start + 1)
        if not inside(folder).issuperset(names[start:end]):  # some are missing, or in folders below
            missing += [row for row in range(start, end) if names[row] not in inside(_folder(names[row]))]
        start = end
    return missing


def _folder(name: str) -> str:
    return name[: name.rfind("/") + 1]


def _sought(names: list[str], rows: Sequence[int], place: Place, hint: str) -> Found:
    """`names`, of which those at `rows` are no files, with files that their ends name."""
    index = _Index(place)
    missing: dict[int, str] = {}
    elsewhere: list[tuple[str, str]] = []
    for row in rows:
        name = names[row]
        found = index.meant(name, hint)
        if len(found) == 1:
            elsewhere.append((name, found[0]))
            names[row] = found[0]
        elif found:
            missing[row] = f"it may be {found[0]!r} or {found[1]!r}; write which of them."
        elif "://" in name:
            missing[row] = "it is an address, and nothing is fetched; download it and give its path."
        else:
            missing[row] = f"no such file in {place.told!r}; add it, or leave the row out."
    if not elsewhere:
        return Found(names, missing)
    name, file = elsewhere[0]
    kind = kind_of_name(file) or IMAGES
    count = f"1 {kind.name} was" if len(elsewhere) == 1 else f"{len(elsewhere):,} {kind.plural} were"
    return Found(names, missing, (f"{count} found by an end of the path (for example {name!r} is {file!r}).",))


class _Index:
    """The images and sounds of a place by the last part of their names, with and without the suffix."""

    def __init__(self, place: Place) -> None:
        self._by_end: dict[str, list[str]] = {}
        for name in place.files_below():
            if kind_of_name(name) is not None:
                base = _plain(name.rpartition("/")[2])
                stem = base.rpartition(".")[0]
                self._by_end.setdefault(base, []).append(name)
                self._by_end.setdefault(stem, []).append(name)

    def meant(self, name: str, hint: str) -> list[str]:
        """The files that `name` may mean: those with the whole of it at their end, else also without their suffix."""
        wanted = _plain(name)
        candidates = self._by_end.get(wanted.rpartition("/")[2], [])
        for cut in (False, True):
            found = [file for file in candidates if _ends(_plain(file), wanted, cut)]
            if len(found) > 1 and hint:
                below = [file for file in found if _hinted(file, hint)]
                found = below if len(below) == 1 else found
            if found:
                return sorted(found)
        return []


def _ends(file: str, wanted: str, cut: bool) -> bool:
    if cut:
        file = file[: len(file) - len(PurePosixPath(file).suffix)]
    return file == wanted or file.endswith(f"/{wanted}")


def _hinted(file: str, hint: str) -> bool:
    top = file.partition("/")[0].casefold()
    return top == hint.casefold() or top.startswith((f"{hint.casefold()}_", f"{hint.casefold()}-"))


def _plain(name: str) -> str:
    """Accents in one form: macOS writes them in another than people type."""
    return name if name.isascii() else normalize("NFC", name)


def _tidied(paths: Sequence[str]) -> list[str]:
    """With `/` between folders, and neither `.` nor empty ones among these; addresses stay as they are."""
    text = "\n".join(paths)
    if not any(odd in text for odd in ("\\", "./", "//")):  # of a million paths, none is looked at
        return list(paths)
    return [path if "://" in path else posixpath.normpath(path.replace("\\", "/")) if path else "" for path in paths]

"""Data are images or sounds, and never both: told from the names of the files that are listed."""

from __future__ import annotations

from collections.abc import Mapping

from beholder.data.folders.listing import Listing
from beholder.data.images.headers import open_stream
from beholder.data.kinds import IMAGES, START, FileKind, format_and_kind, kind_of_name, kinds_named
from beholder.errors import DataError


def of_one_kind(sets: Mapping[str, Listing], root: str) -> dict[str, Listing]:
    """`sets` as listings of the one kind that their files are of.

    Files whose names say nothing, as a table may have them, are what the first of them is by its first bytes.

    Raises:
        DataError: some are images and some sounds.
    """
    paths = [path for listing in sets.values() for path in listing.paths]
    kinds = kinds_named(paths)
    if len(kinds) > 1:
        first = {kind.name: next(path for path in paths if kind.is_name(path)) for kind in kinds}
        raise DataError(
            f"{root!r} holds both images (such as {first['image']!r}) and sounds (such as {first['sound']!r}), and a "
            "network learns from one kind; leave the other out."
        )
    kind = kinds[0] if kinds else _kind_of_first(sets, paths)
    return {set_name: listing.of_kind(kind) for set_name, listing in sets.items()}


def _kind_of_first(sets: Mapping[str, Listing], paths: list[str]) -> FileKind:
    """The kind of files whose names are none of those that are read."""
    unusable = [one.kind for listing in sets.values() for one in listing.unusable]
    if not paths:
        return unusable[0] if unusable else IMAGES
    named = kind_of_name(paths[0])
    if named is not None:
        return named
    place = next(iter(sets.values())).place
    try:
        with open_stream(place.image(paths[0])) as stream:
            found = format_and_kind(stream.read(START))
    except Exception:  # noqa: BLE001  reading it will say what is wrong
        return IMAGES
    return IMAGES if found is None else found[1]

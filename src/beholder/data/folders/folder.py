"""A folder of images, `train/<class>/…` with optional `val/` and `test/`, or `<class>/…`, as a `Source`."""

from __future__ import annotations

from collections.abc import Mapping

from beholder.data.folders.classes import alike, refuse_thin, strangers
from beholder.data.folders.listing import Listing, list_set, listing_notes, loose_files, refuse_strays
from beholder.data.folders.one_kind import of_one_kind
from beholder.data.folders.reading import Reading, learned_from, listed_source
from beholder.data.folders.roles import divide
from beholder.data.folders.tree import Tree
from beholder.data.images.places import Place
from beholder.data.source import Source
from beholder.errors import DataError


def open_tree(place: Place, tree: Tree, name: str, reading: Reading) -> Source:
    """Open a folder of images; names and some headers are read, the pixels of a set only by its reader.

    Images anywhere below a class folder belong to that class. What is named like an image, or begins like one, and
    cannot be read is left out, named and counted; other files and hidden ones are counted in a note. Symbolic links to
    folders are followed, but never upwards and each folder once a class. For an audit whatever training cannot work
    with is taken: however many unreadable images, thin classes, names of classes that are nearly the same, and classes
    that only validation or test has, which then count as classes and stand in a note.

    Args:
        place: the folder, or that in an archive; what it is called is where `tree` begins.
        tree: what lies in it.
        name: what the person calls it.
        reading: how the images are read.

    Returns:
        A source with the sets `train`, `validation` and `test` that are there, or `all` for an unsplit folder. Its
        images are (N, height, width, 3 or 1) uint8, and its names are paths below `place`.

    Raises:
        DataError: no images, one class, or folders that can be understood in two ways; unless it is for an audit a
            class with fewer than two images to learn from, a class of validation or test that train does not have, and,
            from a reader, that more than one image in twenty is unreadable, or more than one in five of a class.
        UsageError: the cache lies inside the folder.
    """
    place.refuse_cache(reading.cache)
    root = place.told
    roles = divide(tree, root)
    sets = {set_name: list_set(tree, place, set_name, folder) for set_name, folder in roles.folders.items()}
    sets = of_one_kind(sets, root)
    learn = learned_from(sets)
    class_names = _class_names(root, sets, learn)
    strange = strangers(root, sets, learn, class_names)
    twins = alike(sets[learn], "merge the folders")
    strays, others = ([], []) if "all" in sets else loose_files(tree, root)
    strays += [name for listing in sets.values() for name in listing.strays]
    others += [name for listing in sets.values() for name in listing.others]
    if reading.for_audit:
        class_names = tuple(sorted({*class_names, *strange}))
    elif strange or twins:
        raise DataError(next(iter([*strange.values(), *twins])))
    else:
        refuse_strays(root, strays, sum(listing.count for listing in sets.values()), sets[learn].kind)
        refuse_thin(root, sets, learn, class_names, advice="remove its folder")
    first = listing_notes(sets, learn, strays, others)
    notes = list(first), [*roles.notes, *strange.values(), *twins]
    return listed_source(name, place, sets, class_names, notes, reading)


def _class_names(root: str, sets: Mapping[str, Listing], learn: str) -> tuple[str, ...]:
    kind = sets[learn].kind
    if not any(listing.paths for listing in sets.values()):
        unusable = [one for listing in sets.values() for one in listing.unusable]
        if unusable:
            raise DataError(
                f"None of the {len(unusable):,} {kind.plural} in class folders below {root!r} can be read; convert "
                f"them to {kind.told}, the first: {unusable[0].error}"
            )
        loose = [path for listing in sets.values() for path in listing.strays]
        there = f"; {len(loose):,} lie directly in it, such as {loose[0]!r}" if loose else ""
        raise DataError(
            f"No images in class folders below {root!r}{there}; sort them into train/<class>/<image> or "
            "<class>/<image>, in JPEG, PNG, WebP, BMP, GIF or TIFF (or sounds, in WAV, FLAC, Ogg Vorbis or MP3)."
        )
    names = sets[learn].class_folders
    if len(names) < 2:
        raise DataError(
            f"{f'Only one class, {names[0]!r},' if names else 'No class'} below {sets[learn].folder!r}; "
            f"give it at least two folders of {kind.plural}, one for each class."
        )
    return names

"""A folder of images, `train/<class>/…` with optional `val/` and `test/`, or `<class>/…`, as a `Source`."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.folders.listing import Listing, list_set, listing_notes, loose_files, refuse_strays
from beholder.data.folders.roles import TITLES, divide
from beholder.data.folders.tree import Tree
from beholder.data.images.cache import ImageFiles, load_images, refuse_cache_inside
from beholder.data.images.colour import Colour, decide_mode
from beholder.data.images.decode import ImageRules
from beholder.data.images.fit_words import fitting_in_words, median_misfit, with_a_way_out
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit, check_fit
from beholder.data.images.sizes import choose_canvas, sample_sizes
from beholder.data.progress import Progress
from beholder.data.source import Reader, Source
from beholder.errors import DataError

_OTHER_MISFIT = 0.05  # of an image: so much more is cut in another set than in that to learn from, and it is said


def open_folder(
    path: Path,
    *,
    cache: Path,
    canvas: tuple[int, int] | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    for_audit: bool = False,
) -> Source:
    """Open a folder of images; names and some headers are read, the pixels of a set only by its reader.

    Images anywhere below a class folder belong to that class. What is named like an image, or begins like one, and
    cannot be read is left out, named and counted; other files and hidden ones are counted in a note. Symbolic links to
    folders are followed, but never upwards and each folder once a class.

    Args:
        path: the folder; never written to.
        cache: where decoded images are kept.
        canvas: height and width in pixels of every image; without it `choose_canvas` finds them from a sample.
        colour: whether images get three channels or one; by default one where all images of a sample are grey.
        fit: what is done to images of other proportions than the canvas; by default they are cropped.
        for_audit: take what an audit is to find and training cannot work with: however many unreadable images, thin
            classes, names of classes that are nearly the same, and classes that only validation or test has, which then
            count as classes and stand in a note.

    Returns:
        A source with the sets `train`, `validation` and `test` that are there, or `all` for an unsplit folder. Its
        images are (N, height, width, 3 or 1) uint8, and its names are paths below `path`.

    Raises:
        DataError: no such folder, no images, one class, or folders that can be understood in two ways; unless it is
            for an audit a class with fewer than two images to learn from, a class of validation or test that train
            does not have, and, from a reader, that more than one image in twenty is unreadable, or more than one in
            five of a class.
        UsageError: the cache lies inside the folder, or an unknown `fit`.
    """
    by = DEFAULT_FIT if fit is None else fit
    check_fit(by)
    if not path.is_dir():
        raise DataError(f"Cannot find a folder at {str(path)!r}; check the path.")
    refuse_cache_inside(path, cache)
    tree = Tree()
    roles = divide(tree, str(path))
    sets = {set_name: list_set(tree, path, set_name, folder) for set_name, folder in roles.folders.items()}
    learn = next(set_name for set_name in ("train", "all", "test", "validation") if set_name in sets)
    class_names = _class_names(path, sets, learn)
    strangers = _strangers(path, sets, learn, class_names)
    alike = _alike(sets[learn])
    strays, others = ([], []) if "all" in sets else loose_files(tree, path)
    strays += [name for listing in sets.values() for name in listing.strays]
    others += [name for listing in sets.values() for name in listing.others]
    if for_audit:
        class_names = tuple(sorted({*class_names, *strangers}))
    elif strangers or alike:
        raise DataError(next(iter([*strangers.values(), *alike])))
    else:
        refuse_strays(path, strays, sum(listing.count for listing in sets.values()))
        _refuse_thin_classes(path, sets[learn], class_names, at_least=2 if learn in ("train", "all") else 0)
        for listing in sets.values():
            if not listing.paths:  # a set without a reader would be split off another one
                listing.refuse_unreadable({})
    # In an audit the set to learn from may have no images.
    measured = [sets[learn]] if sets[learn].paths else list(sets.values())
    names = [name for listing in measured for name in listing.paths]
    sizes = sample_sizes(path, names)
    height, width = canvas or choose_canvas(sizes)
    classes = [name for listing in measured for name in listing.classes]
    mode, colour_notes = decide_mode(colour, path, names, classes, (height, width), by)
    fitting = fitting_in_words(sizes, (height, width), by)
    if fitting and by == "crop" and fit is None and canvas is None:  # nobody decided
        fitting = with_a_way_out(fitting, sizes, (height, width))
    notes = (
        *listing_notes(sets, learn, strays, others),
        *colour_notes,
        *roles.notes,
        *strangers.values(),
        *alike,
        *([fitting] if fitting else []),
    )
    filled = {set_name: listing for set_name, listing in sets.items() if listing.paths}
    files = {set_name: listing.names for set_name, listing in filled.items()}
    readers: dict[str, Reader] = {}
    source = Source(str(path), class_names, readers, notes, folder=path, files=files, fit=by)
    for set_name, listing in filled.items():
        usual = None if set_name == learn else median_misfit(sizes, (height, width))
        rules = ImageRules(height, width, mode, by)
        readers[set_name] = partial(_read_set, source, listing, rules, cache, usual, for_audit)
    return source


def _read_set(
    source: Source,
    listing: Listing,
    rules: ImageRules,
    cache: Path,
    usual: float | None,
    for_audit: bool,
    progress: Progress,
) -> Dataset:
    """Read the images of one set, and tell the source what could not be read and what is cut off.

    `usual` is the median `misfit` of the set to learn from; None where this is that set.
    """
    loaded = load_images(
        ImageFiles(listing.root, listing.set_name, listing.paths), rules, cache=cache, progress=progress
    )
    if not for_audit:
        listing.refuse_unreadable(loaded.failures)
    failures = [(listing.paths[row], error) for row, error in loaded.failures.items()]
    for path, error in [*failures, *((one.path, one.error) for one in listing.unusable)]:
        failure = {"path": path, "error": error}
        if failure not in source.skipped:  # a set may be read twice
            source.skipped.append(failure)
    if usual is not None:
        sizes = sample_sizes(listing.root, listing.paths)
        told = fitting_in_words(sizes, rules.shape[:2], rules.fit)
        if told and median_misfit(sizes, rules.shape[:2]) > usual + _OTHER_MISFIT:
            note = f"In the {TITLES[listing.set_name]} set, {told[:1].lower()}{told[1:]}"
            source.later.extend([note] if note not in source.later else [])
    label_of = {name: label for label, name in enumerate(source.class_names)}
    labels = np.array([label_of[listing.classes[row]] for row in loaded.rows], np.int64)
    return Dataset(loaded.images, labels, source.class_names, [listing.paths[row] for row in loaded.rows])


def _class_names(root: Path, sets: Mapping[str, Listing], learn: str) -> tuple[str, ...]:
    if not any(listing.paths for listing in sets.values()):
        unusable = [one for listing in sets.values() for one in listing.unusable]
        if unusable:
            raise DataError(
                f"None of the {len(unusable):,} images in class folders below {str(root)!r} can be read; bring them in "
                f"JPEG, PNG, WebP, BMP, GIF or TIFF, the first: {unusable[0].error}"
            )
        loose = [path for listing in sets.values() for path in listing.strays]
        there = f"; {len(loose):,} lie directly in it, {loose[0]!r} say" if loose else ""
        raise DataError(
            f"No images in class folders below {str(root)!r}{there}; bring them as train/<class>/<image> or "
            "<class>/<image>, in JPEG, PNG, WebP, BMP, GIF or TIFF."
        )
    names = sets[learn].class_folders
    if len(names) < 2:
        raise DataError(
            f"Only {len(names)} class below {sets[learn].folder!r} ({', '.join(map(repr, names)) or 'no folder'}); "
            "bring at least two folders of images, one a class."
        )
    return names


def _strangers(root: Path, sets: Mapping[str, Listing], learn: str, class_names: Sequence[str]) -> dict[str, str]:
    """From each class that the set to learn from does not have to a sentence about it."""
    found: dict[str, str] = {}
    near = {_key(name): name for name in class_names}
    for set_name, listing in sets.items():
        for path, name in zip(listing.paths, listing.classes, strict=True):
            if name not in class_names and name not in found:
                hint = f" (but {near[_key(name)]!r})" if _key(name) in near else ""
                found[name] = (
                    f"The {set_name} set of {str(root)!r} has a class {name!r} ({path!r}) that the "
                    f"{'training' if learn == 'train' else learn} set does not have{hint}; rename or remove it."
                )
    return found


def _alike(listing: Listing) -> list[str]:
    """A sentence about each group of classes whose names differ in case, blanks or coding alone.

    Single letters are left alone: who sorts handwriting means by `a` and `A` two classes.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in listing.class_folders:
        groups[_key(name)].append(name)
    return [
        f"Classes {' and '.join(map(repr, names))} in {listing.folder!r} differ only in case, spaces or Unicode "
        "form; merge the folders, or give them names that differ more."
        for key, names in groups.items()
        if len(names) > 1 and not (len(key) == 1 and all(len(name) == 1 for name in names))
    ]


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _refuse_thin_classes(root: Path, listing: Listing, class_names: Sequence[str], *, at_least: int) -> None:
    counts = Counter(listing.classes)
    for name in class_names:
        count = counts[name]
        if count >= at_least:
            continue
        lost = [one for one in listing.unusable if one.class_name == name]
        told = f"Class {name!r} of {str(root)!r} has {count or 'no'} image{'s' * (count != 1)}"
        if lost:
            raise DataError(
                f"{told} that can be read, and {len(lost):,} that cannot; repair or convert these, the first: "
                f"{lost[0].error}"
            )
        raise DataError(f"{told}; bring at least {at_least}, or remove its folder.")

"""The classes of listed images, and which of them training cannot work with: strangers, twins and thin ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from beholder.data.class_names import groups_alike, likeness, quoted
from beholder.data.folders.listing import Listing
from beholder.errors import DataError


def strangers(root: str, sets: Mapping[str, Listing], learn: str, class_names: Sequence[str]) -> dict[str, str]:
    """From each class that the set to learn from does not have to a sentence about it."""
    found: dict[str, str] = {}
    known = set(class_names)
    near = {likeness(name): name for name in class_names}
    others = {set_name: listing for set_name, listing in sets.items() if set_name != learn}
    for set_name, listing in others.items():
        for path, name in zip(listing.paths, listing.classes, strict=True):
            if name not in known and name not in found:
                other = near.get(likeness(name))
                shown, *but = quoted([name, other] if other else [name])
                hint = f" (but {but[0]})" if but else ""
                found[name] = (
                    f"The {set_name} set of {root!r} has a class {shown} ({path!r}) that the "
                    f"{'training' if learn == 'train' else learn} set does not have{hint}; rename or remove it."
                )
    return found


def alike(listing: Listing, advice: str) -> list[str]:
    """A sentence, with `advice`, about each group of classes whose names differ in case, spaces or Unicode form."""
    return [
        f"Classes {' and '.join(quoted(names))} in {listing.folder!r} differ only in case, spaces or Unicode "
        f"form; {advice}, or give them names that differ more."
        for names in groups_alike(listing.class_folders)
    ]


def refuse_thin(root: str, sets: Mapping[str, Listing], learn: str, class_names: Sequence[str], *, advice: str) -> None:
    """Refuse a set without images, and a class with fewer than two to learn from; `advice` is what else one can do.

    Raises:
        DataError: the first such class or set.
    """
    _refuse_thin_classes(root, sets[learn], class_names, 2 if learn in ("train", "all") else 0, advice)
    for listing in sets.values():
        if not listing.paths:  # a set without a reader would be split off another one
            listing.refuse_unreadable({})


def _refuse_thin_classes(root: str, listing: Listing, class_names: Sequence[str], at_least: int, advice: str) -> None:
    counts = Counter(listing.classes)
    for name in class_names:
        count = counts[name]
        if count >= at_least:
            continue
        lost = [one for one in listing.unusable if one.class_name == name]
        told = f"Class {name!r} of {root!r} has {listing.kind.count(count) if count else f'no {listing.kind.plural}'}"
        if lost:
            raise DataError(
                f"{told} that can be read, and {len(lost):,} that cannot; repair or convert these, the first: "
                f"{lost[0].error}"
            )
        raise DataError(f"{told}; add {listing.kind.plural} until there are at least {at_least}, or {advice}.")

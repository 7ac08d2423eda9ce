"""Names of classes: those that look alike, and data whose classes are some of those that a model learned."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.data.source import Reader, Source
from beholder.errors import DataError

_NAMED = 3  # classes that a sentence names


def likeness(name: str) -> str:
    """What names have in common that differ in case, spaces, Unicode form or signs without a width alone."""
    shown = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", shown).casefold().split())


def groups_alike(names: Iterable[str]) -> list[list[str]]:
    """Groups of `names` that differ in case, spaces or Unicode form alone.

    A single letter in two cases is left alone: who sorts handwriting means by `a` and `A` two classes.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[likeness(name)].append(name)
    return [group for key, group in groups.items() if len(group) > 1 and not (len(key) == 1 and _are_cases(group))]


def _are_cases(letters: Sequence[str]) -> bool:
    """Whether these names are single letters that nobody takes for each other."""
    return len({unicodedata.normalize("NFKC", letter) for letter in letters if len(letter) == 1}) == len(letters)


def quoted(names: Sequence[str]) -> list[str]:
    """`names` in quotes; those that would look the same are told by the codes of what is no ASCII in them."""
    shown = [unicodedata.normalize("NFC", name) for name in names]
    return [repr(name) if shown.count(form) == 1 else ascii(name) for name, form in zip(names, shown, strict=True)]


def refuse_alike(names: Iterable[str], where: str) -> None:
    """Refuse names that are most likely meant as one.

    Raises:
        DataError: two of them differ in case, spaces or Unicode form alone.
    """
    for group in groups_alike(names):
        raise DataError(
            f"The class names {' and '.join(quoted(group))} in {where!r} differ only in case, spaces or Unicode form; "
            "give these images one name, or names that differ more."
        )


def numbered_as(source: Source, class_names: tuple[str, ...]) -> Source:
    """`source` with the labels of `class_names`, which a model learned; it may lack some of them.

    Raises:
        DataError: it has a class that is none of them.
    """
    if source.class_names == class_names:
        return source
    strange = [name for name in source.class_names if name not in class_names]
    if strange:
        near = {likeness(name): name for name in class_names}
        meant = near.get(likeness(strange[0]))
        told = " and ".join(quoted([strange[0], meant])) if meant else ""
        hint = f" ({told} differ only in case, spaces or Unicode form)" if meant else ""
        more = ", …" if len(strange) > _NAMED else ""
        raise DataError(
            f"{source.name!r} has {'a class' if len(strange) == 1 else f'{len(strange)} classes'} that the model did "
            f"not learn: {', '.join(map(repr, strange[:_NAMED]))}{more}{hint}; give data with the classes that "
            "it learned, or with some of them."
        )
    order = np.array([class_names.index(name) for name in source.class_names], np.int64)

    def read_one(read: Reader, progress: Progress) -> Dataset:
        dataset = read(progress)
        return replace(dataset, labels=order[dataset.labels], class_names=class_names)

    readers = {set_name: partial(read_one, read) for set_name, read in source.readers.items()}
    return replace(source, class_names=class_names, readers=readers)

"""A source whose images get their groups, and what a person should know of these before an image is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from beholder.data.dataset import Dataset
from beholder.data.groups.rule import ALONE, GroupRule, compiled, group_in
from beholder.data.progress import Progress
from beholder.data.source import Reader, Source
from beholder.errors import DataError, UsageError

GroupOf = Callable[[str], str]  # from an image's name to its group


def grouped_by_pattern(source: Source, pattern: str | None, *, strict: bool = True) -> Source:
    """`source`, whose images belong together where the first capture group of `pattern` finds the same in their paths.

    Args:
        source: opened data.
        pattern: a regular expression, searched for in each image's path below the data, with `/` between folders.
            None: the source stays as it is.
        strict: refuse a pattern that finds nothing; otherwise the source then stays as it is.

    Raises:
        UsageError: the pattern is none, the images are in no files, or they have groups already.
        DataError: it finds nothing in any path.
    """
    if pattern is None or source.group_rule == GroupRule("pattern", pattern):
        return source
    expression = compiled(pattern)
    if not source.files:
        if not strict:
            return source
        raise UsageError(
            f"--group-pattern is for {source.file_kind.plural} in files, and those of {source.name!r} are not; leave "
            "it out, or give a Dataset with groups."
        )
    if source.group_rule is not None:
        raise UsageError(
            f"The {source.file_kind.plural} of {source.name!r} are grouped by {source.group_rule}; leave "
            "--group-pattern out."
        )
    group_of = partial(group_in, expression)
    names = [name for names in source.files.values() for name in names]
    if not any(group_of(name) != ALONE for name in names):
        if not strict:
            return source
        raise DataError(
            f"The group pattern {pattern!r} finds no group in any of the {len(names):,} paths of {source.name!r}, "
            f"such as {names[0]!r}; correct it."
        )
    return grouped(source, group_of, GroupRule("pattern", pattern))


def grouped(source: Source, group_of: GroupOf, rule: GroupRule) -> Source:
    """`source`, whose images belong together as `group_of` their names says, which follows `rule`.

    A note says how many images belong with no other; which groups lie in several of the sets is told by `Source.told`.
    """

    def read_one(read: Reader, progress: Progress) -> Dataset:
        dataset = read(progress)
        return replace(dataset, groups=[group_of(name) for name in dataset.names])

    groups = {set_name: [group_of(name) for name in names] for set_name, names in source.files.items()}
    readers = {set_name: partial(read_one, read) for set_name, read in source.readers.items()}
    notes = (*source.notes, *_alone(source, groups, rule))
    return replace(source, readers=readers, notes=notes, groups=groups, group_rule=rule)


def _alone(source: Source, groups: Mapping[str, Sequence[str]], rule: GroupRule) -> Iterator[str]:
    names = [
        name
        for set_name, of_images in groups.items()
        for name, group in zip(source.files[set_name], of_images, strict=True)
        if group == ALONE
    ]
    if names:
        have = f"{source.file_kind.count(len(names))} {'has' if len(names) == 1 else 'have'}"
        yield f"{have} no group by {rule} (the first: {names[0]!r}); each is taken for a group of its own."

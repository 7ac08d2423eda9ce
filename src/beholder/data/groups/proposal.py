"""Whether file names look like those of groups, and the pattern that would part them so: proposed, never chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beholder.data.groups.across import count_in_words, straddling
from beholder.data.groups.rule import ALONE, compiled, group_in
from beholder.data.kinds import FileKind
from beholder.data.source import Source

_FEWEST, _LARGEST = 3, 0.5  # groups, and of all images the share of the largest: else there is nothing to divide by
_SMALLEST = 2.0  # images in a group on average
_MATCHED = 0.95  # of the paths
_SEPARATORS = "_. -"
_MOST_TOKENS = 5


@dataclass(frozen=True)
class Proposal:
    """A pattern by which images may belong together.

    Attributes:
        pattern: for `--group-pattern`.
        groups: how many it finds.
        example: a path, and the group that it finds there.
        across: how many of them lie in several of the sets that the data bring.
        kind: of the files.
    """

    pattern: str
    groups: int
    example: tuple[str, str]
    across: int
    kind: FileKind

    def __str__(self) -> str:
        """A sentence."""
        path, group = self.example
        across = f", {self.across:,} of them in several sets," if self.across else ""
        return (
            f"File names look like {count_in_words(self.groups)}{across} (such as {group!r} in {path!r}); if "
            f"{self.kind.plural} of one belong together, give --group-pattern '{self.pattern}', or figures may flatter."
        )


def propose_groups(source: Source) -> Proposal | None:
    """The first pattern that parts the file names of `source` as groups would; None where none does."""
    names = [name for names in source.files.values() for name in names]
    classes = [name for names in source.classes.values() for name in names]
    for pattern in _candidates(names, classes):
        expression = compiled(pattern)
        groups = {set_name: [group_in(expression, name) for name in of] for set_name, of in source.files.items()}
        found = [group for of in groups.values() for group in of]
        if _plausible(found, classes):
            row = next(row for row, group in enumerate(found) if group != ALONE)
            count = len(set(found) - {ALONE})
            return Proposal(pattern, count, (names[row], found[row]), len(straddling(groups)), source.file_kind)
    return None


def _candidates(names: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    """A folder inside those of the classes, then each part of the file's name but the last, which counts images."""
    parents = [name.split("/")[-2] if "/" in name else "" for name in names]
    if sum(parent not in ("", label) for parent, label in zip(parents, classes, strict=True)) > _MATCHED * len(names):
        yield r"([^/]+)/[^/]*$"
    tokens = [re.split(f"[{_SEPARATORS}]", name.rpartition("/")[2].rpartition(".")[0]) for name in names]
    usual = Counter(map(len, tokens)).most_common(1)[0][0] if tokens else 0
    if usual < 2:
        return
    for place in range(min(usual - 1, _MOST_TOKENS)):
        before = f"[^/{_SEPARATORS}]*[{_SEPARATORS}]" * place
        yield rf"(?:^|/){before}([^/{_SEPARATORS}]+)[{_SEPARATORS}][^/]*$"


def _plausible(groups: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether values part images as groups would: not as classes do, not one by one, and not all into one."""
    sizes = Counter(group for group in groups if group != ALONE)
    matched = sizes.total()
    if matched < _MATCHED * len(groups) or len(sizes) < _FEWEST or matched < _SMALLEST * len(sizes):
        return False
    pairs = len({pair for pair in zip(groups, classes, strict=True) if pair[0] != ALONE})
    of_one_class = pairs == len(sizes)
    named_as_classes = of_one_class and len(sizes) <= len(set(classes))
    return not named_as_classes and max(sizes.values()) <= _LARGEST * len(groups)

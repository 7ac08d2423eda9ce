"""Groups that lie in several sets, counted and in words; no image is read for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from beholder.data.folders.roles import TITLES
from beholder.data.groups.rule import ALONE, GroupRule


def straddling(groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """From each group that lies in several sets to these; `groups` has for each set those of its images."""
    homes: dict[str, list[str]] = {}
    for set_name in (name for name in TITLES if name in groups):
        for group in dict.fromkeys(groups[set_name]):
            if group != ALONE:
                homes.setdefault(group, []).append(set_name)
    return {group: sets for group, sets in sorted(homes.items()) if len(sets) > 1}


def straddling_in_words(groups: Mapping[str, Sequence[str]], rule: GroupRule) -> Iterator[str]:
    """A sentence about groups across the sets that data bring; none where they bring one set only."""
    if len(groups) < 2:
        return
    across = straddling(groups)
    count = len({group for of_images in groups.values() for group in of_images} - {ALONE})
    if not across:
        yield f"{count_in_words(count)} by {rule}, none of which lies in two sets."
        return
    pairs = Counter(tuple(sets) for sets in across.values())
    where = ", ".join(
        f"{number:,} in the {' and the '.join(TITLES[one] for one in sets)} set" for sets, number in pairs.items()
    )
    lie = "lies" if len(across) == 1 else "lie"
    yield (
        f"{len(across):,} of {count_in_words(count)} by {rule} {lie} in several sets ({where}; the first: "
        f"{next(iter(across))!r}), which flatters the figures; put each group into one set."
    )


def count_in_words(count: int) -> str:
    """`1 group`, `5 groups`."""
    return f"{count:,} group{'s' * (count != 1)}"

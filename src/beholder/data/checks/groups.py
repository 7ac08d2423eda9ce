"""Groups that lie in several of the sets that data bring: the network has seen the patient, the video, the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from beholder.data.checks.findings import Finding
from beholder.data.dataset import Dataset
from beholder.data.folders.roles import TITLES
from beholder.data.groups.across import straddling
from beholder.data.groups.rule import ALONE
from beholder.data.kinds import FileKind

_SHOWN = 4  # images of each set that a finding names


def group_findings(sets: Mapping[str, Dataset]) -> list[Finding]:
    """A finding `group_across_sets` for each group of images that lies in several of `sets`, the largest first."""
    across = straddling({name: one.groups for name, one in sets.items() if one.groups is not None})
    rows: dict[str, dict[str, list[int]]] = {group: {name: [] for name in homes} for group, homes in across.items()}
    for set_name, dataset in sets.items():
        for row, group in enumerate(dataset.groups or ()):
            if group in rows:
                rows[group][set_name].append(row)
    sizes = {group: sum(map(len, members.values())) for group, members in rows.items()}
    return [_finding(group, rows[group], sets) for group in sorted(rows, key=lambda one: (-sizes[one], one))]


def copies_in_words(findings: Iterable[Finding], sets: Mapping[str, Dataset], kind: FileKind) -> list[str]:
    """A sentence about `findings` of copies of different groups, of files of this `kind`; none where there is none."""
    group_of = {
        (set_name, name): group
        for set_name, dataset in sets.items()
        for name, group in zip(dataset.names, dataset.groups or (), strict=dataset.groups is not None)
    }
    across: list[tuple[Finding, str, str]] = []
    for one in findings:
        if one.kind in ("exact_duplicate", "near_duplicate"):
            of_images = {group_of.get(key, ALONE) for key in zip(one.sets, one.paths, strict=True)} - {ALONE}
            if len(of_images) > 1:
                group, other, *_ = sorted(of_images)
                across.append((one, group, other))
    if not across:
        return []
    first, group, other = across[0]
    many = "1 set of copies has" if len(across) == 1 else f"{len(across):,} sets of copies have"
    return [
        f"{many} {kind.plural} of several groups ({first.paths[0]!r} and {first.paths[1]!r}, say, of {group!r} and "
        f"{other!r}); check whether these are one group. Training keeps them in one set where it makes the sets."
    ]


def _finding(group: str, members: Mapping[str, list[int]], sets: Mapping[str, Dataset]) -> Finding:
    shown = [(set_name, row) for set_name, rows in members.items() for row in rows[:_SHOWN]]
    counts = [f"{len(rows):,} in the {TITLES[set_name]} set" for set_name, rows in members.items()]
    total, kind = sum(map(len, members.values())), sets[shown[0][0]].file_kind
    return Finding(
        "group_across_sets",
        tuple(sets[set_name].names[row] for set_name, row in shown),
        tuple(set_name for set_name, _ in shown),
        1.0,
        tuple(sets[set_name].class_names[sets[set_name].labels[row]] for set_name, row in shown),
        sentence=f"Group {group!r} has {kind.count(total)}, {', '.join(counts[:-1])} and {counts[-1]}.",
    )

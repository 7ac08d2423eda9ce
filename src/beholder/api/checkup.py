"""The checks of an audit, one after the other: each that ends is kept, and none goes on when the budget is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from beholder.api.label_judges import Judged, hindrance, judge
from beholder.data.checks.faults import file_faults, image_faults
from beholder.data.checks.findings import Finding
from beholder.data.checks.groups import copies_in_words, group_findings
from beholder.data.checks.sound_faults import sound_file_faults
from beholder.data.checks.whole_set import count_findings, whole_set_faults
from beholder.data.copies.duplicates import MIN_SIDE, exact_duplicates, near_duplicates, too_small
from beholder.data.copies.pairs import QUICK
from beholder.data.dataset import Dataset
from beholder.data.groups.proposal import propose_groups
from beholder.data.pool import joined
from beholder.data.progress import Progress, TimeIsUpError, ending
from beholder.data.source import Source
from beholder.errors import BeholderError

_Check = tuple[str, Callable[[], list[Finding]]]  # the name of what is looked for, and the look

_COPIES_SHARE = 0.4  # of the time that is left, which a thorough search for near copies may take


@dataclass
class Checkup:
    """What is found in `sets`, check by check; the last ones by networks that judge labels.

    Attributes:
        sets: all images.
        cache: where features are kept, and how fast the machine is.
        seed: fixes every random choice.
        mirror: whether a mirrored image means the same, for networks that are trained; None: told from the images.
        until: when the last check ends, on the clock of `time.monotonic`.
        progress: told how far it is.
        findings: what was found.
        notes: what is to be said of it.
    """

    sets: Mapping[str, Dataset]
    cache: Path
    seed: int
    mirror: bool | None
    until: float
    progress: Progress
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def checks(self, source: Source) -> list[_Check]:
        """Each check, by the name of what it looks for, the quick ones first."""
        tell = ending(self.progress, self.until)
        images, plural = source.kind == "image", source.file_kind.plural
        files = {set_name: dataset.files for set_name, dataset in self.sets.items()}
        of_images: list[_Check] = [
            ("damaged files", lambda: file_faults(source, tell)),
            ("dark, light, blurred and empty images", lambda: image_faults(self.sets, tell)),
        ]
        of_sounds: list[_Check] = [
            ("damaged, silent, clipped, short and humming sounds", lambda: self._of_sounds(source, tell))
        ]
        return [
            ("faults of the whole set", self._whole_set),
            (f"equal {plural}", lambda: exact_duplicates(self.sets)),
            ("small and uneven classes", lambda: count_findings(files)),
            *(of_images if images else of_sounds),
            (f"nearly equal {plural}", self._near),
            ("groups in several sets", lambda: self._groups(source)),
            ("wrong labels", lambda: self._by_networks(Judged.wrong_labels)),
            ("classes that look the same", lambda: self._by_networks(Judged.inseparable)),
            ("outliers", lambda: self._by_networks(lambda judged: judged.outliers(self.sets, self.seed, tell))),
        ]

    def run(self, checks: list[_Check], keep: Callable[[], None]) -> None:
        """Make `checks`, and `keep` what was found after each; a note says what is missing.

        An error that a person can do something about costs that check alone, and so does the end of the time.
        """
        late = []
        for place, (name, check) in enumerate(checks):
            if time.monotonic() >= self.until:
                late.append(name)
                continue
            try:
                self.findings += check()
            except TimeIsUpError:
                late.append(name)
                continue
            except BeholderError as error:
                self.notes.append(f"{name.capitalize()} were not looked for: {error}")
            except (Exception, KeyboardInterrupt) as error:
                missing = ", ".join([*late, *(each for each, _ in checks[place:])])
                stopped = isinstance(error, KeyboardInterrupt)
                why = "the audit was interrupted" if stopped else f"a fault of Beholder's, {error!r}, ended the audit"
                self.notes.append(f"Not looked for, since {why}: {missing}.")
                raise
            keep()
        if late:
            self.notes.append(f"Not looked for, since the budget was over: {', '.join(late)}; give a longer --budget.")

    def _whole_set(self) -> list[Finding]:
        if all(dataset.sound is None for dataset in self.sets.values()):
            self.notes += whole_set_faults(self.sets)
        return []

    def _of_sounds(self, source: Source, progress: Progress) -> list[Finding]:
        found, notes = sound_file_faults(source, progress)
        self.notes += notes
        return found

    def _near(self) -> list[Finding]:
        if too_small(self.sets):
            sounds = any(dataset.sound is not None for dataset in self.sets.values())
            least = f"in clips below {MIN_SIDE / 100:g} s" if sounds else f"below {MIN_SIDE} pixels"
            plural = "sounds" if sounds else "images"
            self.notes.append(f"Equal {plural} were looked for; near copies are not looked for {least}.")
        now = time.monotonic()
        try:
            return near_duplicates(self.sets, ending(self.progress, now + _COPIES_SHARE * (self.until - now)))
        except TimeIsUpError:
            found = near_duplicates(self.sets, ending(self.progress, self.until), search=QUICK)
        self.notes.append(
            "For near copies there was time for a quick look alone, which misses a part of those that are cut or "
            "shifted; give a longer --budget."
        )
        return found

    def _groups(self, source: Source) -> list[Finding]:
        """What is found of groups; where nobody named any, a note says what file names look like."""
        if source.group_rule is None:
            proposal = propose_groups(source)
            self.notes += [] if proposal is None else [str(proposal)]
            return []
        files = {set_name: dataset.files for set_name, dataset in self.sets.items()}
        self.notes += copies_in_words(self.findings, files, source.file_kind)
        return group_findings(files)

    def _by_networks(self, look: Callable[[Judged], list[Finding]]) -> list[Finding]:
        return [] if self._judged is None else look(self._judged)

    @cached_property
    def _judged(self) -> Judged | None:
        """What networks say of the images, when it is first asked for; None, and a note, where none can."""
        why = hindrance(self.sets)
        try:
            if why is None:
                duplicates = [
                    zip(one.sets, one.paths, strict=True) for one in self.findings if one.kind.endswith("_duplicate")
                ]
                together = joined(self.sets, duplicates)
                judged = judge(self.sets, together, self.cache, self.until, self.seed, self.mirror, self.progress)
                self.notes += judged.notes()
                return judged
        except BeholderError as error:
            why = str(error)
        self.notes.append(f"Wrong labels, outliers and classes that look the same were not looked for: {why}")
        return None

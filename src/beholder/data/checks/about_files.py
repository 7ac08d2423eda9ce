"""Findings about single files of a source, image or sound: in which set and class each is."""

from __future__ import annotations

from collections.abc import Iterable

from beholder.data.checks.findings import Finding, Kind
from beholder.data.source import Source


class AboutFiles:
    """The set and the class of each file of a source."""

    def __init__(self, source: Source) -> None:
        self._skipped = source.skipped
        self._names = [name for names in source.files.values() for name in names]
        self._sets = {name: set_name for set_name, names in source.files.items() for name in names}
        pairs = (zip(names, source.classes[set_name], strict=True) for set_name, names in source.files.items())
        self._classes = {name: label for pair in pairs for name, label in pair}

    @property
    def readable(self) -> list[str]:
        """The names of those that could be read, as far as is known."""
        broken = {failure["path"] for failure in self._skipped}
        return [name for name in self._names if name not in broken]

    def unreadable(self) -> list[Finding]:
        """A finding of each that could not be read, which is known once the sets of the source were read."""
        return [self.finding("unreadable", failure["path"], 1.0, failure["error"]) for failure in self._skipped]

    def finding(self, kind: Kind, name: str, score: float, sentence: str) -> Finding:
        """A finding of one file."""
        labels = (self._classes.get(name, ""),)
        return Finding(kind, (name,), (self._sets.get(name, "all"),), score, labels, sentence=sentence)


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """In the order of their scores."""
    return sorted(found, key=lambda one: -one.score)

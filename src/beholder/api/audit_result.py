"""What an audit found, and the AUDIT folder that it is written to."""

from __future__ import annotations

import csv
import datetime
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import beholder
from beholder import files
from beholder.data.checks.findings import Finding
from beholder.data.corrections import Corrections
from beholder.data.dataset import Dataset
from beholder.data.kinds import Kind, named
from beholder.figures.sound_clip import Player
from beholder.report.gallery import write_audit_gallery
from beholder.runs.audit_folder import AuditFolder
from beholder.schema import SCHEMA

_COLUMNS = ("finding", "kind", "score", "path", "set", "label", "suggestion", "sentence")


@dataclass(frozen=True)
class AuditResult:
    """What an audit found; nothing in it was changed.

    Attributes:
        out: the AUDIT folder.
        data: what was audited, by the name that `train` takes, or `arrays`.
        class_names: one a class.
        images: how many were read, for each set, or sounds.
        findings: of each kind the surest first.
        seed: fixed every random choice.
        budget: seconds that were given; None where none were.
        seconds: that it took.
        notes: sentences that a person should see.
        decisions: the corrections that the data were audited with.
        kind: of what was audited: `image` or `sound`.
        options: what was said of how the data are read, by the names of `train`, which reads them likewise.
    """

    out: Path
    data: str
    class_names: tuple[str, ...]
    images: Mapping[str, int]
    findings: tuple[Finding, ...]
    seed: int
    budget: float | None
    seconds: float
    notes: tuple[str, ...] = ()
    decisions: Corrections = field(default_factory=Corrections)
    kind: Kind = "image"
    options: Mapping[str, Any] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """As the cell of a notebook shows it."""
        from beholder.report.cells.results import audit_cell

        count = sum(self.images.values())
        return audit_cell(named(self.kind), count, self.findings, self.notes, AuditFolder(self.out).gallery_file)

    def to_dict(self) -> dict[str, Any]:
        """As in `audit --json` and `findings.json`."""
        folder = AuditFolder(self.out)
        return {
            "schema": SCHEMA,
            "beholder": beholder.__version__,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "out": str(self.out),
            "data": self.data,
            "options": dict(self.options),
            "kind": self.kind,
            "class_names": list(self.class_names),
            "images": dict(self.images),
            "counts": dict(Counter(one.kind for one in self.findings)),
            "findings": [one.to_dict() for one in self.findings],
            "decisions": [one.to_json() for one in self.decisions.lines],
            "corrections": str(folder.corrections_file),
            "gallery": str(folder.gallery_file),
            "seed": self.seed,
            "budget": self.budget,
            "seconds": round(self.seconds, 1),
            "notes": list(self.notes),
        }

    def write_table(self) -> None:
        """Write `findings.csv` alone, whole or not at all.

        Raises:
            StorageError: the disk is full or may not be written to.
        """
        files.write_bytes(AuditFolder(self.out).table_file, _table(self.findings))

    def write(self, sets: Mapping[str, Dataset], player: Player | None = None) -> None:
        """Write the AUDIT folder: `findings.csv`, `gallery.html`, and last `findings.json`, each whole or not at all.

        Args:
            sets: what was read, for the images in the gallery.
            player: gives sounds by their names, for those in it.

        Raises:
            StorageError: the disk is full or may not be written to.
        """
        folder, document = AuditFolder(self.out), self.to_dict()
        self.write_table()
        write_audit_gallery(folder.gallery_file, document, sets, player)
        files.write_json(folder.findings_file, document)


def undecided(findings: Iterable[Finding], decisions: Corrections) -> tuple[Finding, ...]:
    """`findings` without those whose images a person decided about already, each and every one."""
    decided = {one.path for one in decisions.lines}
    return tuple(one for one in findings if not one.paths or not decided.issuperset(one.paths))


def _table(findings: tuple[Finding, ...]) -> bytes:
    """A line for each image of each finding, and one for a finding about classes, as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for number, one in enumerate(findings, start=1):
        labels = one.labels or ("",) * len(one.paths)
        images = list(zip(one.paths, one.sets, labels, strict=True)) or [("", "", "")]
        writer.writerows(
            [number, one.kind, f"{one.score:.4f}", *image, one.suggestion or "", one.sentence] for image in images
        )
    return text.getvalue().encode("utf-8", "surrogateescape")

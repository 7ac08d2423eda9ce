"""A person relies on: one document and one table of what was found, the same on the screen and in the folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from beholder.api.audit_result import AuditResult, undecided
from beholder.data.checks.findings import Finding
from beholder.data.corrections import Correction, Corrections

WriteAudit = Callable[[Path], AuditResult]


def test_the_document_says_what_where_and_how_sure(tmp_path: Path, write_audit: WriteAudit) -> None:
    result = write_audit(tmp_path / "audit")
    document = result.to_dict()
    assert document["schema"] == 2
    assert document["counts"] == {"exact_duplicate": 2, "wrong_label": 2, "unreadable": 1, "imbalance": 1}
    first = document["findings"][0]
    assert (first["kind"], first["sets"], first["score"]) == ("exact_duplicate", ["train", "train", "test"], 1.0)
    assert len(set(first["paths"])) == 3
    assert document["corrections"] == str(tmp_path / "audit" / "corrections.csv")
    assert document["gallery"] == str(tmp_path / "audit" / "gallery.html")
    assert document["decisions"] == [{"path": "train/20, odd \udcff.png", "action": "keep", "label": ""}]
    written = json.loads((tmp_path / "audit" / "findings.json").read_bytes())
    assert {**written, "created": None} == {**document, "created": None}


def test_the_table_has_a_line_for_each_image_of_each_finding(tmp_path: Path, write_audit: WriteAudit) -> None:
    write_audit(tmp_path / "audit")
    with (tmp_path / "audit" / "findings.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["finding"] for row in rows] == ["1", "1", "1", "2", "2", "3", "4", "5", "6"]
    assert rows[2]["path"] == "test/0, odd \udcff.png"
    assert (rows[5]["label"], rows[5]["suggestion"], rows[5]["score"]) == ("dog", "cat", "0.9700")
    assert (rows[8]["kind"], rows[8]["path"]) == ("imbalance", "")


def test_the_folder_holds_these_files_and_no_corrections_yet(tmp_path: Path, write_audit: WriteAudit) -> None:
    write_audit(tmp_path / "audit")
    names = sorted(path.name for path in (tmp_path / "audit").iterdir())
    assert names == ["findings.csv", "findings.json", "gallery.html"]


def test_what_a_person_decided_is_not_asked_again() -> None:
    decisions = Corrections((Correction("seen.png", "keep"), Correction("mended.png", "relabel", "cat")))
    one = [Finding("wrong_label", (path,), ("train",), 1.0, ("dog",)) for path in ("seen.png", "new.png", "mended.png")]
    pair = Finding("near_duplicate", ("seen.png", "new.png"), ("train", "test"), 1.0, ("dog", "dog"))
    classes = Finding("imbalance", (), (), 1.0)
    assert undecided([*one, pair, classes], decisions) == (one[1], pair, classes)

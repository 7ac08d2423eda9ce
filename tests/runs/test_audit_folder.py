"""A person relies on: an AUDIT folder replaces nothing, never lies in their data, and is read only when it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from beholder.api.audit_result import AuditResult
from beholder.errors import RunError
from beholder.runs.audit_folder import create_audit_folder, is_audit_folder, open_audit_folder

WriteAudit = Callable[[Path], AuditResult]


def test_a_new_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    folder = create_audit_folder(tmp_path / "a" / "b", "digits")
    assert folder.path.is_dir()
    assert not is_audit_folder(folder.path)


def test_what_is_there_stays(tmp_path: Path, write_audit: WriteAudit) -> None:
    write_audit(tmp_path / "audit")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for name, words in (("audit", "an audit already"), ("file", "is a file"), ("other", "'notes.txt'")):
        with pytest.raises(RunError, match=words):
            create_audit_folder(tmp_path / name, "digits")
    with pytest.raises(RunError, match="below a file"):
        create_audit_folder(tmp_path / "file" / "audit", "digits")


def test_one_that_was_never_finished_is_taken_again(tmp_path: Path, write_audit: WriteAudit) -> None:
    write_audit(tmp_path / "audit")
    (tmp_path / "audit" / "findings.json").unlink()
    (tmp_path / "audit" / ".abc.part").write_bytes(b"half")
    assert create_audit_folder(tmp_path / "audit", "digits").path == tmp_path / "audit"


def test_an_audit_that_comes_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    folder = create_audit_folder(tmp_path / "audit", "digits")
    with pytest.raises(RunError), folder.removed_on_error():
        raise RunError("The data are of no use.")
    assert not folder.path.exists()


def test_it_never_lies_in_the_data(tmp_path: Path) -> None:
    (tmp_path / "birds" / "wren").mkdir(parents=True)
    for out in ("birds", "birds/runs/audit", "birds/../birds/audit"):
        with pytest.raises(RunError, match="never written to"):
            create_audit_folder(tmp_path / out, str(tmp_path / "birds"))
    assert [path.name for path in tmp_path.rglob("*")] == ["birds", "wren"]


def test_it_is_read_back(tmp_path: Path, write_audit: WriteAudit) -> None:
    result = write_audit(tmp_path / "audit")
    assert is_audit_folder(tmp_path / "audit")
    document = open_audit_folder(tmp_path / "audit")[1]
    assert {**document, "created": None} == {**result.to_dict(), "created": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("class_names", [1, 2]),
        ("data", 5),
        ("findings", [5]),
        ("findings", [{"paths": [5]}]),
        ("findings", [{}]),
        ("decisions", [5]),
        ("decisions", [{"path": 5, "action": "keep", "label": ""}]),
        ("decisions", [{"path": "a", "action": "relabel", "label": ["cat"]}]),
    ],
)
def test_elements_of_another_kind_are_one_sentence(
    tmp_path: Path, write_audit: WriteAudit, field: str, value: object
) -> None:
    document = write_audit(tmp_path / "audit").to_dict()
    (tmp_path / "audit" / "findings.json").write_text(json.dumps({**document, field: value}))
    with pytest.raises(RunError, match=rf"damaged \(its '{field}' is not valid\)"):
        open_audit_folder(tmp_path / "audit")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (json.dumps({"schema": 99}).encode(), "newer Beholder"),
        (json.dumps({"schema": 2, "data": "digits", "class_names": "a"}).encode(), "'class_names'"),
    ],
)
def test_a_damaged_one_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "findings.json").write_bytes(content)
    with pytest.raises(RunError, match=words):
        open_audit_folder(tmp_path)


def test_another_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not an AUDIT folder"):
        open_audit_folder(tmp_path)

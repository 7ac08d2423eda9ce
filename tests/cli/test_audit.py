"""A person relies on: one table, one JSON document, status 0 whatever is found; trouble is one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import beholder.api.audit as room
from beholder.api.audit_result import AuditResult
from beholder.cli import _run


@pytest.fixture
def asked(
    tmp_path: Path, write_audit: Callable[[Path], AuditResult], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What the command was asked for, once it was; it finds what was made up."""
    given: dict[str, Any] = {}

    def found(data: str, **options: Any) -> AuditResult:
        given.update(options, data=data)
        return write_audit(tmp_path / "audit")

    monkeypatch.setattr(room, "audit", found)
    return given


def test_a_table_says_how_many_of_what_and_where_to_look(
    asked: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(["audit", "digits", "--budget", "2m", "--seed", "3", "--corrections", "mine.csv"]) == 0
    captured = capfd.readouterr()
    assert (asked["data"], asked["budget"], asked["seed"], asked["corrections"]) == (
        "digits",
        120.0,
        3,
        Path("mine.csv"),
    )
    lines = captured.out.splitlines()
    assert any(line.startswith("Equal images") and " 2 " in line for line in lines)
    assert "labelled dog, looks like cat" in captured.out
    assert captured.err == "Note: Something to know.\n"
    assert "6 findings in 36 images after 1 s; nothing was changed." in lines
    gallery = tmp_path / "audit" / "gallery.html"
    assert lines[-1] == f"Gallery: {gallery}  Decide: beholder serve {tmp_path / 'audit'}"


@pytest.mark.usefixtures("asked")
def test_json_is_the_document_of_the_folder_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _run(["audit", "digits", "--json"]) == 0
    captured = capfd.readouterr()
    document = json.loads(captured.out)
    written = json.loads((tmp_path / "audit" / "findings.json").read_bytes())
    assert {**document, "created": None} == {**written, "created": None}
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digit"], "Did you mean 'digits'?"),
        (["digits", "--corrections", "nowhere.csv"], "'nowhere.csv'"),
        (["digits", "--out", "{here}"], "'mine.txt'"),
    ],
)
def test_trouble_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert _run(["audit", *(argument.format(here=tmp_path) for argument in arguments)]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err


def images(folder: Path, count: int, side: int = 16) -> None:
    """Noise, no two alike."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(list(str(folder).encode()))
    for row in range(count):
        Image.fromarray(random.integers(256, size=(side, side, 3)).astype(np.uint8)).save(folder / f"{row}.png")


@pytest.mark.parametrize("cat", [3, 0])
def test_a_folder_that_training_refuses_is_audited(tmp_path: Path, capfd: pytest.CaptureFixture[str], cat: int) -> None:
    root = tmp_path / "data"
    images(root / "train" / "cat", cat)
    images(root / "train" / "dog", 1 if cat else 0)
    images(root / "test" / "cat", 2)
    images(root / "test" / "owl", 2)
    options = ["--out", str(tmp_path / "audit"), "--cache", str(tmp_path / "cache")]
    assert _run(["audit", str(root), *options, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["class_names"] == ["cat", "dog", "owl"]
    assert sum(document["images"].values()) == (8 if cat else 4)
    if cat:
        few = {one["suggestion"]: one["sentence"] for one in document["findings"] if one["kind"] == "few_images"}
        assert few["dog"] == "'dog' has 1 image to learn from; bring 50 or more."
        assert few["owl"] == "'owl' has 0 images to learn from; bring 50 or more."
    assert "class 'owl' ('test/owl/0.png') that the training set does not have" in " ".join(document["notes"])


@pytest.mark.parametrize("thin", [1, 0])
def test_an_unsplit_folder_with_a_thin_class_is_audited(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], thin: int
) -> None:
    images(tmp_path / "data" / "cat", 3)
    images(tmp_path / "data" / "dog", thin)
    options = ["--out", str(tmp_path / "audit"), "--cache", str(tmp_path / "cache")]
    assert _run(["audit", str(tmp_path / "data"), *options]) == 0
    assert f"'dog' has {thin} image" in capfd.readouterr().out

"""A person relies on: the gallery holds what was found, runs nothing that the data say, and stays a bounded size."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.api.audit_result import AuditResult
from beholder.data.dataset import Dataset
from beholder.report import gallery
from beholder.report.finding_words import KINDS

WriteAudit = Callable[[Path], AuditResult]


def shown(page: str) -> dict[str, Any]:
    """What the page is made of."""
    [content] = re.findall(r'<script type="application/json" id="audit">(.*?)</script>', page, re.DOTALL)
    return dict(json.loads(content))


def document(findings: list[dict[str, Any]]) -> dict[str, Any]:
    facts = {"beholder": "1", "created": "2026-01-01", "data": "arrays", "class_names": ["a"], "images": {"all": 1}}
    return {**facts, "notes": [], "decisions": [], "findings": findings}


def finding(kind: str, paths: list[str]) -> dict[str, Any]:
    labels, sets = ["a"] * len(paths), ["all"] * len(paths)
    return {
        "kind": kind,
        "paths": paths,
        "sets": sets,
        "score": 1.0,
        "labels": labels,
        "suggestion": None,
        "sentence": "",
        "neighbours": [],
    }


def images(count: int, side: int) -> dict[str, Dataset]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return {"all": Dataset(pixels, np.zeros(count, np.int64), ("a",), [f"{row}.png" for row in range(count)])}


def test_every_finding_is_in_the_page_with_its_images(tmp_path: Path, write_audit: WriteAudit) -> None:
    write_audit(tmp_path / "audit")
    page = shown((tmp_path / "audit" / "gallery.html").read_text(encoding="utf-8"))
    assert [(one["kind"], one["count"]) for one in page["kinds"]] == [
        ("exact_duplicate", 2),
        ("wrong_label", 2),
        ("imbalance", 1),
        ("unreadable", 1),
    ]
    album = page["album"]
    [doubt, _] = page["kinds"][1]["findings"]
    assert album[doubt["members"][0]]["path"] == "train/4, odd \udcff.png"
    assert [album[place]["path"].partition(",")[0] for place in doubt["neighbours"]] == ["train/6", "test/3"]
    assert [album[place]["label"] for place in doubt["neighbours"]] == ["cat", "cat"]
    without = [one["path"] for one in album if one["image"] is None]
    assert without == ["train/half.jpg"]


def test_a_browser_is_told_to_run_the_page_s_own_script_alone(tmp_path: Path, write_audit: WriteAudit) -> None:
    write_audit(tmp_path / "audit")
    page = (tmp_path / "audit" / "gallery.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert [kind for kind, _ in scripts] == [' type="application/json" id="audit"', ' type="module"']
    digest = base64.b64encode(hashlib.sha256(scripts[1][1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page
    assert "default-src 'none'" in page
    assert "<b>owl" not in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_a_page_stays_a_bounded_size_and_says_that_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_MOST_FINDINGS", 5)
    monkeypatch.setattr(gallery, "_MOST_IMAGES", 3)
    monkeypatch.setattr(gallery, "_MOST_BYTES", 20_000)
    found = [finding("near_duplicate", [f"{row}.png" for row in range(9)])]
    found += [finding("dark", [f"{row}.png"]) for row in range(10, 40)]
    gallery.write_audit_gallery(tmp_path / "page.html", document(found), images(40, 32))
    page = shown((tmp_path / "page.html").read_text(encoding="utf-8"))
    near, dark = page["kinds"]
    assert (len(near["findings"][0]["members"]), near["findings"][0]["count"]) == (3, 9)
    assert (len(dark["findings"]), dark["count"]) == (5, 30)
    assert sum(len(one["image"] or "") for one in page["album"]) < 20_000 + 2 * 5_000


@pytest.mark.parametrize(("side", "kind"), [(32, "png"), (300, "jpeg")])
def test_small_images_stay_as_they_are_and_large_ones_become_small(tmp_path: Path, side: int, kind: str) -> None:
    found = [finding("dark", ["0.png"]), finding("blurred", ["0.png"])]
    gallery.write_audit_gallery(tmp_path / "page.html", document(found), images(1, side))
    [image] = shown((tmp_path / "page.html").read_text(encoding="utf-8"))["album"]
    assert image["image"].startswith(f"data:image/{kind};base64,")
    assert len(image["image"]) < 40_000


def test_only_what_is_sure_may_be_dropped_at_once(tmp_path: Path) -> None:
    found = [finding(kind, ["0.png", "1.png"]) for kind in ("exact_duplicate", "near_duplicate", "near_duplicate")]
    found[2]["score"] = 0.9
    gallery.write_audit_gallery(tmp_path / "page.html", document(found), images(2, 32))
    exact, near = shown((tmp_path / "page.html").read_text(encoding="utf-8"))["kinds"]
    assert [one["sure"] for one in (*exact["findings"], *near["findings"])] == [True, True, False]


def test_copies_are_shown_larger_than_other_images(tmp_path: Path) -> None:
    pages = {}
    for kind in ("near_duplicate", "dark"):
        gallery.write_audit_gallery(tmp_path / kind, document([finding(kind, ["0.png", "1.png"])]), images(2, 300))
        pages[kind] = len(shown((tmp_path / kind).read_text(encoding="utf-8"))["album"][0]["image"])
    assert pages["near_duplicate"] > 2 * pages["dark"]


def test_images_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    sets = images(2, 8)
    twins = {"all": Dataset(sets["all"].images, sets["all"].labels, ("a",), ["same.png", "same.png"])}
    gallery.write_audit_gallery(tmp_path / "page.html", document([finding("dark", ["same.png"])]), twins)
    [image] = shown((tmp_path / "page.html").read_text(encoding="utf-8"))["album"]
    assert image["unique"] is False


def test_every_kind_of_finding_has_its_words() -> None:
    from typing import get_args

    from beholder.data.checks.findings import Kind

    assert set(KINDS) == set(get_args(Kind))

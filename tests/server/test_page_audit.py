"""A person relies on: what they decide in an audit's gallery is saved as they decided it, from the file and served."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_views import in_every_view
from starlette.testclient import TestClient

from beholder.api.audit_result import AuditResult
from beholder.data.corrections import read_corrections
from beholder.errors import DataError, RunError
from beholder.server.audit_page import audit_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HEADER = ["path", "action", "label"]
SEEN = ["train/20, odd \udcff.png", "keep", ""]  # what the data were audited with


def path(name: str) -> str:
    return f"{name}, odd \udcff.png"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory, write_audit: Callable[[Path], AuditResult]) -> Path:
    folder = tmp_path_factory.mktemp("audited") / "audit"
    write_audit(folder)
    return folder


@pytest.fixture(autouse=True)
def corrections(audit: Path) -> Iterator[Path]:
    """Where decisions go; each test begins without any."""
    yield audit / "corrections.csv"
    (audit / "corrections.csv").unlink(missing_ok=True)


@pytest.fixture
def desk(audit: Path) -> TestClient:
    return TestClient(audit_app(audit), "http://127.0.0.1", raise_server_exceptions=False)


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")))


def decide(desk: TestClient, *decisions: dict[str, Any]) -> dict[str, Any]:
    response = desk.post("/decisions", content=json.dumps(decisions))  # as a browser writes what is no text
    assert response.status_code == 200, response.text
    return dict(response.json())


# Asked without a browser


def test_decisions_are_in_the_file_at_once_after_those_of_the_audit(desk: TestClient, corrections: Path) -> None:
    before = desk.get("/decisions").json()
    assert before["decisions"] == [dict(zip(HEADER, SEEN, strict=True))]
    assert not corrections.exists()
    state = decide(desk, {"path": path("train/0"), "action": "drop"}, {"path": path("train/3"), "action": "drop"})
    assert state["command"] == f"beholder train 'some data' --corrections {corrections}"
    assert len(state["decisions"]) == 3
    decide(
        desk, {"path": path("train/0"), "action": None}, {"path": path("train/4"), "action": "relabel", "label": "cat"}
    )
    expected = [HEADER, SEEN, [path("train/3"), "drop", ""], [path("train/4"), "relabel", "cat"]]
    assert rows(corrections.read_bytes()) == expected


def test_what_a_person_wrote_into_the_file_stays(desk: TestClient, corrections: Path) -> None:
    corrections.write_text("path,action,label\nelsewhere.png,drop,\n", encoding="utf-8")
    decide(desk, {"path": path("train/0"), "action": "keep"})
    assert rows(corrections.read_bytes()) == [HEADER, ["elsewhere.png", "drop", ""], [path("train/0"), "keep", ""]]


def test_a_decision_that_another_window_overtook_is_refused(desk: TestClient, corrections: Path) -> None:
    decide(desk, {"path": path("train/0"), "action": "drop", "before": None})
    stale = [{"path": path("train/0"), "action": "keep", "before": None}]
    response = desk.post("/decisions", content=json.dumps(stale))
    assert (response.status_code, "Another window has decided about" in response.json()["error"]) == (409, True)
    assert rows(corrections.read_bytes()) == [HEADER, SEEN, [path("train/0"), "drop", ""]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"path": path("train/0"), "action": "drop"}, "JSON list"),
        (
            [{"path": path("train/0"), "action": "drop"}, {"path": "nowhere", "action": "drop"}],
            "nothing about 'nowhere'",
        ),
        ([{"path": path("train/0"), "action": "eat"}], "'eat'"),
        ([{"path": path("train/0"), "action": "relabel", "label": "cow"}], "'cow'"),
        ([3], "is a JSON object"),
    ],
)
def test_what_is_no_decision_is_one_sentence_and_changes_nothing(
    desk: TestClient, corrections: Path, body: Any, said: str
) -> None:
    response = desk.post("/decisions", content=json.dumps(body))
    assert (response.status_code, said in response.json()["error"]) == (400, True), response.text
    assert not corrections.exists()


def test_other_sites_and_odd_bodies_are_refused(desk: TestClient, corrections: Path) -> None:
    body = json.dumps([{"path": path("train/0"), "action": "drop"}])
    assert desk.post("/decisions", content=body, headers={"Origin": "http://evil.example"}).status_code == 403
    for content in (b"{", b"\xff", b"[" * 100_000):
        assert desk.post("/decisions", content=content).status_code == 400
    assert not corrections.exists()


def test_a_page_with_another_script_is_never_served(tmp_path: Path, write_audit: Callable[[Path], AuditResult]) -> None:
    write_audit(tmp_path / "audit")
    gallery = tmp_path / "audit" / "gallery.html"
    gallery.write_bytes(gallery.read_bytes().replace(b"script-src", b"script-src 'unsafe-inline'"))
    with pytest.raises(RunError, match="this version of Beholder wrote"):
        audit_app(tmp_path / "audit")
    gallery.unlink()
    with pytest.raises(RunError, match="Cannot read"):
        audit_app(tmp_path / "audit")


def test_a_damaged_corrections_or_document_is_told_before_anything_is_served(
    tmp_path: Path, write_audit: Callable[[Path], AuditResult]
) -> None:
    write_audit(tmp_path / "audit")
    (tmp_path / "audit" / "corrections.csv").write_text("nonsense", encoding="utf-8")
    with pytest.raises(DataError, match="begins with"):
        audit_app(tmp_path / "audit")
    findings = tmp_path / "audit" / "findings.json"
    document = json.loads(findings.read_bytes())
    findings.write_text(json.dumps({**document, "findings": [3]}), encoding="utf-8")
    with pytest.raises(RunError, match="is damaged"):
        audit_app(tmp_path / "audit")


# In a browser


@pytest.fixture(scope="module")
def server(audit: Path, serving: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    """Serves the audit to the browser."""
    with serving(audit) as address:
        yield address


def counted(page: Page, count: int) -> None:
    noun = "decision" if count == 1 else "decisions"
    page.locator(".bar b", has_text=f"{count} {noun}").wait_for()


@in_every_view
def test_a_decision_on_the_served_page_is_in_the_file_at_once(
    page: Page, corrections: Path, serious_violations: Callable[[Page], list[str]]
) -> None:
    page.goto("")
    counted(page, 1)
    page.locator("#exact_duplicate [data-all]").click()
    counted(page, 3)
    dropped = [[path("train/0"), "drop", ""], [path("train/3"), "drop", ""]]
    assert rows(corrections.read_bytes()) == [HEADER, SEEN, *dropped]
    page.locator("#wrong_label .box").first.focus()
    page.keyboard.press("a")
    page.keyboard.press("r")  # on the next image by now
    page.keyboard.type("cat")
    page.keyboard.press("Enter")
    counted(page, 5)
    relabelled = [[path("train/4"), "relabel", "cat"], [path("train/8"), "relabel", "cat"]]
    assert rows(corrections.read_bytes()) == [HEADER, SEEN, *dropped, *relabelled]
    assert page.get_by_role("button", name="It is cat", pressed=True).count() == 2
    page.reload()
    counted(page, 5)
    assert page.locator(".dropped").count() == 2
    assert serious_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_undo_takes_back_a_whole_step(page: Page, corrections: Path) -> None:
    page.goto("")
    page.locator("#exact_duplicate [data-all]").click()
    counted(page, 3)
    page.locator(".bar").get_by_role("button", name="Undo").click()
    counted(page, 1)
    assert rows(corrections.read_bytes()) == [HEADER, SEEN]


def test_two_windows_do_not_overwrite_each_other(browser: Browser, server: str, corrections: Path) -> None:
    with browser.new_context(base_url=f"{server}/") as context:
        first, second = context.new_page(), context.new_page()
        for page in (first, second):
            page.goto("")
            counted(page, 1)
        box = "#wrong_label .box"
        first.locator(box).first.get_by_role("button", name="Drop").click()
        counted(first, 2)
        second.locator(box).first.get_by_role("button", name="Keep").click()
        second.get_by_role("alert").filter(has_text="Another window has decided about").wait_for()
        counted(second, 2)
        second.locator(box).first.get_by_role("button", name="Drop", pressed=True).wait_for()
        assert rows(corrections.read_bytes()) == [HEADER, SEEN, [path("train/4"), "drop", ""]]


def test_what_was_not_kept_is_not_shown_as_decided(browser: Browser, server: str, corrections: Path) -> None:
    with browser.new_context(base_url=f"{server}/") as context:  # the browser itself complains, too
        page = context.new_page()
        page.goto("")
        counted(page, 1)
        page.route("**/decisions", lambda route: route.abort())
        box = page.locator("#wrong_label .box").first
        box.get_by_role("button", name="Drop").click()
        page.get_by_role("alert").filter(has_text="was not kept").wait_for()
        assert box.locator("[aria-pressed=true]").count() == 0
        assert not corrections.exists()


@pytest.fixture
def opened(audit: Path, browser: Browser) -> Iterator[Page]:
    """The gallery as a file."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((audit / "gallery.html").as_uri())
    counted(page, 1)
    yield page
    context.close()
    assert faults == []


def test_the_file_alone_gives_a_corrections_file_that_train_can_read(opened: Page, tmp_path: Path) -> None:
    opened.locator("#exact_duplicate [data-all]").click()
    opened.locator("#wrong_label .box").first.get_by_role("button", name="It is cat").click()
    counted(opened, 4)
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Save corrections.csv").click()
    saved = tmp_path / "corrections.csv"
    download.value.save_as(saved)
    corrections = [(one.path, one.action, one.label) for one in read_corrections(saved).lines]
    dropped = [(path("train/0"), "drop", ""), (path("train/3"), "drop", "")]
    assert corrections == [tuple(SEEN), *dropped, (path("train/4"), "relabel", "cat")]


def test_the_file_remembers_what_was_decided_until_it_is_saved(opened: Page) -> None:
    opened.locator("#wrong_label .box").first.get_by_role("button", name="Keep").click()
    counted(opened, 2)
    opened.reload()
    counted(opened, 2)
    assert opened.locator("#wrong_label .decided").count() == 1


def test_sounds_are_called_sounds(tmp_path: Path, browser: Browser, write_audit: Callable[[Path], AuditResult]) -> None:
    folder = tmp_path / "audit"
    write_audit(folder)
    gallery = folder / "gallery.html"
    gallery.write_text(
        gallery.read_text(encoding="utf-8").replace('"kind":"image"', '"kind":"sound"'), encoding="utf-8"
    )
    with browser.new_page() as page:
        page.goto(gallery.as_uri())
        page.locator("#exact_duplicate [data-all]").click()
        counted(page, 3)
        assert page.get_by_role("status").text_content() == "2 sounds: dropped"
        assert "On a sound:" in page.locator("header").inner_text()
        assert "36 sounds" in page.locator("header").inner_text()
        assert "no sound" in page.locator("#unreadable").inner_text()


def test_copies_with_different_labels_are_left_to_the_person(opened: Page) -> None:
    groups = opened.locator("#exact_duplicate .group")
    assert groups.nth(0).locator("[data-all]").count() == 1
    assert groups.nth(1).locator("[data-all]").count() == 0
    assert "labels differ" in groups.nth(1).inner_text()


def test_texts_of_the_data_are_texts(opened: Page) -> None:
    assert opened.locator("main b b").count() == 0
    assert opened.get_by_text("<b>owl</b>").count() > 0
    assert opened.locator("#unreadable").get_by_role("button", name="Drop").count() == 0

"""A person relies on: a decision about an image is in corrections.csv at once, outlives the server, can be undone."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser_views import in_every_view
from starlette.testclient import TestClient

from beholder.artifact.neighbours import write_neighbours
from beholder.artifact.validation_answers import write_validation
from beholder.data.dataset import Dataset
from beholder.server.app import classifier_app
from beholder.server.served import Served, open_served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CLASSES = tuple(str(digit) for digit in range(10))
ODD = "odd \udcff.png"  # a file name that is no text
Rows = list[list[str]]


def labelled(labels: list[int], names: list[str]) -> Dataset:
    images = np.full((len(labels), 8, 8, 1), 90, np.uint8)
    return Dataset(images, np.array(labels, np.int64), CLASSES, tuple(names))


@pytest.fixture(scope="module")
def run(served_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN that kept known answers: two of four validation images are wrong, one of 13 training labels looks it."""
    run = tmp_path_factory.mktemp("corrected") / "run"
    shutil.copytree(served_run, run)
    validation = labelled([3, 5, 7, 1], ["a/right.png", "a/sure & wrong.png", ODD, "a/right too.png"])
    answers = np.full((4, 10), 0.01, np.float32)
    answers[[0, 1, 2, 3], [3, 6, 2, 1]] = (0.99, 0.95, 0.70, 0.80)
    write_validation(run, validation, answers)
    train = labelled([0] * 12 + [4], [f"train/{number}.png" for number in range(13)])
    write_neighbours(run, train, np.ones((13, 2), np.float32))
    return run


@pytest.fixture(autouse=True)
def corrections(run: Path) -> Iterator[Path]:
    """Where the run's decisions go; each test begins without any."""
    yield run / "corrections.csv"
    (run / "corrections.csv").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def opened(run: Path) -> Iterator[Served]:
    served = open_served(run)
    yield served
    served.workers.close()


@pytest.fixture
def desk(opened: Served) -> TestClient:
    return TestClient(classifier_app(opened), "http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def server(run: Path, serving: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    """Serves this module's run to the browser."""
    with serving(run) as address:
        yield address


def rows(corrections: Path) -> Rows:
    with corrections.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file))


def decide(desk: TestClient, **decision: Any) -> dict[str, Any]:
    response = desk.post("/page/corrections", content=json.dumps(decision))  # as a browser writes what is no text
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_the_surest_mistake_comes_first_and_then_labels_in_doubt(desk: TestClient) -> None:
    document = desk.get("/page/corrections").json()
    found = [(one["path"], one["label"], one["answer"]) for one in document["images"]]
    assert found == [("a/sure & wrong.png", "5", "6"), (ODD, "7", "2")]
    assert document["images"][0]["probability"] == pytest.approx(0.95)
    assert document["counts"] == {"validation": 2, "train": 1}
    [doubt] = desk.get("/page/corrections?set=train").json()["images"]
    assert (doubt["path"], doubt["label"], doubt["suggestion"]) == ("train/12.png", "4", "0")
    assert [one["path"] for one in desk.get("/page/corrections?start=1&count=1").json()["images"]] == [ODD]
    [named] = desk.get("/page/corrections", params={"path": "a/right.png"}).json()["images"]
    assert (named["label"], named["answer"], named["correction"]) == ("3", "3", None)


def test_decisions_are_in_the_file_at_once_one_for_an_image(desk: TestClient, corrections: Path) -> None:
    assert desk.get("/page/corrections").json()["command"] is None
    state = decide(desk, path="a/sure & wrong.png", action="relabel", label="6")
    assert state["corrections"] == 1
    assert state["command"] == (
        f"beholder train digits --epochs 3 --model fast --corrections {corrections} "
        f"--out {corrections.parent}-corrected"
    )
    assert (
        state["remark"]
        == "1 of your 1 corrections is of the validation set: it changes the figures, not what is learned."
    )
    decide(desk, path=ODD, action="drop")
    decide(desk, path="a/sure & wrong.png", action="keep", label="")
    header = ["path", "action", "label"]
    assert rows(corrections) == [header, [ODD, "drop", ""], ["a/sure & wrong.png", "keep", ""]]
    decide(desk, path=ODD, action=None)
    assert rows(corrections) == [header, ["a/sure & wrong.png", "keep", ""]]


def test_decisions_outlive_the_server_and_those_of_a_person_in_the_file_stay(run: Path, corrections: Path) -> None:
    corrections.write_text("path,action,label\nelsewhere.png,drop,\n", encoding="utf-8")
    for _ in range(2):
        served = open_served(run)
        desk = TestClient(classifier_app(served), "http://127.0.0.1")
        decide(desk, path="a/right.png", action="drop")
        assert rows(corrections)[1:] == [["elsewhere.png", "drop", ""], ["a/right.png", "drop", ""]]
        served.workers.close()


def test_what_another_window_decided_meanwhile_is_not_replaced_unseen(desk: TestClient, corrections: Path) -> None:
    decide(desk, path="a/right.png", action="drop", before=None)
    stale = desk.post("/page/corrections", json={"path": "a/right.png", "action": "keep", "before": None})
    assert (stale.status_code, "Another window has decided about" in stale.json()["error"]) == (409, True)
    assert rows(corrections)[1:] == [["a/right.png", "drop", ""]]
    decide(desk, path="a/right.png", action="keep", before={"action": "drop", "label": ""})
    assert rows(corrections)[1:] == [["a/right.png", "keep", ""]]


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({"path": "a/nowhere.png", "action": "drop"}, "no image called 'a/nowhere.png'"),
        ({"path": "a/right.png", "action": "eat"}, "'eat' of 'a/right.png' is unknown"),
        ({"path": "a/right.png", "action": "relabel", "label": "eleven"}, "'eleven'"),
        ({"path": "a/right.png", "action": "relabel"}, "needs the label"),
        ({"path": "a/right.png", "action": "keep", "label": "3"}, "only relabel has a label"),
        ({"path": 3, "action": "drop"}, "are texts"),
        ({"path": "a/right.png", "action": ["drop"]}, "are texts"),
        ([], "is a JSON object"),
    ],
)
def test_what_is_no_decision_is_one_sentence_and_changes_nothing(
    desk: TestClient, corrections: Path, decision: Any, said: str
) -> None:
    response = desk.post("/page/corrections", json=decision)
    assert response.status_code == 400
    assert said in response.json()["error"]
    assert not corrections.exists()


def test_odd_requests_are_one_sentence(desk: TestClient, corrections: Path) -> None:
    for content in (b"{", b"\xff", b"[" * 100_000):
        response = desk.post("/page/corrections", content=content)
        assert (response.status_code, "JSON" in response.json()["error"]) == (400, True)
    assert desk.get("/page/corrections?path=nowhere").json()["images"] == []
    for query in ("set=test", "start=-1", "count=x"):
        assert desk.get(f"/page/corrections?{query}").status_code == 400
    corrections.write_text("no corrections", encoding="utf-8")
    response = desk.get("/page/corrections")
    assert (response.status_code, "begins with" in response.json()["error"]) == (400, True)


def test_a_model_folder_says_why_it_cannot_be_corrected(run: Path) -> None:
    served = open_served(run / "model")
    desk = TestClient(classifier_app(served), "http://127.0.0.1")
    assert "serve the RUN folder" in desk.get("/page/corrections").json()["note"]
    assert desk.post("/page/corrections", json={"path": "a", "action": "drop"}).status_code == 400
    served.workers.close()


# The stories, in a real browser.


@in_every_view
def test_decisions_by_hand_are_kept_and_shown_again(
    page: Page, corrections: Path, serious_violations: Callable[[Page], list[str]]
) -> None:
    page.goto("#correct")
    first = page.locator(".doubt").nth(0)
    first.get_by_role("button", name="It is 6").click()
    page.get_by_text("1 decision", exact=True).wait_for()
    assert rows(corrections)[1:] == [["a/sure & wrong.png", "relabel", "6"]]
    second = page.locator(".doubt").nth(1)
    second.get_by_role("combobox", name="Relabel as").select_option("8")
    page.get_by_text("2 decisions", exact=True).wait_for()
    assert rows(corrections)[1:] == [["a/sure & wrong.png", "relabel", "6"], [ODD, "relabel", "8"]]
    assert (
        f"--corrections {corrections} --out {corrections.parent}-corrected"
        in page.get_by_role("region", name="Command").inner_text()
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious_violations(page) == []

    page.reload()
    assert first.get_by_role("button", name="It is 6").get_attribute("aria-pressed") == "true"
    assert second.get_by_role("combobox", name="Relabel as").input_value() == "8"
    first.get_by_role("button", name="It is 6").click()  # the same again takes it back
    page.get_by_text("1 decision", exact=True).wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 decisions", exact=True).wait_for()
    assert sorted(rows(corrections)[1:]) == [["a/sure & wrong.png", "relabel", "6"], [ODD, "relabel", "8"]]


def test_two_windows_that_decide_about_one_image(browser: Browser, server: str, corrections: Path) -> None:
    with browser.new_context(base_url=f"{server}/") as context:  # the browser itself complains of a refusal
        page = context.new_page()
        page.goto("#correct")
        first = page.locator(".doubt").nth(0)
        first.get_by_role("button", name="Keep").wait_for()
        corrections.write_text("path,action,label\na/sure & wrong.png,drop,\n", encoding="utf-8")  # the other window
        first.get_by_role("button", name="Keep").click()
        page.get_by_role("alert").filter(has_text="Another window has decided about").wait_for()
        first.get_by_role("button", name="Drop", pressed=True).wait_for()
        first.get_by_role("button", name="Keep").click()  # having seen it
        page.get_by_text("1 decision", exact=True).wait_for()
        assert rows(corrections)[1:] == [["a/sure & wrong.png", "keep", ""]]


def test_decisions_by_keyboard(page: Page, corrections: Path) -> None:
    page.goto("#correct")
    page.locator(".doubt").nth(0).focus()
    page.keyboard.press("d")  # and on to the next
    page.keyboard.press("k")
    page.get_by_text("2 decisions", exact=True).wait_for()
    assert rows(corrections)[1:] == [["a/sure & wrong.png", "drop", ""], [ODD, "keep", ""]]
    page.keyboard.press("u")
    page.get_by_text("1 decision", exact=True).wait_for()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("a")
    page.locator(".doubt").nth(0).locator("[aria-pressed=true]", has_text="It is 6").wait_for()
    assert rows(corrections)[1:] == [["a/sure & wrong.png", "relabel", "6"]]
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_training_labels_in_doubt_and_an_image_by_its_address(page: Page, corrections: Path) -> None:
    page.goto("#correct")
    page.get_by_role("button", name="Training labels in doubt").click()
    card = page.locator(".doubt", has_text="train/12.png")
    card.get_by_role("button", name="It is 0").click()
    page.get_by_text("1 decision", exact=True).wait_for()
    assert rows(corrections)[1:] == [["train/12.png", "relabel", "0"]]
    page.goto("#correct/train%2F12.png")
    came_for = page.locator(".one .doubt")
    assert came_for.locator("b").first.inner_text() == "4"
    assert came_for.locator("select").input_value() == "0"
    page.goto("#correct/nowhere.png")
    page.get_by_text("no image called 'nowhere.png'").wait_for()

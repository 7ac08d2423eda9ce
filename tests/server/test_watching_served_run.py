"""A person relies on: the page of a classifier leads to how it learned, and back; without buttons for its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.testclient import TestClient

from beholder.server.app import classifier_app
from beholder.server.served import Served, open_served

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_run_s_story_is_told_and_cannot_be_changed(client: TestClient) -> None:
    assert client.get("/page/watch").json() == {"address": "watch"}
    assert "<title>Watch" in client.get("/watch").text
    state = client.get("/watch/state").json()
    assert (state["state"], state["served"], state["data"]) == ("finished", True, "digits")
    assert len(client.get("/watch/images").json()["images"]) == 24
    for button in ("stop", "resume"):
        assert client.post(f"/watch/{button}").status_code == 404


def test_a_model_folder_has_no_story(served: Served) -> None:
    alone = open_served(served.classifier.artifact.folder)
    with TestClient(classifier_app(alone), base_url="http://localhost") as client:
        assert client.get("/page/watch").json() == {"address": None}
        assert client.get("/watch").status_code == 404


def test_from_the_classifier_to_its_story_and_back(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("")
    page.get_by_role("link", name="How it was trained").click()
    page.locator("#state", has_text="Finished").wait_for()
    page.locator(".answers li").nth(23).wait_for()
    assert page.locator("#stop").is_hidden()
    assert page.locator("#resume").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious_violations(page) == []
    page.get_by_role("link", name="Ask it").click()
    page.get_by_role("tab", name="Look inside").wait_for()

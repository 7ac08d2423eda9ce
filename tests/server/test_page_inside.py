"""A person relies on: every layer of this network on this image, and each number taken apart truthfully."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser_views import in_both_sizes, in_every_view
from PIL import Image
from proxies import fetched
from starlette.testclient import TestClient

from beholder.answering.classifier import Classifier
from beholder.answering.explanation import explain_image
from beholder.server.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


@pytest.fixture
def sight(client: TestClient, images: list[bytes]) -> dict[str, Any]:
    response = client.post("/page/inside", content=images[0], headers={"Content-Type": "image/png"})
    assert response.status_code == 200
    return dict(response.json())


def test_each_number_is_the_network_s_and_its_terms_add_up(
    client: TestClient, served: Served, images: list[bytes], sight: dict[str, Any]
) -> None:
    explanation = explain_image(Classifier(served.classifier.artifact), images[0])
    reference = {maps.number - 1: maps for maps in explanation.layers}
    kinds = set()
    for index, layer in enumerate(sight["layers"]):
        if layer["kind"] == "vector":
            continue
        assert layer["order"] == reference[index].order.tolist()
        chosen, row = layer["order"][-1], layer["output_shape"][0] - 1
        number = client.get(f"/page/inside/{sight['token']}/{index}/{chosen}/{row}/0").json()
        value = float(reference[index].values[row, 0, chosen])
        assert number["value"] == pytest.approx(value, rel=1e-4, abs=1e-6)
        kinds.add(number["kind"])
        if number["kind"] == "convolution":
            assert number["sum"] + number["bias"] == pytest.approx(value, rel=1e-3, abs=1e-3)
            for part in number["parts"]:
                products = np.array(part["pixels"]) * np.array(part["weights"])
                assert products.sum() == pytest.approx(part["sum"], abs=1e-3)
        if number["kind"] == "pooling":
            down, right = number["won"]
            assert number["pixels"][down][right] == number["value"]
    assert {"convolution", "pooling", "point"} <= kinds


def test_costs_are_those_of_the_manifest_beside_a_fully_connected_layer(served: Served, sight: dict[str, Any]) -> None:
    rows = served.classifier.artifact.manifest.layers
    assert [layer["parameters"] for layer in sight["layers"]] == [row["parameters"] for row in rows]
    place = next(place for place, row in enumerate(rows) if row["name"] == "group_1_convolution_1")
    assert sight["layers"][place]["fully_connected"] == 7 * 7 * 8 * 7 * 7 * 48
    assert sight["layers"][-1]["names"][0] == sight["label"]


def test_a_sheet_holds_the_strongest_64_maps_or_all(client: TestClient, sight: dict[str, Any]) -> None:
    index = next(place for place, one in enumerate(sight["layers"]) if one["name"] == "group_2_convolution_1")
    for query, rows in (("", 8), ("?all=1", 16)):
        content = client.get(f"/page/inside/{sight['token']}/{index}.png{query}").content
        assert Image.open(io.BytesIO(content)).size == (8 * 3, rows * 3)


@pytest.mark.parametrize(
    "address",
    ["{}/99.png", "{}/x.png", "{}/4/999.png", "{}/4/0/99/0", "{}/4/0/0/-1", "{}/25.png", "{}/" + "9" * 5000 + ".png"],
)
def test_what_is_not_there_is_said(client: TestClient, sight: dict[str, Any], address: str) -> None:
    assert client.get("/page/inside/" + address.format(sight["token"])).status_code == 404


def test_a_forgotten_image_and_junk_are_one_sentence(client: TestClient) -> None:
    response = client.get("/page/inside/unknown/2.png")
    assert (response.status_code, "look at it again" in response.json()["error"]) == (410, True)
    response = client.post("/page/inside", content=b"junk", headers={"Content-Type": "image/png"})
    assert (response.status_code, "not a JPEG" in response.json()["error"]) == (400, True)


@in_every_view
def test_walking_the_layers_and_one_number(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("#inside")
    page.locator(".running").wait_for()
    assert page.locator(".layer-card[aria-pressed=true]").count() == 1
    assert page.locator(".product").count() >= 1
    output = page.locator("button.pane")
    output.focus()
    before = page.locator(".where-at").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator(".where-at").inner_text() != before
    page.get_by_role("button", name="Step").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious_violations(page) == []

    page.locator(".layer-card[aria-pressed=true]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.locator("td.won").wait_for()
    page.keyboard.press("End")
    page.get_by_text("One number per class").wait_for()
    assert serious_violations(page) == []


@in_both_sizes
def test_it_plays_unless_a_person_asked_for_calm(page: Page) -> None:
    from playwright.sync_api import expect

    page.emulate_media(reduced_motion="no-preference")
    open_layer(page)
    page.get_by_role("button", name="Play").click()
    page.locator("td.now").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    assert not page.get_by_role("button", name="Next term").is_visible()

    page.locator(".map").nth(1).click()
    page.locator("td.now").first.wait_for()
    expect(page.get_by_role("button", name="Pause")).to_be_in_viewport()
    assert page.locator(".panes figcaption").last.inner_text() == f"Output: {map_name(page, 1)}"
    page.get_by_role("button", name="Pause").click()
    page.locator(".map[aria-pressed=true]").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("button", name="Play").is_visible()


@in_every_view
def test_calm_is_one_term_a_press(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_layer(page)
    assert not page.get_by_role("button", name="Play").is_visible()
    assert page.get_by_role("button", name="Step").is_visible()
    one = page.get_by_role("button", name="Next term")
    place, total = page.locator(".where-at"), page.locator(".running")
    before, whole = place.inner_text(), total.inner_text()
    count = page.locator(".products .equation > :last-child td").count()
    for press in range(1, count + 1):
        one.click()
        assert page.locator("td.unborn").count() == count - press
        assert page.locator(".chain").first.is_visible() == (press == count)
    assert (place.inner_text(), total.inner_text()) == (before, whole)
    assert serious_violations(page) == []
    one.click()
    page.locator("td.unborn").first.wait_for(state="attached")
    assert place.inner_text() != before
    assert page.locator("td.unborn").count() == count - 1
    page.locator(".map").nth(1).click()
    page.locator("td.unborn").first.wait_for(state="detached")
    assert page.locator("td.now").count() == 0


def test_other_maps_and_pooled_values_come_in_one_by_one(page: Page) -> None:
    """The running figure is what is uncovered so far: a sum over all maps, and the largest of a max-pooling."""
    page.emulate_media(reduced_motion="reduce")
    open_layer(page, "group_2_convolution_1")
    one, total = page.get_by_role("button", name="Next term"), page.locator(".running")
    others, whole = page.locator(".channels li"), total.inner_text()
    for _ in range(page.locator(".products .equation > :last-child td").count()):
        one.click()
    assert page.locator(".channels li.unborn").count() == others.count() == 6
    for left in range(5, -1, -1):
        one.click()
        assert page.locator(".channels li.unborn").count() == left
    added = sum(figure(text) for text in page.locator(".product h4 .muted, .channels li > .muted").all_inner_texts())
    assert figure(total.inner_text()) == pytest.approx(added, abs=0.1)
    assert total.inner_text() == whole

    open_layer(page, "group_2_pool")
    values = [figure(text) for text in page.locator(".cells td").all_inner_texts()]
    for uncovered in range(1, len(values) + 1):
        one.click()
        assert page.locator(".cells td.unborn").count() == len(values) - uncovered
        assert figure(total.inner_text()) == max(values[:uncovered]) == figure(page.locator("td.won").inner_text())


def test_a_mean_grows_as_a_sum_that_is_divided(page: Page) -> None:
    """No network here has such a layer, so the server's answer is one of its own."""

    def altered(route: Route) -> None:
        document = {
            **fetched(route),
            "kind": "pooling",
            "pixels": [[1, 2], [6, None]],
            "won": None,
            "value": 3,
            "then": [],
        }
        route.fulfill(body=json.dumps(document), content_type="application/json")

    page.route(re.compile(r"/page/inside/[^/]+/\d+/\d+/\d+/\d+$"), altered)
    page.emulate_media(reduced_motion="reduce")
    page.goto("#inside")
    totals = []
    for _ in range(3):
        page.get_by_role("button", name="Next term").click()
        page.locator("td.now, .chain:visible").first.wait_for()
        totals.append(page.locator(".running").inner_text())
    assert totals == ["1.00", "3.00", "9.00"]
    assert page.locator(".chain").inner_text().split("\n") == ["Sum", "9.00", "Divided by 3", "3.00"]


def test_facts_of_a_layer_and_all_its_maps(page: Page) -> None:
    open_layer(page, "group_2_convolution_1")
    facts = page.locator(".facts")
    assert "Window\n3 × 3" in facts.inner_text()
    assert "Stride\n1 pixel" in facts.inner_text()
    parameters = re.search(r"Parameters\n([\d,]+)", facts.inner_text())
    assert parameters is not None
    assert page.locator(".saving").inner_text().startswith(f"{parameters[1]} parameters here")
    assert page.locator(".map").count() == 64
    page.get_by_role("button", name="Show all 128").click()
    assert page.locator(".map").count() == 128


def open_layer(page: Page, name: str | None = None) -> None:
    """The tab Look inside with the layer `name`, or the one that it opens with, as soon as its number shows."""
    page.goto("#inside")
    page.reload()
    page.locator(".running").wait_for()
    if name is None:
        return
    name_shown = page.locator(".layer h2 code")
    cards = page.locator(".layer-card")
    for place in range(cards.count()):
        cards.nth(place).click()
        if name_shown.inner_text() == name:
            page.locator(".running").wait_for()
            return
    raise AssertionError(f"there is no layer {name}")


def map_name(page: Page, place: int) -> str:
    return str(page.locator(".map").nth(place).get_attribute("aria-label")).lower()


def figure(text: str) -> float:
    """A value as the page writes it, with or without words before it."""
    return float(text.rsplit(maxsplit=1)[-1].replace("−", "-"))

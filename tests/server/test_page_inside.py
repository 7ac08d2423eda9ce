"""A person relies on: every layer of this network on this picture, and each number taken apart truthfully."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from beholder.answering.classifier import Classifier
from beholder.answering.explain import explain
from beholder.server.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def sight(client: TestClient, pictures: list[bytes]) -> dict[str, Any]:
    response = client.post("/page/inside", content=pictures[0], headers={"Content-Type": "image/png"})
    assert response.status_code == 200
    return dict(response.json())


def test_each_number_is_the_network_s_and_its_terms_add_up(
    client: TestClient, served: Served, pictures: list[bytes], sight: dict[str, Any]
) -> None:
    reference = {maps.number - 1: maps for maps in explain(Classifier(served.classifier.artifact), pictures[0]).layers}
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


def test_a_forgotten_picture_and_junk_are_one_sentence(client: TestClient) -> None:
    response = client.get("/page/inside/unknown/2.png")
    assert (response.status_code, "look at it again" in response.json()["error"]) == (410, True)
    response = client.post("/page/inside", content=b"junk", headers={"Content-Type": "image/png"})
    assert (response.status_code, "not a JPEG" in response.json()["error"]) == (400, True)


def test_walking_the_layers_and_one_number(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("/#inside")
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
    page.get_by_text("One number a class").wait_for()
    assert serious_violations(page) == []


def test_it_plays_unless_a_person_asked_for_calm(page: Page) -> None:
    page.emulate_media(reduced_motion="no-preference")
    page.goto("/#inside")
    page.locator(".running").wait_for()
    page.get_by_role("button", name="Play").click()
    page.locator("td.now").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    page.locator(".running").wait_for()
    assert not page.get_by_role("button", name="Play").is_visible()
    assert page.get_by_role("button", name="Step").is_visible()

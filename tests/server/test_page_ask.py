"""A person relies on: an image brought in any way gets its answer, with all that the Ask tab shows of it."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser_views import in_both_sizes, in_every_view
from numpy.typing import NDArray
from PIL import Image
from proxies import fetched
from starlette.testclient import TestClient

from beholder.answering.classifier import Classifier
from beholder.answering.explanation import explain_image
from beholder.artifact.neighbours import open_neighbours
from beholder.server.app import classifier_app
from beholder.server.served import Served, open_served

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

JUNK = b"this is no image"


def photograph(turn: int) -> bytes:
    """A large JPEG that stands upright only when its EXIF is obeyed: 600 × 400 as it is stored."""
    values = np.linspace(0, 255, 600 * 400).reshape(400, 600).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turn
    file = io.BytesIO()
    Image.fromarray(values).convert("RGB").save(file, "JPEG", exif=exif)
    return file.getvalue()


def pixels(data_uri: str) -> NDArray[np.uint8]:
    head, body = data_uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def ask(client: TestClient, content: bytes) -> dict[str, Any]:
    response = client.post("/page/ask", content=content, headers={"Content-Type": "application/octet-stream"})
    assert response.status_code == 200
    [answer] = response.json()["answers"]
    return dict(answer)


def test_the_answer_is_that_of_predict_with_the_image_as_received(client: TestClient, served_run: Path) -> None:
    photo = photograph(turn=6)
    answer = ask(client, photo)
    classifier = Classifier.load(served_run)
    [reference] = classifier.predict([photo], top=10)
    assert answer["label"] == reference.label
    assert {row["label"]: pytest.approx(row["probability"], abs=1e-5) for row in answer["probabilities"]} == dict(
        reference.top
    )
    shares = [row["probability"] for row in answer["probabilities"]]
    assert shares == sorted(shares, reverse=True)
    assert (answer["width"], answer["height"]) == (400, 600)  # upright
    received = pixels(answer["received"]["image"])
    assert np.array_equal(received, explain_image(classifier, photo).image[..., 0])
    assert (answer["received"]["height"], answer["received"]["width"]) == received.shape


@pytest.mark.usefixtures("framework")
def test_a_network_that_cleans_shows_what_is_left(tmp_path: Path, client: TestClient, images: list[bytes]) -> None:
    from beholder.api.train import train
    from beholder.data.cifar.clean import clean_images

    random = np.random.default_rng(0)
    shown = random.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
    run = train((shown, np.arange(60) % 2), model="book", epochs=1, out=tmp_path / "run", neighbours=False).run
    chapter = open_served(run)
    file = io.BytesIO()
    Image.fromarray(shown[0]).save(file, "PNG")
    answer = ask(TestClient(classifier_app(chapter), "http://localhost"), file.getvalue())
    chapter.workers.close()
    told, cleaned = pixels(answer["received"]["cleaned"]), clean_images(shown[:1])[0, ..., 0]
    assert told.shape == (12, 12)
    assert np.corrcoef(told.ravel(), cleaned.ravel())[0, 1] > 0.999
    assert ask(client, images[0])["received"]["cleaned"] is None


def test_the_nearest_training_images_are_near(client: TestClient, served_run: Path) -> None:
    """A training image is nearest to itself, and is shown as the run keeps it."""
    kept = open_neighbours(served_run)
    assert kept is not None
    for row in (0, len(kept) // 2):
        file = io.BytesIO()
        Image.fromarray(kept.thumbnails[row, ..., 0]).save(file, "PNG")
        near = ask(client, file.getvalue())["neighbours"]
        assert len(near) == 8
        assert near[0]["distance"] == pytest.approx(0, abs=1e-2)
        assert [one["distance"] for one in near] == sorted(one["distance"] for one in near)
        first = next(one for one in near if one["path"] == kept.names[row])
        assert first["label"] == kept.class_names[kept.labels[row]]
        assert np.array_equal(pixels(first["image"])[..., 0], kept.thumbnails[row, ..., 0])


def test_where_it_looked_is_a_layer_on_the_image(client: TestClient, served_run: Path, images: list[bytes]) -> None:
    received = ask(client, images[0])["received"]["image"]
    content = base64.b64decode(received.split(",")[1])
    document = client.post("/page/ask/where", content=content, headers={"Content-Type": "image/png"}).json()
    reference = explain_image(Classifier.load(served_run), images[0]).where
    assert document["method"] == reference.method
    cover = pixels(document["overlay"])[..., 3]
    row, column = np.unravel_index(reference.heat.argmax(), reference.heat.shape)
    tall, wide = cover.shape[0] // reference.heat.shape[0], cover.shape[1] // reference.heat.shape[1]
    glowing = cover[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
    assert glowing.max() > 0.9 * cover.max() > 0
    assert cover[np.kron(reference.heat <= 0, np.ones((tall, wide))) > 0].mean() < glowing.mean()


def test_a_bad_image_is_one_sentence(client: TestClient) -> None:
    assert "not a JPEG" in ask(client, JUNK)["error"]
    response = client.post("/page/ask/where", content=JUNK, headers={"Content-Type": "image/png"})
    assert response.status_code == 400
    assert "not a JPEG" in response.json()["error"]


def test_unsure_is_said_where_the_model_says_so(served: Served, images: list[bytes]) -> None:
    artifact = served.classifier.artifact
    for threshold, unsure, why in ((1.1, True, "The probability is below"), (0.0, False, None), (None, None, None)):
        int8 = None if artifact.manifest.int8 is None else {**artifact.manifest.int8, "unsure_below": threshold}
        manifest = dataclasses.replace(artifact.manifest, unsure_below=threshold, int8=int8)
        classifier = Classifier(dataclasses.replace(artifact, manifest=manifest))
        client = TestClient(classifier_app(dataclasses.replace(served, classifier=classifier)), "http://127.0.0.1")
        answer = ask(client, images[0])
        assert answer["unsure"] is unsure
        assert (answer["why_unsure"] or "").startswith(why or "")
        assert (answer["why_unsure"] is None) is (why is None)


def test_why_another_class_than_the_most_probable_is_answered_is_said(served: Served, images: list[bytes]) -> None:
    artifact = served.classifier.artifact
    [plain] = served.classifier.predict([images[0]])
    others = [name for name in artifact.manifest.class_names if name != plain.label]
    for name, threshold, why in (
        (others[0], 0.0, f"'{others[0]}' is answered wherever its probability is at least 0 %"),
        (plain.label, 1.0, f"'{plain.label}' is only answered where its probability is at least 100 %"),
        (plain.label, 0.0, None),
    ):
        point = {"class_name": name, "figure": "recall", "asked": 0.95, "promised": True, "threshold": threshold}
        int8 = None if artifact.manifest.int8 is None else {**artifact.manifest.int8, "point": point}
        manifest = dataclasses.replace(artifact.manifest, point=point, int8=int8)
        classifier = Classifier(dataclasses.replace(artifact, manifest=manifest))
        client = TestClient(classifier_app(dataclasses.replace(served, classifier=classifier)), "http://127.0.0.1")
        answer = ask(client, images[0])
        assert (answer["label"] == name) is (threshold < 1)
        assert answer["unsure"] is False or name != answer["label"]
        assert (answer["why_label"] or "").startswith(why or "")
        assert (answer["why_label"] is None) is (why is None)
        sent = client.post("/predict", content=images[0], headers={"Content-Type": "image/png"}).json()
        assert sent["predictions"][0]["label"] == answer["label"]


def test_a_strange_image_is_unsure_and_the_reason_is_told(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), 255).save(buffer, "PNG")
    answer = ask(client, buffer.getvalue())
    assert answer["unlike"]
    assert answer["unsure"]
    assert "unlike anything" in answer["why_unsure"]
    assert "it may be none of these classes" in answer["why_unsure"]


def test_a_model_folder_and_damaged_neighbours_answer_all_the_same(
    served_run: Path, tmp_path: Path, images: list[bytes]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(served_run, run)
    (run / "neighbours.npz").write_bytes(b"damaged")
    for folder, said in ((run / "model", None), (run, "is damaged")):
        served = open_served(folder)
        answer = ask(TestClient(classifier_app(served), "http://127.0.0.1"), images[0])
        served.workers.close()
        assert answer["label"]
        assert answer["neighbours"] == []
        assert (said in answer["neighbours_error"]) if said else answer["neighbours_error"] is None


def test_examples_are_images_that_it_was_not_trained_on(client: TestClient, images: list[bytes]) -> None:
    addresses = client.get("/page/ask/examples").json()["examples"]
    assert [client.get(address).content for address in addresses] == images[: len(addresses)]
    assert len(addresses) == len(images) - 1
    assert client.get("/page/ask/examples/99").status_code == 404


# The stories, in a real browser.


def answers(page: Page) -> Any:
    return page.locator(".answer")


def file(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@in_every_view
def test_chosen_images_are_answered_newest_first(
    page: Page, served_run: Path, images: list[bytes], serious_violations: Callable[[Page], list[str]]
) -> None:
    page.goto("")
    files = [file("one.png", images[0]), file("none.png", JUNK), file("photo.jpg", photograph(1))]
    page.locator("input[type=file]").set_input_files(files)
    answers(page).nth(1).wait_for()
    references = Classifier.load(served_run).predict([photograph(1), images[0]])
    for card, reference, name in zip(answers(page).all(), references, ("photo.jpg", "one.png"), strict=True):
        heading = f"{reference.label}{100 * (reference.probability or 0):.1f}\xa0%"
        heading += "unsure" if reference.unsure else ""
        assert card.locator("h2").inner_text().replace("\n", "") == heading
        assert card.locator(".file").inner_text() == name
        assert card.locator(".nearest img").count() == 8
    assert "not a JPEG" in page.get_by_role("alert").inner_text()

    card = answers(page).first
    assert card.get_by_text("8\xa0×\xa08 pixels").is_visible()
    card.get_by_text("600\xa0×\xa0400").wait_for()  # the person's own, small
    assert card.locator(".bars li").count() == 5
    card.get_by_role("button", name="All 10 classes").click()
    assert card.locator(".bars li").count() == 10
    slider = card.get_by_role("slider", name="Where it looked")
    slider.fill("25")
    assert float(card.locator(".heat").evaluate("image => getComputedStyle(image).opacity")) == pytest.approx(0.25)
    assert fits(page)
    assert serious_violations(page) == []
    card.get_by_role("button", name="Remove photo.jpg").click()
    assert answers(page).count() == 1


def test_dropped_pasted_and_example_images_are_answered(page: Page, images: list[bytes]) -> None:
    page.goto("")
    transfer = page.evaluate_handle(
        """text => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          transfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
          return transfer;
        }""",
        base64.b64encode(images[0]).decode(),
    )
    page.dispatch_event(".zone", "dragover", {"dataTransfer": transfer})
    assert "over" in (page.locator(".zone").get_attribute("class") or "")
    page.dispatch_event(".zone", "drop", {"dataTransfer": transfer})
    answers(page).first.wait_for()
    assert "over" not in (page.locator(".zone").get_attribute("class") or "")
    page.evaluate("clip => dispatchEvent(new ClipboardEvent('paste', { clipboardData: clip }))", transfer)
    answers(page).nth(1).wait_for()
    page.get_by_role("button", name="Example 1").click()
    answers(page).nth(2).wait_for()
    assert answers(page).first.locator(".file").inner_text() == "Example 1"


TRANSFER = """given => {
  const transfer = new DataTransfer();
  for (const [type, text] of Object.entries(given)) transfer.setData(type, text);
  return transfer;
}"""
LINK = "This is a link, and Beholder fetches nothing from the web"

URI = "This is a data URI without an image that can be read"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text/uri-list": "https://example.org/cat.jpg"}, LINK),
        ({"text/uri-list": "https://example.org/cat.jpg\r\nhttps://example.org/2", "text/html": "<img>"}, LINK),
        ({"text/plain": "http://example.org/cat.jpg"}, LINK),
        ({"text/plain": "file:///home/me/cat.jpg"}, LINK),
        ({"text/plain": "/home/me/cat.jpg"}, "This is text, and no image"),
        ({"text/plain": "<script>alert(1)</script>"}, "This is text, and no image"),
        ({"text/plain": "data:text/plain,cat"}, URI),
        ({"text/plain": "data:image/png;base64,!!!"}, URI),
        ({"text/plain": "data:image/svg+xml,<svg/>"}, URI),
        ({"text/uri-list": "# a comment\r\nhttps://example.org/cat.jpg"}, LINK),
        ({"text/plain": "blob:https://example.org/1234"}, LINK),
        ({"text/plain": "www.example.org/cat.jpg"}, LINK),
        ({"text/html": "<p>A cat <img src='https://example.org/cat.jpg'></p>"}, LINK),
        ({"text/html": "<p>A cat</p>"}, "This is text, and no image"),
    ],
)
def test_a_link_that_is_dropped_or_pasted_is_told_what_to_do(page: Page, given: dict[str, str], said: str) -> None:
    page.goto("")
    page.get_by_role("button", name="Draw").wait_for()
    transfer = page.evaluate_handle(TRANSFER, given)
    page.dispatch_event(".zone", "dragover", {"dataTransfer": transfer})
    page.dispatch_event(".zone", "drop", {"dataTransfer": transfer})
    sentence = f"{said}: save the image, and drop its file here."
    assert page.get_by_role("alert").inner_text() == sentence
    page.evaluate("clip => dispatchEvent(new ClipboardEvent('paste', { clipboardData: clip }))", transfer)
    assert page.get_by_role("alert").all_inner_texts() == [sentence, sentence]
    page.get_by_role("button", name="Dismiss").first.click()
    assert page.get_by_role("alert").count() == 1


def test_a_folder_that_is_dropped_is_told_what_to_do(page: Page) -> None:
    page.goto("")
    page.get_by_role("button", name="Draw").wait_for()
    page.evaluate(
        """() => {
          const entry = { isDirectory: true, name: "photos" };
          const items = [{ webkitGetAsEntry: () => entry }];
          const dataTransfer = { items, files: [new File([], "photos")], types: ["Files"], getData: () => "" };
          dispatchEvent(Object.assign(new Event("drop"), { dataTransfer }));
        }"""
    )
    assert page.get_by_role("alert").inner_text() == "This is a folder: drop the images in it."


def test_an_image_in_a_data_uri_is_answered(page: Page, images: list[bytes]) -> None:
    page.goto("")
    page.get_by_role("button", name="Draw").wait_for()
    uri = f"data:image/png;base64,{base64.b64encode(images[0]).decode()}"
    transfer = page.evaluate_handle(TRANSFER, {"text/plain": uri})
    page.evaluate("clip => dispatchEvent(new ClipboardEvent('paste', { clipboardData: clip }))", transfer)
    answers(page).first.wait_for()
    assert answers(page).first.locator(".file").inner_text() == "Pasted image"


@in_every_view
def test_a_drawing_is_answered_stroke_by_stroke(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("")
    page.get_by_role("button", name="Draw").click()
    stroke(page, (0.5, 0.1), (0.5, 0.9))
    answers(page).first.wait_for()
    received = answers(page).first.locator(".received .pixels")
    first = received.get_attribute("src")
    stroke(page, (0.2, 0.5), (0.8, 0.5))
    page.locator(f".received .pixels:not([src='{first}'])").wait_for()
    assert answers(page).count() == 1  # the same drawing, one stroke on
    drawn = pixels(received.get_attribute("src") or "")
    assert drawn[4, 4] > 150  # chalk
    assert drawn[0, 0] < 50  # on a blackboard
    page.get_by_role("button", name="Clear").click()
    stroke(page, (0.3, 0.3), (0.6, 0.6))
    answers(page).nth(1).wait_for()
    assert fits(page)
    assert serious_violations(page) == []


def stroke(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    pad = page.get_by_role("img", name="Drawing pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()


def test_a_photograph_is_answered_and_a_refused_camera_is_one_sentence(page: Page) -> None:
    page.add_init_script(
        """navigator.mediaDevices.getUserMedia = async () => {
          if (window.refuse) throw new DOMException("no", "NotAllowedError");
          const canvas = document.createElement("canvas");
          canvas.getContext("2d").fillRect(0, 0, 300, 150);
          return canvas.captureStream(10);
        };"""
    )
    page.goto("")
    page.get_by_role("button", name="Take a photo").click()
    page.get_by_role("button", name="Take it").click()
    answers(page).first.wait_for()
    assert answers(page).first.locator(".file").inner_text() == "Photo"
    assert page.get_by_role("dialog").count() == 0
    page.evaluate("window.refuse = true")
    page.get_by_role("button", name="Take a photo").click()
    assert "may not use the camera" in page.get_by_role("alert").inner_text()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0


@in_both_sizes
def test_names_are_text_and_an_unsure_answer_says_so(page: Page, images: list[bytes]) -> None:
    markup = "<img src=x onerror=alert(1)>"

    def altered(route: Route) -> None:
        document = fetched(route)
        document["answers"][0].update(label=markup, unsure=True, why_unsure="Less probable than it should be.")
        document["answers"][0]["neighbours"][0].update(label=markup, path=markup)
        route.fulfill(body=json.dumps(document), content_type="application/json")

    page.route("**/page/ask", altered)
    page.goto("")
    page.locator("input[type=file]").set_input_files([file(f"{markup}.png".replace("/", ""), images[0])])
    card = answers(page).first
    assert card.locator("h2").inner_text().startswith(markup)
    assert card.get_by_text("unsure", exact=True).is_visible()
    assert card.get_by_text("Less probable than it should be.").is_visible()
    assert page.locator("img[src=x]").count() == 0
    assert fits(page)


def test_an_address_that_is_no_text_leads_to_ask(page: Page) -> None:
    page.goto("#%")
    page.get_by_role("button", name="Choose images").wait_for()
    assert page.get_by_role("tab", name="Ask").get_attribute("aria-selected") == "true"


@in_both_sizes
def test_a_phone_without_a_camera_in_the_browser_photographs_through_its_own(page: Page, images: list[bytes]) -> None:
    """Browsers offer the camera on this machine or over HTTPS alone; a phone comes over plain http."""
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined });")
    page.goto("")
    page.get_by_role("button", name="Draw").wait_for()
    photo = page.get_by_role("button", name="Take a photo")
    if not page.evaluate("matchMedia('(pointer: coarse)').matches"):
        assert photo.count() == 0
        return
    with page.expect_file_chooser() as chosen:
        photo.click()
    assert chosen.value.element.get_attribute("capture") == "environment"
    chosen.value.set_files([file("photo.png", images[0])])
    answers(page).first.wait_for()
    assert answers(page).first.locator(".file").inner_text() == "photo.png"


def test_the_tabs_are_operable_by_keyboard_and_address(page: Page) -> None:
    page.goto("")
    tab = page.get_by_role("tab", name="Ask")
    tab.focus()
    page.keyboard.press("End")
    page.get_by_role("tab", name="Correct", selected=True).wait_for()
    assert page.evaluate("document.activeElement.id") == "tab-correct"
    page.get_by_role("tabpanel", name="Correct").wait_for()
    assert [one.get_attribute("tabindex") for one in page.get_by_role("tab").all()] == ["-1", "-1", "-1", "0"]
    page.keyboard.press("Home")
    page.get_by_role("tabpanel", name="Ask").wait_for()
    page.get_by_role("tab", name="Ask", selected=True).wait_for()
    assert page.title().startswith("Ask")

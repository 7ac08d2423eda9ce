"""An operator relies on: small requests cannot cost much memory or time; bench/siege.py tries it on a whole server."""

from __future__ import annotations

import asyncio
import gc
import io
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from beholder.server.app import classifier_app
from beholder.server.guard.request_limits import Limits
from beholder.server.served import Served, open_served

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def served(served_run: Path) -> Served:
    return open_served(served_run, limits=Limits(request_pixels=30_000, json_bytes=1000))


@pytest.fixture(scope="module")
def strict(served: Served) -> TestClient:
    return TestClient(classifier_app(served), base_url="http://localhost")


def image(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def test_many_large_images_in_small_files_are_refused_one_by_one(strict: TestClient) -> None:
    files = [("file", (f"{number}.png", image(100))) for number in range(5)]
    answers = strict.post("/predict", files=files).json()["predictions"]
    refused = [answer["error"] for answer in answers if "error" in answer]
    assert len(refused) == 2
    assert all("more than 0.03 million pixels" in sentence for sentence in refused)
    assert "error" not in strict.post("/predict", content=image(100), headers=PNG).json()["predictions"][0]


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5000, "-1", "1e3", "%00", "٣"])
@pytest.mark.parametrize(
    "address",
    ["/page/ask/examples/{}", "/watch/snapshots/{}", "/page/judge/cell/{}/0", "/page/inside/x/{}.png"],
)
def test_an_odd_number_in_an_address_is_not_there(
    served_run: Path, client: TestClient, address: str, number: str
) -> None:
    assert client.get(address.format(number)).status_code in (400, 404, 410)


def test_a_large_json_document_is_refused_before_it_is_read(strict: TestClient) -> None:
    response = strict.post("/page/corrections", content=b"[" * 1001)
    assert response.status_code == 413
    assert "in parts" in response.json()["error"]
    assert strict.post("/page/corrections", content=b"[" * 900).status_code == 400


def test_large_images_are_decoded_one_at_a_time(strict: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.server import decoding

    monkeypatch.setattr(decoding, "LARGE_PIXELS", 50)
    files = [("file", (f"{number}.png", image(8 + number % 2))) for number in range(100)]
    answers = strict.post("/predict", files=files).json()["predictions"]
    assert all("label" in answer for answer in answers)


def test_a_refused_image_is_not_held_in_memory(served: Served) -> None:
    """Its error had frames that held the request, which held the error."""
    image: Any = np.zeros((2, 2), np.float32)
    held = weakref.ref(image)
    gc.disable()
    try:
        asyncio.run(served.workers.answer([image]))
        del image
        until = time.monotonic() + 20
        while held() is not None and time.monotonic() < until:
            time.sleep(0.01)  # the thread that answered lets go of it
        assert held() is None
    finally:
        gc.enable()


def test_damaged_forms_do_not_fill_the_log(strict: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert strict.post("/predict", content=b"--edge\r\nno header\xff\r\n", headers=headers).status_code == 400
    assert [record for record in caplog.records if record.name.startswith("python_multipart")] == []

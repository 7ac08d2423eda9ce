"""A program relies on: POST /predict answers as `predict --json`, an error is one sentence, and no input is a 5xx."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from beholder.answering.classifier import Classifier
from beholder.server.served import Served

PNG = {"Content-Type": "image/png"}
JUNK = b"this is no image"


def expected(run: Path, contents: list[bytes], top: int = 3) -> list[dict[str, Any]]:
    return [prediction.to_dict() for prediction in Classifier.load(run).predict(contents, top=top)]


def close(answer: dict[str, Any], reference: dict[str, Any]) -> bool:
    """Equal, but for the last digits that a batch of another size changes."""
    same = {**answer, "path": "", "probability": 0, "top": 0} == {**reference, "path": "", "probability": 0, "top": 0}
    pairs = zip(answer["top"], reference["top"], strict=True)
    return same and all(
        one["label"] == other["label"] and one["probability"] == pytest.approx(other["probability"], abs=1e-5)
        for one, other in pairs
    )


@pytest.mark.parametrize("kind", ["image/png", "image/x-anything", "application/octet-stream", None])
def test_raw_bytes_are_answered_as_predict_does(
    client: TestClient, served_run: Path, images: list[bytes], kind: str | None
) -> None:
    response = client.post("/predict", content=images[0], headers={} if kind is None else {"Content-Type": kind})
    assert response.status_code == 200
    document = response.json()
    assert (document["schema"], document["precision"]) == (2, Classifier.load(served_run).precision)
    [answer] = document["predictions"]
    assert answer["path"] == "-"
    assert close(answer, expected(served_run, images[:1])[0])


def test_many_fields_are_answered_in_order_and_a_bad_one_is_named(
    client: TestClient, served_run: Path, images: list[bytes]
) -> None:
    contents = [*images[:3], JUNK, *images[3:]]
    response = client.post("/predict", files=[("file", (f"{n}.png", content)) for n, content in enumerate(contents)])
    assert response.status_code == 200
    answers = response.json()["predictions"]
    assert [answer["path"] for answer in answers] == [f"{number}.png" for number in range(len(contents))]
    assert answers[3].keys() == {"path", "error"}
    assert "not a JPEG" in answers[3]["error"]
    references = expected(served_run, contents)
    assert all(close(*pair) for n, pair in enumerate(zip(answers, references, strict=True)) if n != 3)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.png", "../../etc/passwd", "Käse 🧀.png", "a;b, c.png"])
def test_a_file_name_is_only_text(client: TestClient, images: list[bytes], name: str) -> None:
    response = client.post("/predict", files=[("file", (name, images[0]))])
    assert response.json()["predictions"][0]["path"] == name


def test_top_says_how_many_classes(client: TestClient, images: list[bytes]) -> None:
    response = client.post("/predict?top=7", content=images[0], headers=PNG)
    assert len(response.json()["predictions"][0]["top"]) == 7


@pytest.mark.parametrize("top", ["0", "-1", "x", "", "1.5", "9" * 40])
def test_another_top_is_refused(client: TestClient, images: list[bytes], top: str) -> None:
    response = client.post("/predict", params={"top": top}, content=images[0], headers=PNG)
    assert response.status_code == 400
    assert "top" in response.json()["error"]


def form(*lines: bytes) -> bytes:
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (400, "image/png", JUNK, "not a JPEG"),
        (400, "image/png", b"", "empty"),
        (415, "application/json", b"{}", "Received: 'application/json'"),
        (415, "application/x-www-form-urlencoded", b"a=b", "Expected Content-Type"),
        (400, "multipart/form-data", b"--x--", "damaged"),
        (400, "multipart/form-data; boundary=x", b"", "cut short"),
        (400, "multipart/form-data; boundary=x", b"garbage", "damaged"),
        (400, "multipart/form-data; boundary=x", form(b"--x", b"Content-Disposition: form-data"), "cut short"),
        (
            400,
            "multipart/form-data; boundary=x",
            form(b"--x", b'Content-Disposition: form-data; name="image"', b"", b"abc", b"--x--", b""),
            "Received fields: 'image'",
        ),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    client: TestClient, status: int, kind: str, body: bytes, said: str
) -> None:
    response = client.post("/predict", content=body, headers={"Content-Type": kind})
    assert response.status_code == status
    error = response.json()["error"]
    assert said in error
    assert "\n" not in error


KINDS = st.sampled_from(["image/png", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ";", ""])
PIECES = [b"--x", b"--x--", b"\r\n", b'Content-Disposition: form-data; name="file"', b":", b"\x89PNG\r\n\x1a\n", b"\0"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=KINDS, body=st.lists(st.sampled_from(PIECES) | st.binary(max_size=40)).map(b"".join))
def test_no_input_is_a_fault_of_ours(client: TestClient, kind: str, body: bytes) -> None:
    response = client.post("/predict", content=body, headers={"Content-Type": kind})
    assert 400 <= response.status_code < 500
    assert isinstance(response.json()["error"], str)


def test_the_model_tells_its_manifest(client: TestClient, served: Served) -> None:
    facts = client.get("/model").json()
    manifest = json.loads((served.classifier.artifact.folder / "manifest.json").read_bytes())
    assert {name: facts[name] for name in manifest} == manifest
    assert facts["precision"] == served.classifier.precision


def test_health_follows_the_workers(client: TestClient, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/healthz").status_code == 200
    monkeypatch.setattr(type(served.workers), "alive", False)
    assert client.get("/healthz").status_code == 503


def numbers(client: TestClient) -> dict[tuple[str, ...], float]:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_metrics_count_requests_and_images(client: TestClient, images: list[bytes]) -> None:
    before = numbers(client)
    client.post("/predict", files=[("file", ("a", images[0])), ("file", ("b", images[1])), ("file", ("c", JUNK))])
    for number in range(3):
        client.get(f"/nothing/{number}")
    after = numbers(client)

    def grown(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert grown("beholder_images_total", "answered") == 2
    assert grown("beholder_images_total", "unreadable") == 1
    assert grown("beholder_requests_total", "POST", "/predict", "200") == 1
    assert grown("beholder_requests_total", "GET", "other", "404") == 3
    assert grown("beholder_request_seconds_count", "/predict") == 1
    assert after["beholder_waiting_images",] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/x", 404), ("GET", "/predict", 405), ("PUT", "/", 405)]
)
def test_other_addresses_and_methods_are_told_in_json(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"].endswith(".")


def examples(language: str) -> list[str]:
    """The blocks of docs/serving.md in `language`."""
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("language", ["bash", "python"])
def test_the_documentation_s_examples_work(server: str, tmp_path: Path, images: list[bytes], language: str) -> None:
    if language == "bash" and shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    program = {"bash": ["bash", "-e", "-c"], "python": [sys.executable, "-c"]}[language]
    for name, content in (("image.png", images[0]), ("other.png", images[1])):
        (tmp_path / name).write_bytes(content)
    assert len(examples(language)) == 2
    for code in examples(language):
        asked = code.replace("http://127.0.0.1:8000", server)
        assert asked != code
        done = subprocess.run([*program, asked], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert re.search(r'"label":"\d"|^(image\.png )?\d ', done.stdout), done.stdout


@pytest.fixture
def process(served_run: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of a test's own, and its address."""
    command = [sys.executable, "-m", "beholder", "serve", str(served_run), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "}\n")
        yield process, json.loads("".join([*lines, "}"]))["address"]
        process.kill()


def test_asked_to_end_it_finishes_what_it_accepted(
    process: tuple[subprocess.Popen[str], str], images: list[bytes]
) -> None:
    running, address = process
    url = httpx.URL(address)
    body = form(
        *(
            form(b"--x", b'Content-Disposition: form-data; name="file"', b"", content)
            for content in (images * 32)[:256]
        ),
        b"--x--",
        b"",
    )
    kind = b"Content-Type: multipart/form-data; boundary=x"
    head = form(b"POST /predict HTTP/1.1", b"Host: localhost", kind, b"Content-Length: %d" % len(body), b"", b"")
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(head + body[:-1])
        httpx.get(f"{address}healthz")  # by its answer the request before it is accepted
        running.send_signal(signal.SIGTERM)
        connection.sendall(body[-1:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b'"label"') >= 256
    assert running.wait(timeout=40) == 0


def test_a_taken_port_is_one_sentence(process: tuple[subprocess.Popen[str], str], served_run: Path) -> None:
    port = str(httpx.URL(process[1]).port)
    command = [sys.executable, "-m", "beholder", "serve", str(served_run), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: Cannot listen")
    assert done.stderr.count("\n") == 1

"""A person relies on: a server answers with one model, and says so where training replaced it meanwhile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beholder.answering.classifier import Classifier
from beholder.artifact.store import open_inside, replacing_artifact
from beholder.errors import ReplacedError
from beholder.server.app import classifier_app
from beholder.server.served import Served, open_served

SENTENCE = "was replaced since it was opened; start the command again to use the new one."


@pytest.fixture
def opened(served_run: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copytree(served_run, tmp_path / "run")
    served = open_served(tmp_path / "run")
    yield served
    served.workers.close()


def replace(run: Path) -> None:
    with replacing_artifact(run / "model") as building:
        shutil.copytree(run / "model", building, dirs_exist_ok=True)
        (building / "head.npy").write_bytes((building / "head.npy").read_bytes() + b"of another one")


def test_answers_go_on_and_nothing_of_the_new_model_stands_beside_them(opened: Served, images: list[bytes]) -> None:
    client = TestClient(classifier_app(opened), "http://127.0.0.1", raise_server_exceptions=False)
    before = client.post("/page/ask", content=images[0], headers={"Content-Type": "image/png"}).json()["answers"][0]
    example = client.get("/page/ask/examples/0").content
    for kept in ("neighbours", "validation"):
        opened.__dict__.pop(kept, None)
    assert opened.run is not None
    replace(opened.run)
    after = client.post("/page/ask", content=images[0], headers={"Content-Type": "image/png"}).json()["answers"][0]
    assert after["probabilities"] == before["probabilities"]
    assert after["neighbours"] == []
    assert SENTENCE in after["neighbours_error"]
    assert client.get("/page/ask/examples/0").content == example
    for address in ("/page/inside", "/page/ask/where"):
        answer = client.post(address, content=images[0], headers={"Content-Type": "image/png"})
        assert answer.status_code == 409, address
        assert answer.json()["error"].endswith(SENTENCE)
    judged = client.get("/page/judge").json()
    assert judged["sets"] == {}
    assert SENTENCE in judged["notes"][0]
    decision = json.dumps({"path": "x", "action": "drop"})
    assert client.post("/page/corrections", content=decision).status_code == 409


def test_a_model_keeps_its_name_and_tells_when_another_has_its_place(served_run: Path, tmp_path: Path) -> None:
    shutil.copytree(served_run, tmp_path / "run")
    artifact = Classifier.load(tmp_path / "run").artifact
    name = artifact.checksum
    artifact.check_same()
    replace(tmp_path / "run")
    assert artifact.checksum == name
    with pytest.raises(ReplacedError, match=r"was replaced since it was opened"):
        open_inside(artifact)
    shutil.rmtree(tmp_path / "run" / "model")
    with pytest.raises(ReplacedError, match=r"was replaced since it was opened"):
        open_inside(artifact)

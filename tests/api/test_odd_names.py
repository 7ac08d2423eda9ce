"""A person's names are as the person likes: whatever a file system takes, every command takes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run
from beholder.sessions.training_data import default_folder

NAMES = ["-new\nline \"and' $(quotes) 🦉", "é" * 127, os.fsdecode(b"bytes \xff\xfe")]


def make_images(folder: Path, name: str) -> Path:
    draw = np.random.default_rng(0)
    for number in range(30):
        path = folder / (name, "other")[number % 2] / f"{number:02}{name[:100]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(256, size=(8, 8, 3)).astype(np.uint8)).save(path)
    return folder


@pytest.mark.usefixtures("framework")
@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_it(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    data = make_images(tmp_path / "home" / name, name)
    image = str(next((data / name).iterdir()))
    run, cache = str(tmp_path / name), ["--cache", str(tmp_path / "cache")]
    training = ["--model", "linear", "--epochs", "1", "--progress", "none", "--out", run]
    for arguments in (
        ["look", str(data), "--out", str(tmp_path / "sheet.png"), *cache],
        ["train", *training, *cache, "--json", "--", str(data)],
        ["evaluate", "--json", run],
        ["predict", "--json", run, image],
        ["explain", run, image, "--out", f"{run}/explained"],
        ["train", "--resume", run],
        ["audit", str(data), "--json", "--budget", "1s", "--out", str(tmp_path / "audits" / name), *cache],
    ):
        capfd.readouterr()
        status = _run(arguments)
        told = capfd.readouterr()
        assert status == 0, told.err
        if "--json" in arguments:
            json.loads(told.out)


@pytest.mark.usefixtures("framework")
@pytest.mark.parametrize("name", NAMES)
def test_a_server_answers_whatever_its_classes_are_called(tmp_path: Path, name: str) -> None:
    from starlette.testclient import TestClient

    from beholder.api.train import train
    from beholder.server.app import classifier_app
    from beholder.server.served import open_served

    data = make_images(tmp_path / "home" / name, name)
    run = train(str(data), model="linear", epochs=1, out=tmp_path / name, cache=tmp_path / "cache").run
    served = open_served(run)
    client = TestClient(classifier_app(served), "http://127.0.0.1", raise_server_exceptions=False)
    assert client.get("/model").json()["class_names"] == sorted([name, "other"])
    image = next((data / name).iterdir()).read_bytes()
    png = {"Content-Type": "image/png"}
    for address in ("/predict", "/page/ask", "/page/ask/where", "/page/inside"):
        assert client.post(address, content=image, headers=png).status_code == 200, address
    for address in ("/page/judge", "/page/judge/cell/0/0", "/page/corrections", "/page/watch", "/watch/state"):
        assert client.get(address).status_code == 200, address
    served.workers.close()


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, os.fsdecode(b"\xff" * 255)])
def test_a_run_is_called_after_data_with_the_longest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    default_folder(name, "auto").mkdir(parents=True)

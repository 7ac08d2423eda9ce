"""A person relies on: a pretrained network is one file and one row; it is fetched for who names it, and nobody else."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from file_server import FileServer, serving
from numpy.typing import NDArray
from torch_streams import floats, stream, tensor

from beholder.api.compare import compare
from beholder.api.train import train
from beholder.data.dataset import Dataset
from beholder.errors import DownloadError, UsageError
from beholder.models import MODELS, Recipe, build, learned_weights
from beholder.models.weights.origin import Address, Weights
from beholder.sessions import family
from beholder.sessions.request import TrainRequest
from beholder.sessions.resolve import resolve, settings_for
from beholder.training.budget.fine_tuning import sides_of

pytestmark = pytest.mark.usefixtures("framework")

WINDOWS = np.random.default_rng(0).normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32)  # as PyTorch has them
CONTENT = stream({"stem": tensor("0", 108, WINDOWS.shape, (27, 9, 3, 1))}, {"0": floats(*WINDOWS.ravel().tolist())})


class Second(ModuleType):
    """What the one file of a second network has."""

    def build(self, shape: tuple[int, int, int], classes: int, *, dtype: str = "float32", **_: object) -> Any:
        import keras

        from beholder.models.entrance import logits

        inputs = keras.Input(shape, dtype="uint8", name="images")
        x = keras.layers.Rescaling(1 / 255, dtype="float32", name="as_float")(inputs)
        x = keras.layers.Conv2D(4, 3, use_bias=False, activation="relu", dtype=dtype, name="stem")(x)
        x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
        return keras.Model(inputs, logits(x, classes), name="second")

    def first_weights(self, model: Any, tensors: Mapping[str, NDArray[Any]]) -> None:
        model.get_layer("stem").set_weights([tensors["stem"].transpose(2, 3, 1, 0)])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Serves the weights of a model `second`, whose row and file are here."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(sys.modules, "beholder.models.second", Second("beholder.models.second"))
    with serving(CONTENT) as running:
        row(monkeypatch, f"{running.address}/ok/second.pth")
        yield running


def row(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    learned = Weights(
        title="The second",
        place=Address(url, len(CONTENT)),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="MIT",
        authors="these tests",
        trained_on="nothing",
        source="here",
        sides=(32, 128),
    )
    one = Recipe("one convolution", 1, 16, "adam", 1e-3, weights=learned, side=32, options=("side", "dropout"))
    monkeypatch.setitem(MODELS, "second", one)


@pytest.fixture
def photos() -> Dataset:
    labels = np.arange(60, dtype=np.int64) % 2
    seen = np.random.default_rng(0).integers(0, 100, (60, 32, 32, 3)).astype(np.uint8)
    seen[labels == 1] += np.uint8(100)
    return Dataset(seen, labels, ("dark", "bright"), [f"{number}.png" for number in range(60)])


def test_who_names_it_trains_it(
    server: FileServer, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, run = tmp_path / "cache", tmp_path / "run"
    heard: list[str] = []
    train(photos, model="second", epochs=2, out=run, cache=cache, progress=lambda task, *_: heard.append(task))
    assert "Downloading second.pth" in heard
    assert len(server.asked) == 1
    learned = build("second", (32, 32, 3), 2)
    learned_weights("second", learned, cache)
    np.testing.assert_array_equal(learned.get_layer("stem").get_weights()[0], WINDOWS.transpose(2, 3, 1, 0))
    origin = json.loads((run / "model" / "manifest.json").read_bytes())["data"]["started_from"]
    assert origin["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert "The second (these tests; learned from nothing; MIT)" in origin["name"]
    kept = json.loads((run / "config.json").read_bytes())["settings"]
    assert kept["recipe"]["weights"] == "second"
    # A plan names the network; who follows it did not, on a machine that lacks the weights.
    request = TrainRequest.of(photos, plan=run / "events.jsonl", cache=cache)
    assert resolve(request)[0].recipe.weights == MODELS["second"].weights
    with pytest.raises(UsageError, match=r"'second'.*not on this machine.*--model second"):
        resolve(TrainRequest.of(photos, plan=run / "events.jsonl", cache=tmp_path / "empty"))
    assert len(server.asked) == 1


def test_nobody_else_does(server: FileServer, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "LEARNED", "second")
    request = TrainRequest.of(photos, budget=60, cache=tmp_path)
    settings, told = family.choose_family(request, settings_for(request, "fast"), photos)
    assert settings.model == "fast"
    assert told is not None
    assert "--model second" in told
    assert server.asked == []


def test_where_it_cannot_be_fetched_there_is_no_run(
    server: FileServer, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(monkeypatch, f"{server.address}/changed/second.pth")
    with pytest.raises(DownloadError, match="checksum"):
        train(photos, model="second", out=tmp_path / "run", cache=tmp_path / "cache")
    with pytest.raises(DownloadError, match="checksum"):
        compare(photos, models=["linear", "second"], out=tmp_path / "compared", cache=tmp_path / "cache")
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def test_its_sizes_are_those_of_its_row(server: FileServer, photos: Dataset) -> None:
    with pytest.raises(UsageError, match=r"'second'.*32 to 128.*--side.*160"):
        settings_for(TrainRequest.of(photos, model="second", options={"side": 160}), "second")
    assert sides_of(MODELS["second"]) == (128, 96)
    assert sides_of(MODELS["lite0"]) == (224, 192, 160, 128, 96)


def test_a_name_where_a_file_is_wanted_is_told(photos: Dataset) -> None:
    with pytest.raises(UsageError, match=r"'lite0' is the name of a model.*--model lite0"):
        resolve(TrainRequest.of(photos, start_from="lite0"))

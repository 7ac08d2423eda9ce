"""A person relies on: each layer's cost is what one counts by hand, and the chapter's argument is computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from beholder.api import parameters as room
from beholder.api.parameters import parameters
from beholder.errors import ArtifactError, UsageError
from beholder.models import MODELS

# `book` at 32 × 32 and ten classes, by hand: 24 × 24 after cropping, windows of 5 × 5, poolings that halve.
BOOK = {
    "clean": ([24, 24, 1], None, None, 0, 0),
    "convolution_1": ([24, 24, 64], [5, 5], [1, 1], 5 * 5 * 1 * 64, 24 * 24 * 1_600),
    "bias_relu_1": ([24, 24, 64], None, None, 64, 0),
    "pool_1": ([12, 12, 64], [3, 3], [2, 2], 0, 0),
    "normalisation_1": ([12, 12, 64], None, None, 0, 0),
    "convolution_2": ([12, 12, 64], [5, 5], [1, 1], 5 * 5 * 64 * 64, 12 * 12 * 102_400),
    "pool_2": ([6, 6, 64], [3, 3], [2, 2], 0, 0),
    "flatten": ([2304], None, None, 0, 0),
    "features": ([1024], None, None, 2304 * 1024 + 1024, 2304 * 1024),
    "logits": ([10], None, None, 1024 * 10 + 10, 1024 * 10),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEHOLDER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("framework")
def test_the_chapters_network_costs_what_one_counts_by_hand() -> None:
    document = parameters().to_dict()
    layers = {layer["name"]: layer for layer in document["layers"]}
    for name, (shape, window, stride, weights, multiply_adds) in BOOK.items():
        layer = layers[name]
        assert (layer["output_shape"], layer["window"], layer["stride"]) == (shape, window, stride)
        assert (layer["parameters"], layer["multiply_adds"]) == (weights, multiply_adds)
    assert document["model"] == "book"
    assert document["parameters"] == 1_600 + 64 + 102_400 + 64 + 2_360_320 + 10_250 == 2_474_698
    assert document["multiply_adds"] == 921_600 + 14_745_600 + 2_359_296 + 10_240
    assert layers["features"]["share"] == 2_360_320 / 2_474_698
    assert sum(layer["share"] for layer in document["layers"]) == pytest.approx(1)


@pytest.mark.usefixtures("framework")
@pytest.mark.parametrize("name", MODELS)
def test_every_network_counts_all_its_parameters(name: str) -> None:
    from beholder.models import build

    assert parameters(model=name, size=16, classes=3).parameters == build(name, (16, 16, 3), 3).count_params()


def test_the_chapters_argument() -> None:
    argument = room.argument()
    small, large = argument["fully_connected"]["at"]
    assert (small["image"], small["weights"], small["weights_a_neuron"]) == ([256, 256], 655_360, 65_536)
    assert (large["image"], large["weights"], large["weights_a_neuron"]) == ([300, 300], 900_000, 90_000)
    assert argument["fully_connected"]["neurons"] == 10
    assert (argument["convolution"]["windows"], argument["convolution"]["window"]) == (64, [5, 5])
    assert [(row["image"], row["weights"]) for row in argument["convolution"]["at"]] == [
        ([256, 256], 1_600),
        ([300, 300], 1_600),
    ]


def test_a_run_tells_what_its_manifest_holds(digits_run: Path) -> None:
    manifest = json.loads((digits_run / "model" / "manifest.json").read_bytes())
    for path in (digits_run, str(digits_run), digits_run / "model"):
        document = parameters(path).to_dict()
        assert document["model"] == "fast"
        assert [{**layer, "share": 0} for layer in manifest["layers"]] == [
            {**layer, "share": 0} for layer in document["layers"]
        ]
        assert document["parameters"] == sum(layer["parameters"] for layer in manifest["layers"])


@pytest.mark.usefixtures("framework")
def test_a_table_is_built_once_and_never_taken_for_that_of_another_network(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = parameters(model="linear", size=9)
    [kept] = own_cache.rglob("*.json")

    def build(*_: Any) -> list[dict[str, Any]]:
        raise AssertionError("built again")

    with monkeypatch.context() as patched:
        patched.setattr(room, "_build", build)
        assert parameters(model="linear", size=9) == first
        with pytest.raises(AssertionError, match="built again"):
            parameters(model="linear", size=10)
        patched.setattr(room, "_fingerprint", lambda: "changed")
        with pytest.raises(AssertionError, match="built again"):
            parameters(model="linear", size=9)
    kept.write_bytes(b"half a fi")
    assert parameters(model="linear", size=9) == first


@pytest.mark.usefixtures("framework")
def test_a_cache_that_cannot_be_written_only_costs_time(own_cache: Path) -> None:
    own_cache.write_bytes(b"a file in the way")
    assert parameters(model="linear", size=8).parameters == 8 * 8 * 3 * 10 + 10


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "bok"}, "No model is called 'bok'"),
        ({"size": 7}, "7 × 7"),
        ({"size": 5000}, "4096.*5000"),
        ({"classes": 1}, "2 to 10000.*1"),
    ],
)
@pytest.mark.usefixtures("framework")
def test_what_cannot_be_built_is_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parameters(**given)


def test_a_run_knows_its_own_network(digits_run: Path) -> None:
    with pytest.raises(UsageError, match="leave --size 64 out"):
        parameters(digits_run, size=64)


def test_no_run_and_a_damaged_one_are_told(tmp_path: Path, digits_run: Path) -> None:
    with pytest.raises(ArtifactError, match="give a RUN folder"):
        parameters(tmp_path / "nothing")
    manifest = json.loads((digits_run / "model" / "manifest.json").read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "layers": [{"name": "x"}]}), encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"layers.*damaged"):
        parameters(tmp_path)

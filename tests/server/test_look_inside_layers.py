"""A person relies on: whatever network they bring, each of its layers is told truthfully, branches included."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.answering.explanation import all_maps
from beholder.artifact.inside import Inside
from beholder.artifact.wiring import read_sources
from beholder.errors import ArtifactError
from beholder.server.tabs.layer_facts import Layers
from beholder.server.tabs.sights import Sight

SHAPE = (16, 16, 3)


def branched() -> Any:
    """Layers of nearly every kind that people's files have, with branches, a folded padding and a dilated window."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    inputs = keras.Input(SHAPE, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 127.5, -1, dtype="float32", name="scale")(inputs)
    x = layers.ZeroPadding2D(1, name="padded")(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="normalise")(x)
    x = layers.Activation("swish", name="swish")(x)
    shortcut = layers.Conv2D(8, 1, name="shortcut")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    y = layers.ReLU(name="relu")(y)
    y = layers.Conv2D(8, 3, dilation_rate=2, padding="same", name="dilated")(y)
    x = layers.Add(name="sum")([shortcut, y])
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="largest")(x)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = layers.Multiply(name="scaled")([x, layers.Conv2D(8, 1, activation="sigmoid", name="excite")(squeezed)])
    x = layers.Concatenate(name="both")([x, layers.SeparableConv2D(6, 3, padding="same", name="separable")(x)])
    x = layers.UpSampling2D(2, name="up")(x)
    x = layers.AveragePooling2D(2, name="mean")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, name="transposed")(x)
    x = layers.Dense(5, name="pointwise")(x)
    x = layers.Flatten(name="features")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x))


class Network:
    """What the page knows of a network, without a server."""

    def __init__(self, model: Any, folder: Path) -> None:
        from beholder.models.costs import layer_costs
        from beholder.training.export.converter import convert_inside

        self.rows = layer_costs(model)
        convert_inside(model, folder / "inside.onnx")
        self.file = folder / "inside.onnx"
        self.inside = Inside(folder)
        self.layers = Layers(self.rows, ["a", "b", "c"], self.file)

    def sight(self, pixels: NDArray[np.uint8]) -> Sight:
        outputs = {name: output[0] for name, output in self.inside(pixels[np.newaxis]).items()}
        return Sight(pixels, outputs, {maps.number - 1: maps for maps in all_maps(self.rows, outputs)})

    def place(self, name: str) -> int:
        return next(place for place, row in enumerate(self.rows) if row["name"] == name)


@pytest.fixture(scope="module")
def network(framework: None, tmp_path_factory: pytest.TempPathFactory) -> Network:
    return Network(branched(), tmp_path_factory.mktemp("branched"))


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(256, size=SHAPE).astype(np.uint8)


def test_each_layer_has_a_kind_and_words(network: Network, pixels: NDArray[np.uint8]) -> None:
    told = network.layers.tell(network.sight(pixels))
    assert {layer["name"]: layer["kind"] for layer in told} == {
        "scale": "other",
        "padded": "other",
        "stem": "convolution",
        "normalise": "point",
        "swish": "point",
        "shortcut": "convolution",
        "depthwise": "convolution",
        "relu": "point",
        "dilated": "convolution",
        "sum": "other",
        "largest": "pooling",
        "squeeze": "other",
        "excite": "other",
        "scaled": "other",
        "both": "other",
        "separable": "other",
        "up": "other",
        "mean": "pooling",
        "transposed": "other",
        "pointwise": "other",
        "features": "vector",
        "logits": "vector",
    }
    assert all(layer["words"] for layer in told)


def test_what_a_layer_works_on_is_found_across_branches(network: Network) -> None:
    found = read_sources(network.file, [row["name"] for row in network.rows])
    names = [row["name"] for row in network.rows]
    sources = {name: {"the image" if at < 0 else names[at] for at in found[place]} for place, name in enumerate(names)}
    assert sources["scale"] == {"the image"}
    assert sources["stem"] in ({"padded"}, {"scale"})  # the graph may pad inside the convolution
    assert sources["depthwise"] == sources["shortcut"] == {"swish"}
    assert sources["sum"] == {"shortcut", "dilated"}
    assert sources["scaled"] == {"largest", "excite"}
    assert sources["both"] == {"scaled", "separable"}
    assert sources["logits"] == {"features"}


def test_terms_add_up_and_nothing_else_of_the_image_counts(network: Network, pixels: NDArray[np.uint8]) -> None:
    """The reference is the network itself: it is asked again with all pixels changed beyond those that are named."""
    sight = network.sight(pixels)
    kinds: dict[str, set[str]] = {}
    for place, maps in sight.maps.items():
        name = network.rows[place]["name"]
        rows, columns, count = maps.values.shape
        for row, column in itertools.product({0, rows // 2, rows - 1}, {0, columns - 1}):
            number = network.layers.number(sight, place, count - 1, row, column)
            value = float(maps.values[row, column, count - 1])
            kinds.setdefault(name, set()).add(number["kind"])
            if number["kind"] == "convolution":
                assert number["sum"] + number["bias"] == pytest.approx(value, rel=1e-3, abs=1e-3)
            if number["kind"] == "pooling" and number["won"]:
                assert number["pixels"][number["won"][0]][number["won"][1]] == number["value"]
            if number["field"] is not None:
                changed = network.sight(beyond(pixels, number["field"])).maps[place].values[row, column, count - 1]
                assert changed == pytest.approx(value, rel=1e-5, abs=1e-5)
                kinds[name].add("field")
    assert {name for name, found in kinds.items() if "convolution" in found} == {
        "stem",
        "shortcut",
        "depthwise",
        "dilated",
    }
    assert {"stem", "swish", "dilated", "sum", "largest", "squeeze"} <= {
        n for n, one in kinds.items() if "field" in one
    }


def beyond(pixels: NDArray[np.uint8], field: dict[str, int]) -> NDArray[np.uint8]:
    changed = 255 - pixels
    rows = slice(field["top"], field["top"] + field["height"])
    columns = slice(field["left"], field["left"] + field["width"])
    changed[rows, columns] = pixels[rows, columns]
    return changed


@pytest.mark.parametrize("name", ["linear", "dense"])
def test_networks_without_windows_are_told_too(framework: None, tmp_path: Path, name: str) -> None:
    from beholder.models import build

    network = Network(build(name, (8, 8, 1), 3), tmp_path)
    sight = network.sight(np.arange(64, dtype=np.uint8).reshape(8, 8, 1))
    told = network.layers.tell(sight)
    assert {layer["kind"] for layer in told} == {"other", "point", "vector"}
    assert sorted(told[-1]["names"]) == ["a", "b", "c"]
    assert told[-1]["values"] == sorted(told[-1]["values"], reverse=True)
    number = network.layers.number(sight, network.place("scale"), 0, 2, 5)
    assert (number["kind"], number["before"]) == ("point", 21.0)
    assert number["field"] == {"top": 2, "left": 5, "height": 1, "width": 1}


def test_a_damaged_graph_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "inside.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(ArtifactError, match="copy the model again"):
        read_sources(tmp_path / "inside.onnx", ["logits"])

"""A person relies on: the packed graphs answer as the network does, and the same weights make the same bytes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.artifact.graph import Graph
from beholder.artifact.inside import Inside
from beholder.artifact.wiring import read_sources
from beholder.errors import ArtifactError
from beholder.models import MODELS

SHAPE = (19, 16, 3)
VIEWS = ("plain", "mirrored")


def drawn(model: Any, seed: int = 0) -> Any:
    """`model` with weights of about He's size, and offsets and running statistics of its own."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        shape = variable.shape
        if "variance" in variable.path or "gamma" in variable.path:
            variable.assign(random.uniform(0.5, 2, shape).astype(np.float32))
        else:
            variable.assign(random.normal(0, np.prod(shape[:-1]) ** -0.5, shape).astype(np.float32))
    return model


def images(shape: tuple[int, ...], count: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(256, size=(count, *shape)).astype(np.uint8)


def assert_equal(ours: NDArray[Any], keras: NDArray[Any]) -> None:
    assert ours.shape == keras.shape
    np.testing.assert_allclose(ours, keras, rtol=0, atol=1e-5 * max(np.abs(keras).max(), 1e-3))


def layers_of(model: Any, given: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """What each layer makes of the images `given`."""
    import keras

    outputs = {layer.name: layer.output for layer in model.layers if type(layer).__name__ != "InputLayer"}
    return {name: np.asarray(output) for name, output in keras.Model(model.input, outputs)(given).items()}


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=2)
@example(height=8, width=8, channels=1, views=("plain",))
@example(height=224, width=131, channels=3, views=VIEWS)
@given(
    height=st.integers(8, 70),
    width=st.integers(8, 70),
    channels=st.sampled_from([1, 3]),
    views=st.sampled_from([("plain",), VIEWS]),
)
def test_the_graphs_answer_as_the_network(
    name: str,
    height: int,
    width: int,
    channels: int,
    views: tuple[str, ...],
    framework: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from beholder.models import build
    from beholder.training.export.graphs import write_graphs

    folder, shape = tmp_path_factory.mktemp("graphs"), (height, width, channels)
    given = images(shape)
    model = drawn(build(name, shape, 5))
    write_graphs(folder, model, views)
    for file in ("model.onnx", "inside.onnx"):
        onnx.checker.check_model(onnx.load(folder / file), full_check=True)
    inside, expected = Inside(folder)(given), layers_of(model, given)
    assert list(inside) == list(expected)
    for layer, output in expected.items():
        assert_equal(inside[layer], output)
    logits = expected["logits"]
    if "mirrored" in views:
        logits = np.mean([logits, np.asarray(model(given[:, :, ::-1]))], axis=0)
    answers = Graph(folder / "model.onnx")(given)
    assert_equal(answers.features, expected["features"])
    assert_equal(answers.logits, logits)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(answers.probabilities, odds / odds.sum(axis=1, keepdims=True), atol=1e-5)


@pytest.mark.usefixtures("framework")
def test_a_graph_that_answers_otherwise_than_its_network_is_refused(tmp_path: Path) -> None:
    from beholder.models import build
    from beholder.training.export.graphs import write_graphs
    from beholder.training.export.write_artifact import check_graph

    model, other = (drawn(build("dense", (8, 8, 1), 3), seed) for seed in (0, 1))
    write_graphs(tmp_path, model, VIEWS)
    graph = Graph(tmp_path / "model.onnx")
    check_graph(model, graph, images((8, 8, 1)), mirrored=True)
    with pytest.raises(ArtifactError, match="does not answer as the network does"):
        check_graph(other, graph, images((8, 8, 1)), mirrored=True)


def written(folder: Path, weights: Path) -> None:
    """The graphs of `fast` with the `weights` that lie in an archive."""
    from beholder.models import build
    from beholder.training.export.graphs import write_graphs

    model = build("fast", SHAPE, 5, widths=(8, 16, 24))
    with np.load(weights) as stored:
        for variable, name in zip(model.variables, stored.files, strict=True):
            variable.assign(stored[name])
    write_graphs(folder, model, VIEWS)


def test_the_same_weights_are_the_same_bytes_in_any_process_and_on_any_backend(framework: None, tmp_path: Path) -> None:
    from beholder.models import build

    model = drawn(build("fast", SHAPE, 5, widths=(8, 16, 24)))
    np.savez(tmp_path / "weights.npz", *[np.asarray(variable) for variable in model.variables])
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
    backend = "jax" if importlib.util.find_spec("jax") else "tensorflow"
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, __file__, str(there), str(tmp_path / "weights.npz")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == str(backend == "tensorflow"), "TensorFlow is imported for nothing"
    written(here, tmp_path / "weights.npz")
    for file in ("model.onnx", "inside.onnx"):
        assert (here / file).read_bytes() == (there / file).read_bytes()


def usual(inputs: Any, layers: Any) -> Any:
    """A network of every kind of Keras's layers that we write."""
    x = layers.Rescaling([0.01, 0.02, 0.03], [0.1, 0.2, -0.3], name="scale")(inputs)
    x = layers.ZeroPadding2D(((1, 2), (0, 1)), name="padded")(x)
    x = layers.Conv2D(8, (3, 4), strides=2, padding="same", activation="swish", name="stem")(x)
    x = layers.BatchNormalization(name="normalise")(x)
    shortcut = layers.Conv2D(8, 1, groups=2, activation="relu6", name="shortcut")(x)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="hard_silu", name="depthwise")(x)
    y = layers.BatchNormalization(scale=False, center=False, name="plain_normalise")(y)
    y = layers.ReLU(1.5, name="clipped")(y)
    y = layers.Conv2D(8, 3, dilation_rate=2, padding="same", name="dilated")(y)
    y = layers.SpatialDropout2D(0.5, name="dropped_maps")(layers.ReLU(name="relu")(y))
    x = layers.Add(name="sum")([shortcut, y, x])
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    squeezed = layers.Dense(8, "sigmoid", name="excite")(squeezed)
    x = layers.Multiply(name="scaled")([x, squeezed])
    separable = layers.SeparableConv2D(6, 3, padding="same", activation="tanh", name="separable")(x)
    x = layers.Concatenate(name="both")([x, separable])
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="largest")(x)
    means = layers.AveragePooling2D(2, padding="same", name="means")(x)
    means = layers.Reshape((-1, 7), name="rows")(layers.Activation("hard_sigmoid", name="gate")(means))
    means = layers.Reshape((3, 3, 14), name="again")(means)
    means = layers.Flatten(name="flat")(layers.Activation("linear", name="linear")(means))
    largest = layers.BatchNormalization(name="normalise_numbers")(layers.GlobalMaxPooling2D(name="global")(x))
    x = layers.Dropout(0.5, name="dropped")(layers.Concatenate(name="numbers")([largest, means]))
    x = layers.Dense(9, "relu", use_bias=False, name="features")(x)
    return layers.Dense(5, name="logits")(x)


def test_every_layer_of_a_network_from_a_file_gives_what_keras_gives(framework: None, tmp_path: Path) -> None:
    import keras

    from beholder.training.export.graphs import write_graphs
    from beholder.training.export.onnx_layers import LAYERS

    inputs = keras.Input(SHAPE, dtype="uint8")
    model = drawn(keras.Model(inputs, usual(inputs, keras.layers)))
    kinds = {kind for kind in LAYERS if kind.__module__.startswith("keras")}
    assert kinds == {type(layer) for layer in model.layers} - {keras.layers.InputLayer}
    write_graphs(tmp_path, model, ("plain",))
    inside, expected = Inside(tmp_path)(images(SHAPE)), layers_of(model, images(SHAPE))
    for layer, output in expected.items():
        assert_equal(inside[layer], output)
    assert_equal(Graph(tmp_path / "model.onnx")(images(SHAPE)).logits, expected["logits"])
    names = list(expected)
    sources = dict(zip(names, read_sources(tmp_path / "inside.onnx", names), strict=True))
    assert sources["scale"] == [-1], "the image"
    for layer, before in {
        "padded": ["scale"],
        "stem": ["scale"],  # with the zeros between
        "dropped_maps": ["relu"],
        "sum": ["normalise", "shortcut", "dropped_maps"],
        "flat": ["linear"],
        "features": ["dropped"],
    }.items():
        assert [names[place] for place in sources[layer]] == before


def unusual(layers: Any) -> list[Callable[[Any], Any]]:
    """Layers of a kind, or configured in a way, that we do not write."""
    return [
        layers.UpSampling2D(),
        layers.BatchNormalization(axis=1),
        layers.ReLU(negative_slope=0.1),
        layers.Conv2D(3, 1, activation="gelu"),
        lambda x: layers.BatchNormalization()(x, training=True),
        lambda x: layers.Concatenate(axis=1)([x, x]),
        lambda x: layers.Conv2D(3, 1)(x) * 2.0,
    ]


def test_an_unknown_layer_is_left_to_tf2onnx(framework: None, tmp_path: Path) -> None:
    import keras

    from beholder.training.export.graphs import write_graphs, write_network
    from beholder.training.export.onnx_nodes import UnknownLayer

    for make in unusual(keras.layers):
        inputs = keras.Input((8, 8, 3), dtype="uint8")
        x = make(keras.layers.Rescaling(0.01)(inputs))
        x = keras.layers.Dense(5, name="logits")(keras.layers.GlobalMaxPooling2D(name="features")(x))
        model = drawn(keras.Model(inputs, x))
        with pytest.raises(UnknownLayer):
            write_graphs(tmp_path, model, VIEWS)
        assert not list(tmp_path.iterdir())
    write_network(tmp_path, model, VIEWS)
    given = images((8, 8, 3))
    logits = (np.asarray(model(given)) + np.asarray(model(given[:, :, ::-1]))) / 2
    assert_equal(Graph(tmp_path / "model.onnx")(given).logits, logits)
    assert_equal(Inside(tmp_path)(given)["features"], layers_of(model, given)["features"])


if __name__ == "__main__":
    from beholder.training.steps import framework as keras_framework

    keras_framework.start()
    written(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(str("tensorflow" in sys.modules))

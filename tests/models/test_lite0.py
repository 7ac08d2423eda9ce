"""A person relies on: `lite0` is the network that its weights were trained as, for images of any size and colour.

The reference figures are of PyTorch 2.13 with `efficientnet-lite-pytorch` 0.1.0 and the same file of weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from beholder.errors import UsageError
from beholder.models import FROM_SCRATCH, MODELS, build, learned_weights
from beholder.models.resolution import resized
from beholder.models.weights.finding import read_weights
from beholder.training.settings import choose

pytestmark = pytest.mark.usefixtures("framework")

PIXELS = 256  # values


def images(height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(PIXELS, size=(2, height, width, channels)).astype(np.uint8)


def network(shape: tuple[int, int, int], side: int) -> Any:
    """Features and ImageNet's 1,000 logits, both of the learned weights."""
    import keras

    model, tensors = build("lite0", shape, 1000, side=side), read_weights("lite0")
    learned_weights("lite0", model)
    model.get_layer("logits").set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])
    return keras.Model(model.input, [model.get_layer("features").output, model.output])


# Height and width; of two images the sum and the norm of the features, and the first three logits.
REFERENCE = {
    (96, 96): ([187.466, 135.995], [18.0345, 14.7486], [[-1.60249, 0.12683, -0.74146], [-1.53775, 0.30614, -0.00662]]),
    (97, 130): (
        [208.413, 193.227],
        [17.1242, 15.8285],
        [[-1.15133, 1.06535, -1.1408], [-1.55878, 1.03372, -0.87873]],
    ),
}


@pytest.mark.parametrize("size", REFERENCE)
def test_features_and_logits_are_those_of_the_network_that_was_trained(size: tuple[int, int]) -> None:
    """Even and odd sides, where convolutions of stride 2 are padded differently."""
    features, logits = (np.asarray(output) for output in network((*size, 3), min(size))(images(*size)))
    sums, norms, first = REFERENCE[size]
    assert features.shape == (2, 1280)
    np.testing.assert_allclose(features.sum(axis=1, dtype=np.float64), sums, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), norms, atol=1e-4)
    np.testing.assert_allclose(logits[:, :3], first, atol=1e-4)


def test_training_computes_with_the_statistics_that_were_learned() -> None:
    model = network((96, 96, 3), 96)
    still, moving = (np.asarray(model(images(96, 96), training=training)[0]) for training in (False, True))
    np.testing.assert_array_equal(still, moving)


def test_a_daisy_is_a_daisy() -> None:
    from sklearn.datasets import load_sample_image

    flower = load_sample_image("flower.jpg")
    model = network(flower.shape, 224)
    assert int(np.asarray(model(flower[None])[1]).argmax()) == 985  # ImageNet's number of "daisy"


def test_a_grey_image_is_the_same_image_in_three_channels() -> None:
    grey = images(40, 50, 1)
    in_grey, in_colour = network((40, 50, 1), 96)(grey), network((40, 50, 3), 96)(grey.repeat(3, axis=3))
    np.testing.assert_allclose(np.asarray(in_grey[1]), np.asarray(in_colour[1]), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "side", "seen"),
    [
        ((32, 32, 3), 128, (128, 128)),
        ((320, 240, 3), 96, (128, 96)),
        ((240, 427, 3), 128, (128, 228)),
        ((8, 9, 1), 224, (224, 252)),
    ],
)
def test_the_short_side_is_brought_to_the_side_and_the_shape_stays(
    shape: tuple[int, int, int], side: int, seen: tuple[int, int]
) -> None:
    assert resized(shape, side) == seen
    assert build("lite0", shape, 2, side=side).get_layer("scale").output.shape[1:] == (*seen, 3)


def test_memory_is_planned_for_what_the_network_works_on() -> None:
    from beholder.models.entrance import seen_size

    assert seen_size(build("lite0", (32, 48, 3), 2, side=96)) == (96, 144)
    assert seen_size(build("lite0", (240, 320, 3), 2, side=96)) == (240, 320)
    assert seen_size(build("fast", (32, 48, 3), 2)) == (32, 48)


@settings(max_examples=30)
@example(size=(32, 32), target=(128, 128))
@example(size=(640, 427), target=(192, 128))
@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    target=st.tuples(st.integers(1, 200), st.integers(1, 200)),
)
def test_images_are_resized_as_pillow_does_it(size: tuple[int, int], target: tuple[int, int]) -> None:
    from beholder.models.layers import Resize

    seen = np.random.default_rng(0).integers(PIXELS, size=(*size, 2)).astype(np.float32)
    resized = np.asarray(Resize(*target)(seen[None]))[0]
    for channel in range(2):
        pillow = Image.fromarray(seen[..., channel], mode="F").resize(target[::-1], Image.Resampling.BILINEAR)
        np.testing.assert_allclose(resized[..., channel], np.asarray(pillow), atol=1e-3)


def test_resizing_survives_being_saved(tmp_path: Any) -> None:
    import keras

    model = build("lite0", (20, 30, 1), 3, side=96)
    model.save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(model(images(20, 30, 1))), np.asarray(opened(images(20, 30, 1))))


@pytest.mark.parametrize("side", [32, 95, 225])
def test_a_side_that_its_weights_do_not_know_is_refused(side: int) -> None:
    with pytest.raises(UsageError, match=rf"'lite0'.*96 to 224.*--side.*{side}"):
        choose("lite0", seed=0, precision="float32", options={"side": side})


def test_larger_sides_come_in_smaller_batches() -> None:
    small, large = (
        choose("lite0", seed=0, precision="float32", options={"side": side}).fitted(10_000, (240, 240, 3))
        for side in (96, 224)
    )
    assert small.recipe.batch_size == 64 > large.recipe.batch_size >= 16
    assert small.sides((240, 320, 3)) == (96, None)


def test_networks_whose_weights_are_drawn_are_told_apart() -> None:
    assert FROM_SCRATCH == ("linear", "dense", "book", "fast")
    assert [name for name in MODELS if MODELS[name].weights] == ["lite0"]

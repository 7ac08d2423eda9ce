"""A network from a person's own file: the same features for the same images, and no code of the file is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.errors import UsageError
from beholder.models import build

pytestmark = pytest.mark.usefixtures("framework")

SHAPE = (16, 12, 3)


def images(count: int = 6, shape: tuple[int, int, int] = SHAPE) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(256, size=(count, *shape)).astype(np.uint8)


def backbone(shape: tuple[int | None, int | None, int] = SHAPE) -> Any:
    """Images to maps (N, h, w, 5): scaling, batch normalisation with learned statistics, a nested model, a sum."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    nested = keras.Sequential(
        [keras.Input((None, None, 5)), layers.DepthwiseConv2D(3, padding="same", name="features")]
    )
    inputs = keras.Input(shape)
    x = layers.Normalization(mean=None, name="scale_images")
    x.adapt(images().astype(np.float32))
    x = layers.Conv2D(5, 3, 2, "same")(x(inputs))
    x = layers.BatchNormalization(name="normalise")(x)
    maps = layers.Add()([x, nested(x)]) * 2.0
    model = keras.Model(inputs, maps)
    random = np.random.default_rng(2)
    model.get_layer("normalise").set_weights([random.uniform(0.5, 2, 5).astype(np.float32) for _ in range(4)])
    return model


def classifier(*last: Callable[[Any], Any]) -> Any:
    import keras

    body = backbone()
    x = keras.layers.GlobalAveragePooling2D(name="pool")(body.output)
    for layer in last:
        x = layer(x)
    return keras.Model(body.input, x)


def saved(model: Any, folder: Path) -> str:
    path = folder / "network.keras"
    model.save(path)
    return str(path)


def features(model: Any, given: NDArray[np.uint8]) -> NDArray[np.float32]:
    import keras

    return np.asarray(keras.Model(model.input, model.get_layer("features").output)(given))


@pytest.mark.parametrize(("low", "high"), [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)])
def test_the_features_are_those_of_the_network_on_images_in_its_range(tmp_path: Path, low: float, high: float) -> None:
    original = backbone()
    built = build("pretrained", SHAPE, 4, file=saved(original, tmp_path), input_range=(low, high))
    scaled = images().astype(np.float64) / 255 * (high - low) + low
    expected = np.asarray(original(scaled.astype(np.float32))).mean(axis=(1, 2))
    np.testing.assert_allclose(features(built, images()), expected, rtol=2e-4, atol=2e-4)
    assert built(images()).shape == (6, 4)


def test_a_classifier_is_cut_off_and_what_is_before_it_stays(tmp_path: Path) -> None:
    from keras import layers

    ways: list[list[Callable[[Any], Any]]] = [
        [layers.Dense(7, "softmax")],
        [layers.Dropout(0.5), layers.Dense(7), layers.Softmax()],
        [layers.Dense(7), layers.Activation("sigmoid")],
        [],
    ]
    expected = np.asarray(backbone()(images().astype(np.float32))).mean(axis=(1, 2))
    for last in ways:
        built = build("pretrained", SHAPE, 4, file=saved(classifier(*last), tmp_path))
        np.testing.assert_allclose(features(built, images()), expected, rtol=2e-4, atol=2e-4)
        assert not any(layer.name.startswith("dropout") for layer in built.layers)


def test_nested_models_are_laid_flat_and_every_layer_has_a_name_of_its_own(tmp_path: Path) -> None:
    import keras

    built = build("pretrained", SHAPE, 4, file=saved(backbone(), tmp_path), dropout=0.3)
    assert not any(isinstance(layer, keras.Model) for layer in built.layers)
    kinds = [type(layer).__name__ for layer in built.layers]
    assert kinds[-3:] == ["GlobalAveragePooling2D", "Dropout", "Dense"]
    assert "DepthwiseConv2D" in kinds
    assert [layer.name for layer in built.layers[-3:]] == ["features", "dropout", "logits"]


def test_learned_statistics_stay_and_fresh_ones_learn(tmp_path: Path) -> None:
    from beholder.models import recipe
    from beholder.training.steps.optimizer import build_optimizer
    from beholder.training.steps.step import compile_step

    original = backbone()
    learned = build("pretrained", SHAPE, 4, file=saved(original, tmp_path))
    original.get_layer("normalise").set_weights([np.ones(5), np.zeros(5), np.zeros(5), np.ones(5)])
    fresh = build("pretrained", SHAPE, 4, file=saved(original, tmp_path))
    for model, stays in ((learned, True), (fresh, False)):
        layer = model.get_layer("normalise")
        before = layer.get_weights()
        step = compile_step(model, build_optimizer(recipe("pretrained"), fine_tuning=True), label_smoothing=0.0)
        step(images(), np.arange(6) % 4, 0.01, 0)
        equal = [np.array_equal(one, other) for one, other in zip(before, layer.get_weights(), strict=True)]
        assert all(equal) if stays else not any(equal)


def test_a_network_of_any_size_takes_the_size_that_is_asked_for(tmp_path: Path) -> None:
    from beholder.models.pretrained import input_shape

    file = saved(backbone((None, None, 3)), tmp_path)
    assert input_shape(Path(file)) == (None, None, 3)
    assert build("pretrained", (24, 40, 3), 2, file=file)(images(2, (24, 40, 3))).shape == (2, 2)
    assert input_shape(Path(saved(backbone(), tmp_path))) == SHAPE


def test_a_model_of_ours_is_taken_as_it_is(tmp_path: Path) -> None:
    ours = build("fast", (8, 8, 1), 3)
    again = build("pretrained", (8, 8, 1), 5, file=saved(ours, tmp_path))
    given = images(2, (8, 8, 1))
    np.testing.assert_allclose(features(again, given), features(ours, given), rtol=1e-5, atol=1e-5)


def test_what_cannot_be_used_is_told_in_one_sentence(tmp_path: Path) -> None:
    import keras
    from keras import layers

    from beholder.models.pretrained import input_shape

    image = keras.Input(SHAPE)
    other = keras.Input(SHAPE)
    networks = {
        "Lambda": keras.Sequential([keras.Input(SHAPE), layers.Lambda(lambda x: x * 2), layers.Flatten()]),
        "2 inputs": keras.Model([image, other], layers.Add()([image, other])),
        "channels": keras.Sequential([keras.Input((16, 16, 4)), layers.Flatten()]),
        "not images": keras.Sequential([keras.Input((16,)), layers.Dense(3)]),
    }
    for words, network in networks.items():
        file = Path(saved(network, tmp_path))
        with pytest.raises(UsageError, match=words) as told:
            input_shape(file)
        assert str(file) in str(told.value)
        assert "\n" not in str(told.value)
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n")
    with pytest.raises(UsageError, match=r"old\.h5.*Keras 3"):
        input_shape(tmp_path / "old.h5")
    file = Path(saved(backbone(), tmp_path))
    content = bytearray(file.read_bytes())
    content[100:400] = bytes(300)
    file.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be opened"):
        input_shape(file)


def test_images_that_are_too_small_for_a_network_are_told(tmp_path: Path) -> None:
    import keras

    layers = [keras.layers.Conv2D(2, 5, 3) for _ in range(3)]
    file = saved(keras.Sequential([keras.Input((None, None, 3)), *layers]), tmp_path)
    with pytest.raises(UsageError, match=r"\(16, 12, 3\)"):
        build("pretrained", SHAPE, 2, file=file)

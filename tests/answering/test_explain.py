"""A person relies on: what an explanation shows is what the network computes, to 1e-4 and in the right place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.answering.classifier import Classifier
from beholder.answering.convolution import Padding, convolve, max_pool
from beholder.answering.explanation import Explanation, explain_image
from beholder.answering.saliency import class_activation, find_head, occlusion
from beholder.artifact import store
from beholder.artifact.inside import Inside
from beholder.artifact.store import open_inside
from beholder.errors import ArtifactError, ImageError, UsageError


def _images(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def _trained(folder: Path, model: str) -> Path:
    from beholder.api.train import train

    labels = np.arange(60, dtype=np.int64) % 3
    train((_images(60), labels), model=model, epochs=1, batch_size=30, out=folder, precision="float32")
    return folder


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(_trained(tmp_path_factory.mktemp("book") / "run", "book"))


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(_trained(tmp_path_factory.mktemp("fast") / "run", "fast"))


def _naive(
    image: NDArray[np.float32], windows: NDArray[np.float32], stride: int, padding: Padding
) -> NDArray[np.float64]:
    """One place and one window at a time; TensorFlow's rule puts an odd zero after the image."""
    count, height, width, _ = windows.shape
    if padding == "same":
        rows, columns = (-(-side // stride) for side in image.shape[:2])
    else:
        rows, columns = (
            (side - size) // stride + 1 for side, size in ((image.shape[0], height), (image.shape[1], width))
        )
    top = max((rows - 1) * stride + height - image.shape[0], 0) // 2
    left = max((columns - 1) * stride + width - image.shape[1], 0) // 2
    sums = np.zeros((rows, columns, count))
    for row, column, k in np.ndindex(rows, columns, count):
        for i, j in np.ndindex(height, width):
            y, x = row * stride + i - top, column * stride + j - left
            if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
                sums[row, column, k] += float(image[y, x].astype(np.float64) @ windows[k, i, j])
    return sums


@settings(max_examples=30)
@given(
    st.tuples(*[st.integers(4, 9)] * 2),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([1, 3]),
    st.sampled_from(["same", "valid"]),
    st.integers(0, 9),
)
def test_a_sliding_window_computes_what_a_naive_loop_computes(
    size: tuple[int, int], window: int, stride: int, channels: int, padding: Padding, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = random.standard_normal((*size, channels), np.float32)
    windows = random.standard_normal((2, window, window, channels), np.float32)
    ours = convolve(image, windows, stride=stride, padding=padding)
    np.testing.assert_allclose(ours, _naive(image, windows, stride, padding), atol=1e-4)


def test_max_pool_keeps_the_largest_of_each_square_and_of_what_is_left_at_the_edge() -> None:
    maps = np.arange(15, dtype=np.float32).reshape(3, 5, 1) * -1
    assert max_pool(maps)[..., 0].tolist() == [[0, -2, -4], [-10, -12, -14]]


def test_the_trained_windows_give_the_networks_own_first_layer_to_1e_4(book: Classifier, fast: Classifier) -> None:
    for classifier, name in ((book, "convolution_1"), (fast, "whitening")):
        explanation = explain_image(classifier, _images(1, seed=5)[0])
        windows, layer = explanation.windows, next(maps for maps in explanation.layers if maps.name == name)
        assert windows is not None
        assert windows.sums.shape == layer.values.shape
        difference = layer.values - windows.sums
        # The layer may add a bias, one constant a window; the chapter's convolution has none.
        np.testing.assert_allclose(difference, np.broadcast_to(difference[0, 0], difference.shape), atol=1e-4)
        if name == "convolution_1":
            np.testing.assert_allclose(difference, 0, atol=1e-4)
        naive = _naive(windows.source, windows.weights[:2], windows.stride, windows.padding)
        np.testing.assert_allclose(windows.sums[..., :2], naive, atol=1e-4)


def test_each_step_of_the_chapter_follows_from_the_one_before(book: Classifier) -> None:
    maps = {layer.name: layer.values for layer in explain_image(book, _images(1)[0]).layers}
    bias = (maps["bias_relu_1"] - maps["convolution_1"])[maps["bias_relu_1"] > 0]
    assert np.abs(bias).max() < 0.1  # after one epoch
    assert maps["bias_relu_1"].min() >= 0
    rectified = np.pad(maps["bias_relu_1"], ((0, 1), (0, 1), (0, 0)))  # windows of 3 × 3, stride 2, `same`
    for row, column in ((0, 0), (5, 7), (11, 11)):
        square = rectified[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        np.testing.assert_allclose(maps["pool_1"][row, column], square.max(axis=(0, 1)), atol=1e-5)
    pooled = maps["pool_1"][3, 4]
    total = [sum(float(v) ** 2 for v in pooled[max(k - 4, 0) : k + 5]) for k in range(len(pooled))]
    np.testing.assert_allclose(
        maps["normalisation_1"][3, 4], pooled / (1 + 0.001 / 9 * np.array(total)) ** 0.75, atol=1e-4
    )


def test_maps_come_strongest_first_and_keep_their_place_from_step_to_step(book: Classifier) -> None:
    explanation = explain_image(book, _images(1)[0])
    layers = {layer.name: layer for layer in explanation.layers}
    first = layers["convolution_1"]
    strengths = np.abs(first.values).mean(axis=(0, 1))[first.order]
    assert (np.diff(strengths) <= 0).all()
    assert explanation.windows is not None
    assert first.order.tolist() == explanation.windows.order.tolist()
    for name in ("bias_relu_1", "pool_1", "normalisation_1"):
        assert layers[name].order.tolist() == first.order.tolist()
    assert layers["convolution_2"].order.tolist() != first.order.tolist()


def test_the_answer_is_the_one_that_predict_gives(book: Classifier) -> None:
    image = _images(1)[0]
    assert explain_image(book, image, top=2).prediction == book.predict([image], top=2)[0]


def test_random_windows_are_standard_normal_seeded_and_of_the_size_asked_for(book: Classifier) -> None:
    def weights(seed: int, window: int | None = None) -> NDArray[np.float32]:
        found = explain_image(book, _images(1)[0], random=True, window=window, seed=seed).windows
        assert found is not None
        assert found.random
        return found.weights

    assert weights(1).shape == (32, 5, 5, 1)
    assert weights(1, 3).shape == (32, 3, 3, 1)
    assert (weights(1) == weights(1)).all()
    assert (weights(1) != weights(2)).any()
    assert abs(float(weights(3, 11).mean())) < 0.1
    assert abs(float(weights(3, 11).std()) - 1) < 0.1
    steps = explain_image(book, _images(1)[0], random=True).layers
    assert [step.values.shape for step in steps] == [(24, 24, 32), (24, 24, 32), (12, 12, 32)]


def test_what_does_not_fit_is_one_sentence(book: Classifier, tmp_path: Path) -> None:
    image = _images(1)[0]
    with pytest.raises(UsageError, match="--random"):
        explain_image(book, image, window=3)
    with pytest.raises(UsageError, match="from 1 to 24 pixels"):
        explain_image(book, image, random=True, window=25)
    with pytest.raises(ImageError, match="missing"):
        explain_image(book, tmp_path / "missing.png")


def test_a_class_activation_adds_up_to_the_logit(fast: Classifier) -> None:
    explanation = explain_image(fast, _images(1, seed=3)[0])
    assert explanation.where.method == "class activation"
    inside = open_inside(fast.artifact)
    assert inside.head is not None
    features = inside(explanation.image[np.newaxis], ("features",))["features"][0]
    logits = features @ inside.head
    label = fast.class_names.index(str(explanation.prediction.label))
    assert explanation.where.heat.sum() == pytest.approx(logits[label] - logits.mean(), abs=1e-3)


@pytest.mark.parametrize("pooling", ["average", "maximum"])
def test_a_class_activation_glows_at_the_place_that_speaks_for_the_class(pooling: str) -> None:
    maps = np.zeros((3, 4, 2), np.float32)
    maps[1, 2, 0], maps[0, 0, 1] = 6, 6
    weights = np.array([[1.0, -1.0], [-1.0, 1.0]], np.float32)
    heat = class_activation(maps, weights, 0, "average" if pooling == "average" else "maximum")
    assert np.argwhere(heat == heat.max()).tolist() == [[1, 2]]
    assert np.argwhere(heat == heat.min()).tolist() == [[0, 0]]
    pooled = maps.mean(axis=(0, 1)) if pooling == "average" else maps.max(axis=(0, 1))
    assert heat.sum() == pytest.approx(float(pooled @ weights[:, 0]))


def test_only_a_pooled_head_has_a_class_activation(book: Classifier, fast: Classifier, digits_run: Path) -> None:
    assert find_head(fast.artifact.manifest.layers) is not None
    assert find_head(book.artifact.manifest.layers) is None
    digits = Classifier.load(digits_run)  # its last maps have a single place
    assert find_head(digits.artifact.manifest.layers) is None
    for classifier in (book, digits):
        explanation: Explanation = explain_image(classifier, _images(1)[0])
        assert explanation.where.method == "occlusion"
        assert explanation.where.heat.shape == explanation.image.shape[:2]


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 20, 3), (5, 70, 3)])
def test_occlusion_glows_where_covering_the_image_changes_the_answer(shape: tuple[int, int, int]) -> None:
    image = np.zeros(shape, np.uint8)
    row, column = shape[0] // 4, shape[1] * 3 // 4
    image[row, column] = 255

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen = (images[:, row, column, 0] == 255).astype(np.float32)
        return np.stack([1 - seen, seen], axis=1)

    heat, patch = occlusion(answer, image, 1)
    assert patch == (max(1, shape[0] // 4), max(1, shape[1] // 4))
    assert np.isfinite(heat).all()
    assert heat[row, column] == heat.max() == 1
    far = np.abs(np.arange(shape[1]) - column) >= 2 * patch[1]
    assert (heat[:, far] == 0).all()


def test_inside_names_every_layer_and_its_logits_are_the_networks(book: Classifier) -> None:
    inside = open_inside(book.artifact)
    assert set(inside.layers) == {row["name"] for row in book.artifact.manifest.layers}
    images = _images(3)
    outputs = inside(images)
    for row in book.artifact.manifest.layers:
        assert list(outputs[row["name"]].shape) == [3, *row["output_shape"]]
        assert outputs[row["name"]].dtype == np.float32
    exact = Classifier.load(book.artifact.folder, exact=True)  # the int8 model rounds
    np.testing.assert_allclose(outputs["features"], exact.artifact.graph(images).features, atol=1e-4)


def test_answering_does_not_load_the_graph_for_explanations(book: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Inside, _folder: Path) -> None:
        raise AssertionError("inside.onnx was loaded")

    monkeypatch.setattr(Inside, "__init__", refuse)
    assert Classifier.load(book.artifact.folder).predict(list(_images(1)))[0].label


def test_a_graph_that_would_explain_another_network_is_refused(book: Classifier, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(book.artifact.folder, folder)
    expected = folder / "golden" / "expected.json"
    document = json.loads(expected.read_bytes())
    document["inside"]["logits"]["0.png"][0] += 1
    expected.write_text(json.dumps(document))
    (folder / store.CHECKSUMS).unlink()
    with pytest.raises(ArtifactError, match="differently from when it was saved"):
        open_inside(store.Artifact(folder, book.artifact.manifest, book.artifact.graph))
    (folder / "inside.onnx").unlink()
    with pytest.raises(ArtifactError, match="train again"):
        Inside(folder)

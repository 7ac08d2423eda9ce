"""A person relies on: the terms that are shown of a number are those that the network computed it from."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.answering.terms import Area, convolution_terms, receptive_field, under, window_place
from beholder.artifact.weights import Convolution


def layer(kind: str, shape: list[int], window: int | None = None, stride: int = 1) -> dict[str, object]:
    sizes = None if window is None else [window, window]
    return {
        "type": kind,
        "output_shape": shape,
        "window": sizes,
        "stride": None if window is None else [stride, stride],
    }


def test_the_terms_of_a_sum_by_hand() -> None:
    source = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    windows = np.ones((1, 3, 3, 1), np.float32)
    convolution = Convolution(windows, np.array([-10], np.float32), groups=1, rectified=True)
    corner = convolution_terms(source, convolution, Area(-1, -1, 3, 3), 0)
    assert corner.pixels[..., 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 3, 4]]
    assert (corner.sums.tolist(), corner.value) == ([8.0], 0.0)
    assert convolution_terms(source, convolution, Area(0, 0, 3, 3), 0).value == 36 - 10


def test_a_depthwise_window_sees_its_own_channel_only() -> None:
    source = np.stack([np.full((2, 2), 1), np.full((2, 2), 5)], axis=2).astype(np.float32)
    convolution = Convolution(np.ones((2, 1, 1, 1), np.float32), np.zeros(2, np.float32), groups=2, rectified=False)
    assert convolution_terms(source, convolution, Area(0, 0, 1, 1), 1).value == 5


def test_a_window_beyond_the_edge_sees_what_is_said() -> None:
    values = under(np.ones((2, 2, 1), np.float32), Area(1, 1, 2, 2), np.nan)[..., 0]
    assert np.isnan(values).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize(("size", "output", "corner"), [(8, 4, 4), (7, 3, 4), (7, 4, 4)])
def test_a_pooling_window_moves_by_its_stride(size: int, output: int, corner: int) -> None:
    pool = layer("MaxPooling2D", [output, output, 1], 2, 2)
    assert window_place((size, size, 1), (output, output, 1), pool, 2, 2) == Area(corner, corner, 2, 2)


def test_the_receptive_field_grows_as_the_literature_has_it() -> None:
    """Two 3 × 3 convolutions see 5 × 5 pixels; behind a 2 × 2 pooling, one more sees 10 × 10."""
    layers = [
        layer("Conv2D", [32, 32, 8], 3),
        layer("Conv2D", [32, 32, 8], 3),
        layer("MaxPooling2D", [16, 16, 8], 2, 2),
        layer("Activation", [16, 16, 8]),
        layer("Conv2D", [16, 16, 8], 3),
        layer("GlobalMaxPooling2D", [8]),
        layer("Dense", [2]),
    ]
    image = (32, 32, 3)
    chain = [[index - 1] for index in range(len(layers))]
    assert receptive_field(layers, chain, 1, 10, 20, image) == Area(8, 18, 5, 5)
    assert receptive_field(layers, chain, 1, 0, 0, image) == Area(0, 0, 3, 3)
    assert receptive_field(layers, chain, 4, 8, 8, image) == Area(12, 12, 10, 10)
    assert receptive_field(layers, chain, 6, 0, 0, image) == Area(0, 0, 32, 32)
    assert receptive_field([layer("ZeroPadding2D", [34, 34, 3])], [[-1]], 0, 0, 0, image) is None
    assert receptive_field([layer("Clean", [24, 24, 1])], [[-1]], 0, 0, 3, image) == Area(4, 7, 1, 1)


def test_a_sum_of_two_branches_sees_what_either_sees() -> None:
    layers = [layer("Conv2D", [32, 32, 8], 3), layer("Conv2D", [32, 32, 8], 1), layer("Add", [32, 32, 8])]
    assert receptive_field(layers, [[-1], [-1], [0, 1]], 2, 10, 20, (32, 32, 3)) == Area(9, 19, 3, 3)
    assert receptive_field(layers, [[-1], [-1], [1]], 2, 10, 20, (32, 32, 3)) == Area(10, 20, 1, 1)

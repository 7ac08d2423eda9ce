"""What the Look inside tab tells of a network's layers, and how one number in a feature map came about."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from beholder.answering.terms import Area, convolution_terms, receptive_field, under, window_place
from beholder.artifact.weights import Convolution, read_convolutions
from beholder.artifact.wiring import read_sources
from beholder.report.explanation_page import layer_in_words
from beholder.server.tabs.sights import Sight

MOST_SHOWN = 64  # maps or numbers of a layer, until a person asks for all
PARTS = 3  # channels of a sum that are shown value by value; of the others the sums
BARS = 8  # channels whose sums are shown
_TOLERANCE = 1e-3  # of a sum's size: where terms and network differ by more, they are not the network's
_MIXING = ("Dense", "EinsumDense", "Softmax")  # they make each value of all maps at its place


class Layers:
    """The layers of a network, as the page tells of them.

    Args:
        rows: the manifest's, one a layer.
        class_names: in the order of the last layer's numbers.
        graph: `inside.onnx`.
        check: called after each reading of it; raises where that is another network's by now.
    """

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        class_names: Sequence[str],
        graph: Path,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._rows = rows
        self._class_names = class_names
        self._file = graph
        self._check = check

    @cached_property
    def _convolutions(self) -> dict[str, Convolution]:
        names = [row["name"] for row in self._rows if row["window"] and row["parameters"]]
        try:
            return read_convolutions(self._file, names)
        finally:
            self._check()

    @cached_property
    def _sources(self) -> list[list[int]]:
        """The layers that each layer works on, by their place; -1 is the image."""
        try:
            return read_sources(self._file, [row["name"] for row in self._rows])
        finally:
            self._check()

    @cached_property
    def _slid(self) -> list[dict[str, Any]]:
        """The manifest's rows with windows as they slide: from their first value to their last, and the padding."""
        return [{**row, **_sliding(self._convolutions.get(row["name"]))} for row in self._rows]

    @cached_property
    def _known(self) -> int:
        """How many layers there are before a convolution that computes in a way of its own."""
        own = [row["window"] and row["parameters"] and row["name"] not in self._convolutions for row in self._rows]
        return next((index for index, one in enumerate(own) if one), len(own))

    def tell(self, sight: Sight) -> list[dict[str, Any]]:
        """What the strip shows of each layer.

        Returns:
            Dicts of the manifest's row; `words`, one sentence; `kind` as in `number`, or `vector`; `source`, the layer
            that its window slides over; `order` of its maps, strongest first; of a vector the `values`, at most 64 of
            the largest by size, with `order`, and the `names` of classes in the last one; and `fully_connected`, how
            many weights a fully connected layer in its place would have, null where that makes no sense.
        """
        return [self._layer(sight, index) for index in range(len(self._rows))]

    def number(self, sight: Sight, layer: int, number: int, row: int, column: int) -> dict[str, Any]:
        """How the value of map `number` at (`row`, `column`) came about.

        Returns:
            `value`; `kind`: `convolution`, `pooling`, `point` (made of the one value at the same place) or `other`;
            what belongs to that kind, see below; `then`, what the following layers make of this value; and `field`, the
            pixels of the image that it depends on, null where that is not known.

        Raises:
            HTTPException: 404 for what is not there.
        """
        values = sight.map(layer, number)
        if row >= values.shape[0] or column >= values.shape[1]:
            raise HTTPException(404)
        field = None
        if layer < self._known:
            field = receptive_field(self._slid, self._sources, layer, row, column, sight.pixels.shape)
        kind, source = self._kind(sight, layer)
        document = {"kind": kind, "value": _figure(values[row, column]), "source": source, "field": _place(field)}
        if source is not None and kind in ("convolution", "pooling"):
            before = sight.maps[source].values
            place = window_place(before.shape, values.shape, self._slid[layer], row, column)
            document["window"] = _place(place)
            if kind == "pooling":
                document.update(self._pooled(layer, before, place, number))
            else:
                made = self._made(layer, before, place, number, float(values[row, column]))
                document.update(made or {"kind": "other"})
        elif source is not None and kind == "point":
            document["before"] = _figure(sight.maps[source].values[row, column, number])
        return {**document, "then": self._then(sight, layer, number, row, column)}

    def _made(
        self, layer: int, before: NDArray[np.float32], place: Area, number: int, value: float
    ) -> dict[str, Any] | None:
        """The terms of a sum, of all but its largest channels the sums alone; None where they are not the network's."""
        terms = convolution_terms(before, self._convolutions[self._rows[layer]["name"]], place, number)
        sums = terms.sums
        size = float(np.abs(terms.pixels * terms.weights).sum()) + abs(terms.bias)
        if not abs(terms.value - value) <= _TOLERANCE * max(size, 1e-6):
            return None
        order = np.argsort(-np.abs(sums), kind="stable")
        shown = order if len(order) <= PARTS else order[:PARTS]
        return {
            "parts": [
                {
                    "channel": int(terms.channels[index]),
                    "pixels": _figures(terms.pixels[..., index]),
                    "weights": _figures(terms.weights[..., index]),
                    "sum": _figure(sums[index]),
                }
                for index in sorted(shown)
            ],
            "bars": [{"channel": int(terms.channels[index]), "sum": _figure(sums[index])} for index in order[:BARS]],
            "rest": {"channels": max(0, len(order) - BARS), "sum": _figure(sums[order[BARS:]].sum())},
            "channels": len(order),
            "sum": _figure(sums.sum()),
            "bias": _figure(terms.bias),
            "rectified": terms.rectified,
        }

    def _pooled(self, layer: int, before: NDArray[np.float32], place: Area, number: int) -> dict[str, Any]:
        values = under(before[..., number : number + 1], place, math.nan)[..., 0]
        largest = self._rows[layer]["type"].startswith("Max") and not np.isnan(values).all()
        won = [int(at) for at in np.unravel_index(np.nanargmax(values), values.shape)] if largest else None
        return {"pixels": _figures(values), "won": won}

    def _then(self, sight: Sight, layer: int, number: int, row: int, column: int) -> list[dict[str, Any]]:
        """What the layers that follow make of a value, up to where it is pooled or mixed with other maps."""
        told: list[dict[str, Any]] = []
        shape = sight.maps[layer].values.shape
        for index in range(layer + 1, len(self._rows)):
            kind, source = self._kind(sight, index)
            if source != index - 1 or kind == "convolution":
                break
            facts = {"layer": index, "type": self._rows[index]["type"]}
            if kind == "pooling":
                pooled = sight.maps[index].values
                step = [int(stride) for stride in self._rows[index]["stride"]]
                at = [min(row // step[0], pooled.shape[0] - 1), min(column // step[1], pooled.shape[1] - 1)]
                told.append({**facts, "value": _figure(pooled[at[0], at[1], number])})
                break
            if kind != "point" or sight.maps[index].values.shape != shape:
                break
            told.append({**facts, "value": _figure(sight.maps[index].values[row, column, number])})
        return told

    def _layer(self, sight: Sight, index: int) -> dict[str, Any]:
        row = self._rows[index]
        kind, source = self._kind(sight, index)
        document = {**row, "words": layer_in_words(row["type"]), "kind": kind, "source": source}
        document["fully_connected"] = None
        if index in sight.maps:
            document["order"] = sight.maps[index].order.tolist()
            if kind == "convolution" and source is not None:
                sizes = (*sight.maps[source].values.shape, *row["output_shape"])
                document["fully_connected"] = math.prod(int(size) for size in sizes)
            return document
        values = sight.outputs[row["name"]].reshape(-1) if row["name"] in sight.outputs else np.zeros(0, np.float32)
        order = np.argsort(-np.abs(values), kind="stable")[:MOST_SHOWN]
        if len(values) == len(self._class_names) and index == len(self._rows) - 1:
            order = np.argsort(-values, kind="stable")[:MOST_SHOWN]
            document["names"] = [self._class_names[at] for at in order]
        return {**document, "order": order.tolist(), "values": _figures(values[order])}

    def _kind(self, sight: Sight, index: int) -> tuple[str, int | None]:
        """How a layer's numbers come about, and the place of the layer whose maps it works on, if it is one alone."""
        if index not in sight.maps:
            return "vector", None
        row, sources = self._rows[index], self._sources[index]
        if len(sources) != 1 or sources[0] not in sight.maps:
            return "other", None
        [source] = sources
        before, after = sight.maps[source].values.shape, sight.maps[index].values.shape
        made = self._convolutions.get(row["name"])
        if made is not None and [*made.windows.shape[1:3]] == row["window"] and made.channels == before[2]:
            return "convolution", source
        kind = "other"
        if row["window"] and "Pooling" in row["type"]:
            kind = "pooling"
        elif not row["window"] and before == after and row["type"] not in _MIXING:
            kind = "point"
        return (kind, source) if before[2] == after[2] else ("other", None)


def _sliding(convolution: Convolution | None) -> dict[str, Any]:
    if convolution is None:
        return {}
    sizes = zip(convolution.windows.shape[1:3], convolution.dilation, strict=True)
    window = [(size - 1) * step + 1 for size, step in sizes]
    return {"window": window} if convolution.padding is None else {"window": window, "padding": convolution.padding}


def _place(place: Area | None) -> dict[str, int] | None:
    return None if place is None else dict(vars(place))


def _figure(value: Any) -> float | None:
    """Five digits, which is what a person reads; None for what is no number, as JSON has none."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _figures(values: NDArray[np.float32]) -> list[Any]:
    nested: Sequence[Any] = values.tolist()
    return [[_figure(one) for one in row] if isinstance(row, list) else _figure(row) for row in nested]

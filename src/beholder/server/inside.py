"""The Look inside tab: every layer's feature maps of one picture, and each number of them taken apart."""

from __future__ import annotations

import hashlib
import io
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.explain import Maps, all_maps
from beholder.answering.terms import Place, convolution_terms, receptive_field, under, window_place
from beholder.artifact.weights import Convolution, read_convolutions
from beholder.errors import PictureError
from beholder.figures.sheet import stretched
from beholder.report.explanation import layer_in_words
from beholder.server.encoding import EscapedJSON, data_uri
from beholder.server.served import Served
from beholder.server.uploads import read_uploads

MOST_MAPS = 64  # on a sheet, until a person asks for all
COLUMNS = 8  # of maps on a sheet
PARTS = 3  # channels of a sum that are shown value by value; of the others the sums
BARS = 8  # channels whose sums are shown
_PICTURES = 64  # that are remembered
_LOOKED = 4  # of them, with every layer's output
_TOLERANCE = 1e-3  # of a sum's size: where terms and network differ by more, they are not the network's


def routes(served: Served) -> list[BaseRoute]:
    """All that the Look inside tab asks, of `served`."""
    sights = Sights(served)

    async def look(request: Request) -> Response:
        """The layers of the network, and a token that stands for the picture of the request from here on."""
        uploads = await read_uploads(request, served.limits)
        [outcome] = await served.workers.answer([uploads[0].content])
        if isinstance(outcome, PictureError):
            raise outcome
        prediction = served.classifier.prediction(uploads[0].name, outcome.probabilities, 1).to_json()
        document = await served.workers.call(sights.look, outcome.pixels)
        return EscapedJSON({**document, "label": prediction["label"], "probability": prediction["probability"]})

    async def sheet(request: Request) -> Response:
        """The maps of a layer in one PNG, strongest first; `?all=1` for more than 64."""
        every = request.query_params.get("all") == "1"
        token, layer = _address(request, "token", "layer")
        return _png(await served.workers.call(sights.sheet, token, layer, every))

    async def one_map(request: Request) -> Response:
        return _png(await served.workers.call(sights.map, *_address(request, "token", "layer", "map")))

    async def number(request: Request) -> Response:
        """One number taken apart."""
        place = _address(request, "token", "layer", "map", "row", "column")
        return EscapedJSON(await served.workers.call(sights.number, *place))

    base = "/page/inside/{token}/{layer}"
    return [
        Route("/page/inside", look, methods=["POST"]),
        Route(base + ".png", sheet),
        Route(base + "/{map}.png", one_map),
        Route(base + "/{map}/{row}/{column}", number),
    ]


@dataclass(frozen=True)
class Sight:
    """One picture with all that the layers make of it.

    Attributes:
        pixels: (H, W, C) uint8 as they enter.
        outputs: by layer, without the batch.
        maps: of the layers that have some, by their place in the network, from 0.
    """

    pixels: NDArray[np.uint8]
    outputs: dict[str, NDArray[np.float32]]
    maps: dict[int, Maps]


class Sights:
    """Looks at pictures, and remembers the last few.

    Args:
        served: what is served.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._layers = served.classifier.artifact.manifest.layers
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._looked: OrderedDict[str, Sight] = OrderedDict()

    @cached_property
    def _convolutions(self) -> dict[str, Convolution]:
        learned = [layer["name"] for layer in self._layers if layer["window"] and layer["parameters"]]
        return read_convolutions(self._served.classifier.artifact.folder / "inside.onnx", learned)

    def look(self, pixels: NDArray[np.uint8]) -> dict[str, Any]:
        """The layers of the network on `pixels` (H, W, C) uint8.

        Returns:
            `token`, which stands for the picture; `picture`, a data URI; `height`, `width`; and `layers`, for each what
            `_layer` tells.

        Raises:
            ArtifactError: the model can answer but not explain.
        """
        token = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:32]
        with self._lock:
            _keep(self._pictures, token, pixels, _PICTURES)
        sight = self._sight(token)
        layers = [self._layer(sight, index) for index in range(len(self._layers))]
        height, width = pixels.shape[:2]
        return {"token": token, "picture": data_uri(pixels), "height": height, "width": width, "layers": layers}

    def sheet(self, token: str, layer: int, every: bool) -> NDArray[np.uint8]:
        """The maps of a layer side by side, 8 in a row, each stretched from its smallest value to its largest.

        Raises:
            HTTPException: 404 for what is not there, 410 for a picture that is no longer remembered.
        """
        maps = self._maps(token, layer)
        order = maps.order if every else maps.order[:MOST_MAPS]
        height, width, _ = maps.values.shape
        columns = min(COLUMNS, len(order))
        grid = np.zeros((math.ceil(len(order) / columns) * height, columns * width), np.uint8)
        for place, index in enumerate(order):
            top, left = place // columns * height, place % columns * width
            grid[top : top + height, left : left + width] = _grey(maps.values[..., index])
        return grid

    def map(self, token: str, layer: int, number: int) -> NDArray[np.uint8]:
        """(H, W) uint8: one map, as on the sheet.

        Raises:
            HTTPException: 404 for what is not there, 410 for a picture that is no longer remembered.
        """
        return _grey(self._one(self._maps(token, layer), number))

    def number(self, token: str, layer: int, number: int, row: int, column: int) -> dict[str, Any]:
        """How the value of map `number` at (`row`, `column`) came about.

        Returns:
            `value`; `kind`: `convolution`, `pooling`, `point` (made of the one value at the same place) or `other`;
            what belongs to that kind, see below; `then`, what the following layers make of this value; and `field`, the
            pixels of the picture that it depends on, null where that is not known.

        Raises:
            HTTPException: 404 for what is not there, 410 for a picture that is no longer remembered.
        """
        sight = self._sight(token)
        maps = self._maps(token, layer)
        values = self._one(maps, number)
        if row >= values.shape[0] or column >= values.shape[1]:
            raise HTTPException(404)
        field = receptive_field(self._layers, layer, row, column, sight.pixels.shape)
        kind, source = self._kind(sight, layer)
        document = {"kind": kind, "value": _figure(values[row, column]), "source": source, "field": _place(field)}
        if source is not None and kind in ("convolution", "pooling"):
            before = sight.maps[source].values
            place = window_place(before.shape, values.shape, self._layers[layer], row, column)
            document["window"] = _place(place)
            if kind == "pooling":
                document.update(self._pooled(layer, before, place, number))
            else:
                made = self._made(layer, before, place, number, float(values[row, column]))
                document.update(made or {"kind": "other"})
        elif source is not None:
            document["before"] = _figure(sight.maps[source].values[row, column, number])
        return {**document, "then": self._then(sight, layer, number, row, column)}

    def _made(
        self, layer: int, before: NDArray[np.float32], place: Place, number: int, value: float
    ) -> dict[str, Any] | None:
        """The terms of a sum, of all but its largest channels the sums alone; None where they are not the network's."""
        terms = convolution_terms(before, self._convolutions[self._layers[layer]["name"]], place, number)
        sums = terms.sums
        size = float(np.abs(terms.pixels * terms.weights).sum()) + abs(terms.bias)
        if abs(terms.value - value) > _TOLERANCE * max(size, 1e-6):
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

    def _pooled(self, layer: int, before: NDArray[np.float32], place: Place, number: int) -> dict[str, Any]:
        values = under(before[..., number : number + 1], place, math.nan)[..., 0]
        largest = self._layers[layer]["type"].startswith("Max")
        won = [int(at) for at in np.unravel_index(np.nanargmax(values), values.shape)] if largest else None
        return {"pixels": _figures(values), "won": won}

    def _then(self, sight: Sight, layer: int, number: int, row: int, column: int) -> list[dict[str, Any]]:
        """What the layers that follow make of a value, up to where it is pooled or mixed with other maps."""
        told: list[dict[str, Any]] = []
        shape = sight.maps[layer].values.shape
        for index in range(layer + 1, len(self._layers)):
            kind, source = self._kind(sight, index)
            if source != index - 1 or kind == "convolution":
                break
            facts = {"layer": index, "type": self._layers[index]["type"]}
            if kind == "pooling":
                pooled = sight.maps[index].values
                step = [int(stride) for stride in self._layers[index]["stride"]]
                at = [min(row // step[0], pooled.shape[0] - 1), min(column // step[1], pooled.shape[1] - 1)]
                told.append({**facts, "value": _figure(pooled[at[0], at[1], number])})
                break
            if kind != "point" or sight.maps[index].values.shape != shape:
                break
            told.append({**facts, "value": _figure(sight.maps[index].values[row, column, number])})
        return told

    def _layer(self, sight: Sight, index: int) -> dict[str, Any]:
        """What the strip shows of a layer.

        Returns:
            The manifest's row; `words`, one sentence; `kind` as in `number`, or `vector`; `source`, the layer that its
            window slides over; `order` of its maps, strongest first; of a vector the `values`, at most 64 of the
            largest by size, with `order`; and `fully_connected`, how many weights a fully connected layer in its place
            would have, null where that makes no sense.
        """
        row = self._layers[index]
        kind, source = self._kind(sight, index)
        document = {**row, "words": layer_in_words(row["type"]), "kind": kind, "source": source}
        document["fully_connected"] = None
        if index in sight.maps:
            document["order"] = sight.maps[index].order.tolist()
            if row["window"] and row["parameters"] and source is not None:
                sizes = (*sight.maps[source].values.shape, *row["output_shape"])
                document["fully_connected"] = math.prod(int(size) for size in sizes)
            return document
        values = sight.outputs[row["name"]].reshape(-1) if row["name"] in sight.outputs else np.zeros(0, np.float32)
        order = np.argsort(-np.abs(values), kind="stable")[:MOST_MAPS]
        if len(values) == len(self._served.classifier.class_names) and index == len(self._layers) - 1:
            order = np.argsort(-values, kind="stable")[:MOST_MAPS]
            names = self._served.classifier.class_names
            document["names"] = [names[at] for at in order]
        return {**document, "kind": "vector", "order": order.tolist(), "values": _figures(values[order])}

    def _kind(self, sight: Sight, index: int) -> tuple[str, int | None]:
        """How a layer's numbers come about, and the place of the layer whose maps it works on."""
        if index not in sight.maps:
            return "vector", None
        row, source = self._layers[index], index - 1
        if source not in sight.maps:
            return "other", None
        before, after = sight.maps[source].values.shape, sight.maps[index].values.shape
        if row["name"] in self._convolutions:
            return "convolution", source
        if row["window"] and "Pooling" in row["type"] and before[2] == after[2]:
            return "pooling", source
        if not row["window"] and before == after and row["type"] not in ("Add", "Multiply", "Concatenate"):
            return "point", source
        return "other", None

    def _sight(self, token: str) -> Sight:
        with self._lock:
            if token in self._looked:
                self._looked.move_to_end(token)
                return self._looked[token]
            pixels = self._pictures.get(token)
        if pixels is None:
            raise HTTPException(410, "This picture is no longer remembered; look at it again.")
        outputs = {name: output[0] for name, output in self._served.inside(pixels[np.newaxis]).items()}
        sight = Sight(pixels, outputs, {maps.number - 1: maps for maps in all_maps(self._layers, outputs)})
        with self._lock:
            _keep(self._looked, token, sight, _LOOKED)
        return sight

    def _maps(self, token: str, layer: int) -> Maps:
        maps = self._sight(token).maps.get(layer)
        if maps is None:
            raise HTTPException(404)
        return maps

    def _one(self, maps: Maps, number: int) -> NDArray[np.float32]:
        if number >= maps.values.shape[2]:
            raise HTTPException(404)
        return maps.values[..., number]


def _keep(kept: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


def _address(request: Request, *names: str) -> list[Any]:
    """The token and the numbers in an address."""
    token, *numbers = (str(request.path_params[name]) for name in names)
    if not all(number.isascii() and number.isdecimal() and len(number) < 9 for number in numbers):
        raise HTTPException(404)
    return [token, *map(int, numbers)]


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map that is zero everywhere is black: it says nothing."""
    return stretched(values.astype(np.float64)) if values.any() else np.zeros(values.shape, np.uint8)


def _png(pixels: NDArray[np.uint8]) -> Response:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    # A token stands for exactly these pixels, but a model of the same name may be served here tomorrow.
    return Response(file.getvalue(), media_type="image/png", headers={"Cache-Control": "private, max-age=600"})


def _place(place: Place | None) -> dict[str, int] | None:
    return None if place is None else dict(vars(place))


def _figure(value: Any) -> float | None:
    """Five digits, which is what a person reads; None for what is no number, as JSON has none."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _figures(values: NDArray[np.float32]) -> list[Any]:
    nested: Sequence[Any] = values.tolist()
    return [[_figure(one) for one in row] if isinstance(row, list) else _figure(row) for row in nested]

"""The Look inside tab: every layer's feature maps of one image, and each number of them taken apart."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.explanation import Maps
from beholder.errors import ImageError
from beholder.figures.sheet import stretched
from beholder.server.encoding import EscapedJSON, data_uri
from beholder.server.guard.addresses import number
from beholder.server.guard.uploads import read_uploads
from beholder.server.served import Served
from beholder.server.tabs.layer_facts import MOST_SHOWN, Layers
from beholder.server.tabs.sights import Sights

COLUMNS = 8  # of maps on a sheet


def routes(served: Served) -> list[BaseRoute]:
    """All that the Look inside tab asks, of `served`."""
    room = _Room(served)
    base = "/page/inside/{token}/{layer}"
    return [
        Route("/page/inside", room.look, methods=["POST"]),
        Route(base + ".png", room.sheet),
        Route(base + "/{map}.png", room.map),
        Route(base + "/{map}/{row}/{column}", room.number),
    ]


class _Room:
    """The endpoints; the work is done off the event loop.

    Answers 404 for what is not there, and 410 for an image that is no longer remembered.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._sights = Sights(served)
        artifact = served.classifier.artifact
        self._layers = Layers(
            artifact.manifest.layers,
            served.classifier.class_names,
            artifact.folder / "inside.onnx",
            artifact.check_same,
        )

    async def look(self, request: Request) -> Response:
        """The layers of the network, and a token that stands for the image of the request from here on."""
        served = self._served
        uploads = await read_uploads(request, served.limits)
        [outcome] = await served.workers.answer([uploads[0].content])
        if isinstance(outcome, ImageError):
            raise outcome
        prediction = served.classifier.prediction(uploads[0].name, outcome.probabilities, outcome.unlike, 1).to_dict()
        document = await served.workers.call(self._look, outcome.pixels)
        return EscapedJSON({**document, "label": prediction["label"], "probability": prediction["probability"]})

    async def sheet(self, request: Request) -> Response:
        """The maps of a layer in one PNG, strongest first; `?all=1` for more than 64."""
        every = request.query_params.get("all") == "1"
        token, layer = _address(request, "layer")
        return await self._served.workers.call(self._sheet, token, layer, every)

    async def map(self, request: Request) -> Response:
        """One map in a PNG, as on the sheet."""
        return await self._served.workers.call(self._map, *_address(request, "layer", "map"))

    async def number(self, request: Request) -> Response:
        """One number taken apart."""
        place = _address(request, "layer", "map", "row", "column")
        return await self._served.workers.call(self._number, *place)

    def _look(self, pixels: NDArray[np.uint8]) -> dict[str, Any]:
        token = self._sights.remember(pixels)
        layers = self._layers.tell(self._sights.sight(token))
        height, width = pixels.shape[:2]
        return {"token": token, "image": data_uri(pixels), "height": height, "width": width, "layers": layers}

    def _sheet(self, token: str, layer: int, every: bool) -> Response:
        return _png(_side_by_side(self._sights.sight(token).layer(layer), every))

    def _map(self, token: str, layer: int, number: int) -> Response:
        return _png(_grey(self._sights.sight(token).map(layer, number)))

    def _number(self, token: str, layer: int, number: int, row: int, column: int) -> Response:
        return EscapedJSON(self._layers.number(self._sights.sight(token), layer, number, row, column))


def _address(request: Request, *names: str) -> list[Any]:
    """The token and the numbers in an address."""
    return [request.path_params["token"], *(number(request, name) for name in names)]


def _side_by_side(maps: Maps, every: bool) -> NDArray[np.uint8]:
    """The maps of a layer, 8 in a row, each stretched from its smallest value to its largest."""
    order = maps.order if every else maps.order[:MOST_SHOWN]
    height, width, _ = maps.values.shape
    columns = min(COLUMNS, len(order))
    grid = np.zeros((math.ceil(len(order) / columns) * height, columns * width), np.uint8)
    for place, index in enumerate(order):
        top, left = place // columns * height, place % columns * width
        grid[top : top + height, left : left + width] = _grey(maps.values[..., index])
    return grid


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map that is zero everywhere is black: it says nothing."""
    return stretched(values.astype(np.float64)) if values.any() else np.zeros(values.shape, np.uint8)


def _png(pixels: NDArray[np.uint8]) -> Response:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    # A token stands for exactly these pixels, but a model of the same name may be served here tomorrow.
    return Response(file.getvalue(), media_type="image/png", headers={"Cache-Control": "private, max-age=600"})

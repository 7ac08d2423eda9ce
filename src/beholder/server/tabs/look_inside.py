"""The Look inside tab: every layer's feature maps of one image, and each number of them taken apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.explanation import Maps
from beholder.artifact.inside import INSIDE_FILE
from beholder.errors import ImageError
from beholder.figures.pixels import map_image
from beholder.figures.png import png, png_uri
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.numbers import number
from beholder.server.guard.uploads import read_uploads
from beholder.server.served import Served
from beholder.server.tabs.layer_facts import MOST_SHOWN, Layers
from beholder.server.tabs.sights import Sights
from beholder.server.tabs.sounds import part_in_words

_COLUMNS = 8  # of maps on a sheet


def routes(served: Served) -> list[BaseRoute]:
    """All that the Look inside tab asks, of `served`.

    They answer 404 for what is not there, and 410 for an image that is no longer remembered.
    """
    sights, layers = Sights(served), _layers(served)

    def look_at(pixels: NDArray[np.uint8]) -> dict[str, Any]:
        token = sights.remember(pixels)
        facts = layers.tell(sights.sight(token))
        return {
            "token": token,
            "image": png_uri(pixels),
            "height": len(pixels),
            "width": len(pixels[0]),
            "layers": facts,
        }

    async def look(request: Request) -> Response:
        """The layers of the network, and a token that stands for the image of the request from here on.

        Of a long sound one window; `part` is a sentence about which.
        """
        uploads = await read_uploads(request, served.limits, served.kind)
        [outcome] = await served.workers.answer([uploads[0].content])
        if isinstance(outcome, ImageError):
            raise outcome
        prediction = served.classifier.prediction(uploads[0].name, outcome.probabilities, outcome.unlike, 1)
        document = await served.workers.call(look_at, outcome.pixels)
        facts = {"label": prediction.label, "probability": prediction.probability, "part": part_in_words(outcome)}
        return EscapedJSON({**document, **facts})

    async def sheet(request: Request) -> Response:
        """The maps of a layer in one PNG, strongest first; `?all=1` for more than 64."""
        token, layer = _address(request, "layer")
        count = None if request.query_params.get("all") == "1" else MOST_SHOWN
        return await served.workers.call(lambda: _png(_side_by_side(sights.sight(token).layer(layer), count)))

    async def single(request: Request) -> Response:
        """One map in a PNG, as on the sheet."""
        token, *place = _address(request, "layer", "map")
        return await served.workers.call(lambda: _png(map_image(sights.sight(token).map(*place))))

    async def value(request: Request) -> Response:
        """One number taken apart."""
        token, *place = _address(request, "layer", "map", "row", "column")
        return EscapedJSON(await served.workers.call(lambda: layers.number(sights.sight(token), *place)))

    base = "/page/inside/{token}/{layer}"
    return [
        Route("/page/inside", look, methods=["POST"]),
        Route(base + ".png", sheet),
        Route(base + "/{map}.png", single),
        Route(base + "/{map}/{row}/{column}", value),
    ]


def _layers(served: Served) -> Layers:
    artifact = served.classifier.artifact
    graph = artifact.folder / INSIDE_FILE
    return Layers(artifact.manifest.layers, served.classifier.class_names, graph, artifact.check_same)


def _address(request: Request, *names: str) -> list[Any]:
    """The token and the numbers in an address."""
    return [request.path_params["token"], *(number(request, name) for name in names)]


def _side_by_side(maps: Maps, count: int | None) -> NDArray[np.uint8]:
    """The first `count` maps of a layer, 8 in a row, each stretched from its smallest value to its largest."""
    order = maps.order[:count]
    height, width, _ = maps.values.shape
    columns = min(_COLUMNS, len(order))
    grid = np.zeros((math.ceil(len(order) / columns) * height, columns * width), np.uint8)
    for place, index in enumerate(order):
        top, left = place // columns * height, place % columns * width
        grid[top : top + height, left : left + width] = map_image(maps.values[..., index])
    return grid


def _png(pixels: NDArray[np.uint8]) -> Response:
    # A token stands for exactly these pixels, but a model of the same name may be served here tomorrow.
    return Response(png(pixels), media_type="image/png", headers={"Cache-Control": "private, max-age=600"})

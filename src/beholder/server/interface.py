"""The HTTP interface for programs: predict, the model's facts, health and metrics."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.prediction import Prediction, predictions_document
from beholder.data.kinds import Kind
from beholder.errors import ImageError
from beholder.server import prometheus
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.numbers import number_in_query
from beholder.server.guard.uploads import Upload, read_uploads
from beholder.server.served import Served
from beholder.server.workers import Reply

_TOP = 3  # as `beholder predict`


def openapi_document(kind: Kind) -> dict[str, Any]:
    """The interface in the words of OpenAPI 3.1, written by hand and held to the routes by a test.

    Of the media types it has those that a classifier of this `kind` takes.
    """
    document: dict[str, Any] = json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))
    document["info"]["version"] = importlib.metadata.version("beholder")
    del document["paths"]["/predict"]["post"]["requestBody"]["content"]["image/*" if kind == "sound" else "audio/*"]
    return document


def routes(served: Served) -> list[BaseRoute]:
    """All of the interface, over `served`."""
    artifact = served.classifier.artifact
    facts = {  # the manifest, and which of its graphs answers
        **asdict(artifact.manifest),
        "image": artifact.manifest.image.to_json(),
        "precision": artifact.precision,
        "checksum": artifact.checksum,
    }
    described = openapi_document(served.kind)

    async def predict(request: Request) -> Response:
        top = number_in_query(request, "top", _TOP, least=1)
        served.workers.check_room()  # before a body is read for nothing
        uploads = await read_uploads(request, served.limits, served.kind)
        outcomes = await served.workers.answer([upload.content for upload in uploads])
        predictions = [_prediction(served, *pair, top) for pair in zip(uploads, outcomes, strict=True)]
        document = predictions_document(predictions, served.classifier.precision)
        if all(prediction.error is not None for prediction in predictions):
            return EscapedJSON({"error": predictions[0].error, **document}, 400)
        return EscapedJSON(document)

    async def model(_: Request) -> Response:
        return EscapedJSON(facts)

    async def healthz(_: Request) -> Response:
        # Opening replayed the golden images: a model that answers differently from when it was saved is never served.
        if served.workers.alive:
            return EscapedJSON({"status": "ok"})
        return EscapedJSON({"error": "The workers have ended; start the server again."}, 503)

    async def numbers(_: Request) -> Response:
        return Response(served.metrics.text(), headers={"Content-Type": prometheus.CONTENT_TYPE})

    async def openapi(_: Request) -> Response:
        return EscapedJSON(described)

    return [
        Route("/predict", predict, methods=["POST"]),
        Route("/model", model),
        Route("/healthz", healthz),
        Route("/metrics", numbers),
        Route("/openapi.json", openapi),
    ]


def _prediction(served: Served, upload: Upload, outcome: Reply, top: int) -> Prediction:
    if isinstance(outcome, ImageError):
        return Prediction(upload.name, error=str(outcome))
    return served.classifier.prediction(upload.name, outcome.probabilities, outcome.unlike, top)

"""The HTTP interface for programs: predict, the model's facts, health and metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.prediction import Prediction, predictions_document
from beholder.errors import ImageError
from beholder.server import prometheus
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.uploads import Upload, read_uploads
from beholder.server.openapi import DOCUMENT
from beholder.server.served import Served
from beholder.server.workers import Outcome

TOP = 3  # as `beholder predict`


def routes(served: Served) -> list[BaseRoute]:
    """All of the interface, over `served`."""
    facts = _facts(served)

    async def predict(request: Request) -> Response:
        top = _top(request)
        served.workers.check_room()  # before a body is read for nothing
        uploads = await read_uploads(request, served.limits)
        outcomes = await served.workers.answer([upload.content for upload in uploads])
        predictions = [_prediction(served, *pair, top) for pair in zip(uploads, outcomes, strict=True)]
        document = predictions_document(predictions, served.classifier.precision)
        if all(prediction.error is not None for prediction in predictions):
            return EscapedJSON({"error": predictions[0].error, **document}, 400)
        return EscapedJSON(document)

    async def model(_: Request) -> Response:
        return EscapedJSON(facts)

    async def healthz(_: Request) -> Response:
        # Opening replayed the golden images: a model that answers otherwise than when it was saved is never served.
        if served.workers.alive:
            return EscapedJSON({"status": "ok"})
        return EscapedJSON({"error": "The workers have ended; start the server again."}, 503)

    async def numbers(_: Request) -> Response:
        return Response(served.metrics.text(), headers={"Content-Type": prometheus.CONTENT_TYPE})

    async def openapi(_: Request) -> Response:
        return EscapedJSON(DOCUMENT)

    return [
        Route("/predict", predict, methods=["POST"]),
        Route("/model", model),
        Route("/healthz", healthz),
        Route("/metrics", numbers),
        Route("/openapi.json", openapi),
    ]


def _top(request: Request) -> int:
    text = request.query_params.get("top", str(TOP))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1):
        raise HTTPException(400, f"Expected top to be a whole number of at least 1. Received: top={text[:40]!r}.")
    return int(text)


def _prediction(served: Served, upload: Upload, outcome: Outcome, top: int) -> Prediction:
    if isinstance(outcome, ImageError):
        return Prediction(upload.name, error=str(outcome))
    return served.classifier.prediction(upload.name, outcome.probabilities, outcome.unlike, top)


def _facts(served: Served) -> dict[str, Any]:
    """The manifest, and which of its graphs answers."""
    artifact = served.classifier.artifact
    manifest = artifact.manifest
    return {
        **asdict(manifest),
        "image": manifest.image.to_json(),
        "precision": artifact.precision,
        "checksum": artifact.checksum,
    }

"""The Ask tab: answers with all that the page shows of them, where the network looked, and files to try."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.prediction import Prediction
from beholder.answering.saliency import where_it_looked
from beholder.data.images.decode import ImageRules, read_size
from beholder.data.images.endings import lacks_end
from beholder.data.images.fit_words import misfit, misfits_in_words
from beholder.errors import ArtifactError, ImageError
from beholder.evaluation.abstention import risk_in_words
from beholder.evaluation.shares import as_percent, as_said
from beholder.figures.overlay import heat_layer
from beholder.figures.pixels import stretched
from beholder.figures.png import png_uri
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.numbers import number
from beholder.server.guard.uploads import Upload, read_uploads
from beholder.server.served import Served
from beholder.server.tabs import sounds
from beholder.server.tabs.sounds import Example
from beholder.server.workers import Answered, Reply

_NEIGHBOURS = 8
_HEAT_SIDE = 192  # pixels of the overlay's long side, about: smooth where the network's image has 32
_LEAST_FALL = 0.01  # of a probability: less is next to nothing, and must not look like much
_ENDLESS = "The file lacks its end, as after a download that broke off; the image is taken as far as it goes."


def routes(served: Served) -> list[BaseRoute]:
    """All that the Ask tab asks, of `served`."""
    examples = sounds.examples(served) if served.kind == "sound" else _examples(served)

    async def ask(request: Request) -> Response:
        """`answers`, one for each file in the request, as `answer_document` makes them."""
        uploads = await read_uploads(request, served.limits, served.kind)
        outcomes = await served.workers.answer([upload.content for upload in uploads])
        documents = [
            await served.workers.call(answer_document, served, *pair) for pair in zip(uploads, outcomes, strict=True)
        ]
        return EscapedJSON({"answers": documents})

    async def where(request: Request) -> Response:
        """Where the network looked in the image of the request: best the one that it `received`, as `ask` tells.

        Or where it listened in the sound.
        """
        uploads = await read_uploads(request, served.limits, served.kind)
        content = uploads[0].content
        [outcome] = await served.workers.answer([content])
        if isinstance(outcome, ImageError):
            raise outcome
        if served.kind == "sound":
            return EscapedJSON(await served.workers.call(sounds.where_document, served, content, outcome))
        return EscapedJSON(await served.workers.call(where_document, served, outcome.pixels))

    async def names(_: Request) -> Response:
        """Addresses of `examples`, images or sounds that it has not learned from, and of `pictures` of them."""
        addresses = [f"page/ask/examples/{index}" for index in range(len(examples))]
        pictures = [one.picture or address for one, address in zip(examples, addresses, strict=True)]
        return EscapedJSON({"examples": addresses, "pictures": pictures})

    async def example(request: Request) -> Response:
        index = number(request, "number")
        if index >= len(examples):
            return EscapedJSON({"error": f"There are only {len(examples)} examples."}, 404)
        one = examples[index]
        return Response(one.content, media_type=one.media, headers={"Cache-Control": "no-cache"})

    return [
        Route("/page/ask", ask, methods=["POST"]),
        Route("/page/ask/where", where, methods=["POST"]),
        Route("/page/ask/examples", names),
        Route("/page/ask/examples/{number}", example),
    ]


def _examples(served: Served) -> list[Example]:
    golden = sorted((served.classifier.artifact.folder / "golden").glob("*.png"))
    return [Example(path.read_bytes(), "image/png") for path in golden[:-1]]  # the last is out of proportion


def answer_document(served: Served, upload: Upload, outcome: Reply) -> dict[str, Any]:
    """What the page shows of one image or sound.

    Returns:
        As `predict --json`, with `probabilities` of all classes in falling order in the place of `top`; `why_label`, a
        sentence where another class than the most probable is answered; `why_unsure`, one where it is unsure or
        unlike; `neighbours`, the training images or sounds nearest in feature space, and `neighbours_error`, one
        sentence where they cannot be read; and what `_received` tells of an image, or `sounds.sound_document` of a
        sound.
    """
    if isinstance(outcome, ImageError):
        return {"path": upload.name, "error": str(outcome)}
    every = len(outcome.probabilities)
    prediction = served.classifier.prediction(upload.name, outcome.probabilities, outcome.unlike, every)
    document = prediction.to_dict()
    probabilities = document.pop("top")
    received = sounds.sound_document if served.kind == "sound" else _received
    return {
        **document,
        "why_label": _why_label(served, prediction),
        "why_unsure": _why_unsure(served, prediction),
        "probabilities": probabilities,
        **received(served, upload.content, outcome),
        **_neighbours(served, outcome),
    }


def _received(served: Served, content: bytes, answer: Answered) -> dict[str, Any]:
    """What an image is and becomes.

    Returns:
        `height` and `width` of the image upright; `received`, what the network got: `image` (a PNG as a data URI),
        `height`, `width`, `fitted`, a sentence where much was cut, padded or stretched for it or where its file lacks
        its end, and `cleaned`, the same after the chapter's cleaning, where it is a part of the network.
    """
    height, width = read_size(content)
    rules = served.classifier.artifact.manifest.image
    fitted = None
    if isinstance(rules, ImageRules):
        fitted = misfits_in_words([misfit((height, width), rules.shape[:2])], rules.shape[:2], rules.fit)
    ending = _ENDLESS if lacks_end(content) else None
    return {
        "height": height,
        "width": width,
        "received": {
            "image": png_uri(answer.pixels),
            "height": answer.pixels.shape[0],
            "width": answer.pixels.shape[1],
            "fitted": " ".join(told for told in (fitted, ending) if told) or None,
            "cleaned": _cleaned(served, answer.pixels),
        },
    }


def _cleaned(served: Served, pixels: NDArray[np.uint8]) -> str | None:
    """`pixels` grey, cropped and standardised, as a data URI; None where the network does not clean."""
    cleaning = [row["name"] for row in served.classifier.artifact.manifest.layers if row["type"] == "Clean"]
    if not cleaning:
        return None
    try:
        inside = served.inside
    except ArtifactError:  # it can answer but not explain
        return None
    cleaned = inside(pixels[np.newaxis], cleaning)[cleaning[0]]
    return png_uri(stretched(cleaned[0, ..., 0].astype(np.float64)))


def _why_label(served: Served, prediction: Prediction) -> str | None:
    artifact = served.classifier.artifact
    facts = artifact.manifest.point_in(artifact.precision)
    if artifact.point is None or facts is None or prediction.label == prediction.top[0][0]:
        return None
    least, name = as_said(artifact.point.threshold), repr(facts["class_name"])
    promise = f"{as_said(facts['asked'])} {facts['figure']}"
    if prediction.label == facts["class_name"]:
        return f"{name} is answered wherever its probability is at least {least}, which keeps the promise of {promise}."
    return f"{name} is only answered where its probability is at least {least}, which keeps the promise of {promise}."


def _why_unsure(served: Served, prediction: Prediction) -> str | None:
    if prediction.unlike:
        return (
            f"This {served.kind} is unlike anything that the network was trained on: it may be none of these classes."
        )
    artifact = served.classifier.artifact
    risk = artifact.manifest.risk_in(artifact.precision)
    if not prediction.unsure or artifact.unsure_below is None:
        return None
    threshold = as_percent(artifact.unsure_below)
    if risk is None:
        return f"The probability is below {threshold}, this model's threshold."
    if not risk["promised"]:
        return risk_in_words(risk)
    return f"The probability is below the {threshold} needed to promise at most {as_said(risk['asked'])} errors."


def _neighbours(served: Served, answer: Answered) -> dict[str, Any]:
    try:
        kept = served.neighbours
    except ArtifactError as error:  # the answer is as good without them
        return {"neighbours": [], "neighbours_error": str(error)}
    near = [] if kept is None else kept.nearest(answer.features, _NEIGHBOURS)
    told = [
        {
            "path": one.path,
            "label": one.label,
            "distance": round(one.distance, 4),
            "image": png_uri(one.thumbnail),
            "sound": served.sound_address(one.path),
        }
        for one in near
    ]
    return {"neighbours": told, "neighbours_error": None}


def where_document(served: Served, pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """Where the network looked in `pixels` (H, W, C) uint8, as it receives them.

    Returns:
        `overlay`, a PNG with transparency as a data URI, to be laid on the image; `method`; and `text`, a sentence.

    Raises:
        ArtifactError: the model can answer but not explain.
    """
    where = where_it_looked(served.classifier, served.inside, pixels)
    height, width = pixels.shape[:2]
    scale = max(1, round(_HEAT_SIDE / max(height, width)))
    least = 0.0 if where.patch is None else _LEAST_FALL
    layer = heat_layer(where.heat, (width * scale, height * scale), least)
    text = "The glow marks what speaks for this answer rather than the others, as the last feature maps have it."
    if where.patch is not None:
        text = (
            f"The glow marks where covering {where.patch[1]} × {where.patch[0]} pixels makes this answer less probable."
        )
    return {"overlay": png_uri(layer), "method": where.method, "text": text}

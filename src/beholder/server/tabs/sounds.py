"""What the page shows of a sound: its spectrogram, the answer in each window, when and at which pitch it listened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.answering.saliency import where_it_looked
from beholder.data.sounds.reading import sound_header
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.windows import starts, windows
from beholder.errors import ArtifactError
from beholder.evaluation.decision import decide
from beholder.figures.overlay import heat_layer
from beholder.figures.png import png_uri
from beholder.server.decoding import Spent
from beholder.server.guard.numbers import number
from beholder.server.served import Served
from beholder.server.workers import Answered

_MOST_COLUMNS = 2400  # of a spectrogram that is shown: a longer one is averaged
_TICKS = (125, 250, 500, 1000, 2000, 4000)  # Hz, octaves
_LISTENED = 8  # windows in which it is told where it listened
_HEAT = (1200, 192)  # pixels of the overlay, at most and exactly
_LEAST_FALL = 0.01  # of a probability: less is next to nothing, and must not look like much


@dataclass(frozen=True)
class Example:
    """A file to try: its bytes, its media type, and a picture of it, a data URI; None where it is one itself."""

    content: bytes
    media: str
    picture: str | None = None


def routes(served: Served) -> list[BaseRoute]:
    """The training and validation sounds that the run keeps, to be played."""

    async def kept(request: Request) -> Response:
        sounds, place = await served.workers.call(lambda: served.sounds), number(request, "number")
        if sounds is None or place >= len(sounds):
            return Response(status_code=404)
        # A model of the same name may be served here tomorrow.
        return Response(sounds.wav(place), media_type="audio/wav", headers={"Cache-Control": "no-cache"})

    return [Route("/page/sounds/{number}.wav", kept)]


def examples(served: Served) -> list[Example]:
    """The golden sounds."""
    found = []
    for path in sorted((served.classifier.artifact.folder / "golden").glob("*.wav"))[
        :-1
    ]:  # the last is at another rate
        content = path.read_bytes()
        shown = _shown(served.workers.decoder.spectrogram(content))
        found.append(Example(content, "audio/wav", png_uri(shown)))
    return found


def sound_document(served: Served, content: bytes, answer: Answered) -> dict[str, Any]:
    """What a sound is and becomes.

    Returns:
        `sound`: its `seconds`, `rate`, `channels` and `format`; `image`, the whole spectrogram (a PNG as a data URI);
        `hertz`, pitches and their place in it as a `share` of its height from the top; `windows`, from `start` to `end`
        in seconds with the `probability` of the answer in each; and `words`, sentences about what was done to it.
    """
    rules, spent = rules_of(served), Spent()
    header, levels = sound_header(content), served.workers.decoder.spectrogram(content, spent)
    places = starts(levels.shape[1], rules.frames)
    label = int(decide(answer.probabilities, served.classifier.artifact.point))
    heard = [
        {
            "start": round(start * rules.step, 3),
            "end": round(min(start * rules.step + rules.seconds, spent.seconds), 3),
            "probability": round(float(row[label]), 4),
        }
        for start, row in zip(places, answer.windows, strict=True)
    ]
    return {
        "sound": {
            "seconds": round(spent.seconds, 3),
            "rate": header.rate,
            "channels": header.channels,
            "format": header.format,
            "image": png_uri(_shown(levels)),
            "hertz": _pitches(rules),
            "windows": heard,
            "words": " ".join(_words(rules, header.rate, levels.shape[1], heard)) or None,
        }
    }


def where_document(served: Served, content: bytes, answer: Answered) -> dict[str, Any]:
    """When and at which pitch the network listened.

    Returns:
        `overlay`, a PNG with transparency as a data URI, to be laid on the whole spectrogram; `method`; and `text`, a
        sentence.

    Raises:
        ArtifactError: the model can answer but not explain.
    """
    rules, levels = rules_of(served), served.workers.decoder.spectrogram(content)
    label = int(decide(answer.probabilities, served.classifier.artifact.point))
    rows, places = windows(levels, rules), starts(levels.shape[1], rules.frames)
    chosen = np.sort(np.argsort(-answer.windows[:, label], kind="stable")[:_LISTENED])
    found = [where_it_looked(served.classifier, served.inside, rows[row], label) for row in chosen]
    heat = _laid([one.heat for one in found], [places[row] for row in chosen], levels.shape[1], rules.frames)
    occluded = found[0].patch is not None
    size = (min(_HEAT[0], 3 * levels.shape[1]), _HEAT[1])
    layer = heat_layer(heat, size, _LEAST_FALL if occluded else 0.0)
    text = "The glow marks when and at which pitch it heard what speaks for this answer rather than the others."
    if occluded:
        text = (
            "The glow marks when and at which pitch silence in the place of the sound makes this answer less probable."
        )
    if len(rows) > len(chosen):
        text += f" It is of the {len(chosen)} windows that speak most for it."
    return {"overlay": png_uri(layer), "method": found[0].method, "text": text}


def part_in_words(answer: Answered) -> str | None:
    """Which window `answer.pixels` is, a sentence; None where there is one alone."""
    count = len(answer.windows)
    if count == 1:
        return None
    place = 1 + int(answer.windows[:, int(answer.probabilities.argmax())].argmax())
    return f"Window {place} of {count}, the one that speaks most for its most probable class."


def rules_of(served: Served) -> SoundRules:
    """The rules of a classifier of sounds.

    Raises:
        ArtifactError: it is one of images.
    """
    rules = served.classifier.artifact.manifest.image
    if not isinstance(rules, SoundRules):
        raise ArtifactError("This classifier answers images; serve one of sounds.")
    return rules


def _laid(heats: list[NDArray[np.float32]], places: list[int], length: int, width: int) -> NDArray[np.float32]:
    """Heat on all (64, length): that of windows of `width` columns from `places` on, the mean where they overlap."""
    shift = max(width - length, 0) // 2  # of a short clip, in the middle of its window
    whole = np.zeros((64, max(length, width)), np.float32)
    count = np.zeros(whole.shape[1], np.float32)
    for heat, start in zip(heats, places, strict=True):
        sized = Image.fromarray(heat).resize((width, 64), Image.Resampling.BILINEAR)
        whole[:, start : start + width] += np.asarray(sized)
        count[start : start + width] += 1
    mean = (whole / np.maximum(count, 1)).astype(np.float32)
    return mean[:, shift : shift + length]


def _shown(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A spectrogram as it is shown: averaged in time where it is very long."""
    height, width = levels.shape
    if width <= _MOST_COLUMNS:
        return np.ascontiguousarray(levels)
    return np.asarray(Image.fromarray(levels).resize((_MOST_COLUMNS, height), Image.Resampling.BOX))


def _pitches(rules: SoundRules) -> list[dict[str, float]]:
    hertz = rules.hertz
    shares = (np.arange(len(hertz)) + 0.5) / len(hertz)
    inside = [tick for tick in _TICKS if hertz[-1] <= tick <= hertz[0]]
    return [{"hertz": tick, "share": round(float(np.interp(-tick, -hertz, shares)), 4)} for tick in inside]


def _words(rules: SoundRules, rate: int, length: int, heard: list[dict[str, float]]) -> list[str]:
    told = [] if rate == rules.rate else [f"The network hears it at {rules.rate:,} Hz."]
    if length < rules.frames:
        told.append(f"It lies in the middle of {rules.seconds:g} s of silence.")
    if len(heard) > 1:
        best = max(heard, key=lambda one: one["probability"])
        told.append(
            f"It is heard in {len(heard)} windows of {rules.seconds:g} s; the answer is most probable from "
            f"{best['start']:.1f} to {best['end']:.1f} s."
        )
    return told

"""The Correct tab: images whose label or answer is doubtful, and what a person decides about them.

Decisions go to `RUN/corrections.csv`, one at a time, whole or not at all; nothing is ever written to the images.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.artifact.neighbours import Doubt
from beholder.artifact.validation_answers import ValidationAnswers
from beholder.data.correction_names import validation_note
from beholder.data.corrections import Corrections
from beholder.errors import UsageError
from beholder.figures.png import png_uri
from beholder.runs.run_folder import CORRECTIONS_FILE, open_run
from beholder.server.decisions import Decisions, by_path
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.numbers import number_in_query
from beholder.server.guard.request_limits import read_json
from beholder.server.served import Served
from beholder.server.tabs.retraining import retrain_command

DOUBTS = 200  # training images that are shown
SETS = ("validation", "train")
_MOST = 100  # images in one answer


def routes(served: Served) -> list[BaseRoute]:
    """All that the Correct tab asks, of `served`."""
    doubtful = DoubtfulImages(served)

    async def read(request: Request) -> Response:
        """The image called `path`, or `count` doubtful ones of a `set` from `start` on."""
        query = request.query_params
        if "path" in query:
            return EscapedJSON(await served.workers.call(doubtful.one, query["path"]))
        start, count = number_in_query(request, "start", 0), number_in_query(request, "count", 24)
        return EscapedJSON(await served.workers.call(doubtful.page, query.get("set", SETS[0]), start, count))

    async def write(request: Request) -> Response:
        """Keep one decision; see `Decisions.decide`."""
        body = await read_json(request, served.limits)
        return EscapedJSON(await served.workers.call(doubtful.decide, body))

    return [
        Route("/page/corrections", read, methods=["GET"]),
        Route("/page/corrections", write, methods=["POST"]),
    ]


class DoubtfulImages:
    """The doubtful images of a run with its corrections.

    Args:
        served: what is served.
    """

    def __init__(self, served: Served) -> None:
        self._served = served

    def page(self, set_name: str, start: int, count: int) -> dict[str, Any]:
        """`count` doubtful images of `set_name` from the `start`-th on, clearest first.

        Returns:
            `note`, one sentence where nothing can be corrected here; else `images`, how many there are in each set
            (`counts`), `class_names`, and what `_state` tells.

        Raises:
            UsageError: an unknown set.
            ArtifactError: the images that the run keeps are damaged.
            DataError: its corrections file is.
            RunError: its config is.
        """
        if set_name not in SETS:
            raise UsageError(f"Expected set to be one of {', '.join(SETS)}. Received: set={set_name[:40]!r}.")
        note = self._why_not()
        if note:
            return {"note": note}
        corrections = self._decisions.read()
        mistakes, doubts = self._mistakes, self._doubts
        found = (validation_image(*one) for one in mistakes) if set_name == "validation" else map(_in_doubt, doubts)
        images = list(islice(found, start, start + min(count, _MOST)))
        return {
            "note": None,
            "images": self._shown(images, corrections),
            "counts": {"validation": len(mistakes), "train": len(doubts)},
            "class_names": list(self._served.classifier.class_names),
            **self._state(corrections),
        }

    def one(self, path: str) -> dict[str, Any]:
        """The image called `path` alone, as in `page`; where the run does not keep it, no image and a `note`."""
        validation, neighbours = self._served.validation, self._served.neighbours
        if validation is not None and path in validation.names:
            image = validation_image(validation, validation.names.index(path))
        elif neighbours is not None and path in neighbours.names:
            row = neighbours.names.index(path)
            label = neighbours.class_names[neighbours.labels[row]]
            image = _image(path, "train", label, image=png_uri(neighbours.thumbnail(row)))
        else:
            return {"note": self._not_kept.format(repr(path[:200])), "images": []}
        return {"note": None, "images": self._shown([image], self._decisions.read())}

    def decide(self, body: Any) -> dict[str, Any]:
        """Keep one decision at once; takes and raises what `Decisions.decide` does, returns what `_state` tells."""
        if self._served.run is None:
            raise UsageError(str(self._why_not()))
        return self._state(self._decisions.decide([body], self._paths, self._not_kept))

    def _state(self, corrections: Corrections) -> dict[str, Any]:
        """`corrections` (how many), the `file`, the `command` that obeys it, null as long as there is no file.

        The `remark` is a sentence where corrections are of validation images, else null.
        """
        validation, file = self._served.validation, self._decisions.file
        folds = self._config.get("folds") is not None  # whose images are all learned from
        names = [] if validation is None or folds else validation.names
        [remark] = validation_note(corrections.lines, names) or [None]
        return {
            "corrections": len(corrections.lines),
            "file": str(file),
            "command": retrain_command(self._config, file.parent, file) if file.exists() else None,
            "remark": remark,
        }

    def _shown(self, images: list[dict[str, Any]], corrections: Corrections) -> list[dict[str, Any]]:
        """`images` with what was decided about each, and where a sound can be heard."""
        decided, address = by_path(corrections), self._served.sound_address
        return [{**one, "correction": decided.get(one["path"]), "sound": address(one["path"])} for one in images]

    @cached_property
    def _config(self) -> dict[str, Any]:
        return {} if self._served.run is None else open_run(self._served.run)[1]

    @cached_property
    def _decisions(self) -> Decisions:
        """The run's; they begin with what it was trained with."""
        file = (self._served.run or self._served.folder) / CORRECTIONS_FILE
        before = Corrections.from_json(self._config.get("corrections", {}).get("lines", []))
        return Decisions(file, self._served.classifier.class_names, before)

    @cached_property
    def _not_kept(self) -> str:
        """About a file that cannot be decided about, with its name as `{}`."""
        kind = self._served.classifier.kind
        return (
            f"This run keeps no {kind.name} called {{}}; it keeps only some of its {kind.plural}: write this one into "
            "the corrections file."
        )

    def _why_not(self) -> str | None:
        if self._served.run is None:
            return "Only a RUN folder can be corrected, and this is a model folder; serve the RUN folder."
        if self._served.validation is None and self._served.neighbours is None:
            plural = self._served.classifier.kind.plural
            return f"This run keeps no {plural} to correct; train again, without --no-neighbours."
        return None

    @cached_property
    def _paths(self) -> frozenset[str]:
        kept = (self._served.validation, self._served.neighbours)
        return frozenset(name for images in kept if images is not None for name in images.names)

    @cached_property
    def _doubts(self) -> list[Doubt]:
        neighbours = self._served.neighbours
        return [] if neighbours is None else neighbours.doubtful(DOUBTS)

    @cached_property
    def _mistakes(self) -> list[tuple[ValidationAnswers, int]]:
        """The validation set's answers, and each row of them that is wrong and can be shown, surest first."""
        answers = self._served.validation
        if answers is None:
            return []
        return [(answers, int(row)) for row in answers.mistakes() if int(row) in answers.shown]


def validation_image(answers: ValidationAnswers, row: int) -> dict[str, Any]:
    """The validation image of a row, as the page knows it."""
    answer, label = (answers.class_names[of[row]] for of in (answers.answers, answers.labels))
    thumbnail = answers.thumbnail(row)
    return _image(
        answers.names[row],
        "validation",
        label,
        suggestion=None if answer == label else answer,
        answer=answer,
        probability=float(answers.probabilities[row]),
        image=None if thumbnail is None else png_uri(thumbnail),
    )


def _in_doubt(doubt: Doubt) -> dict[str, Any]:
    uri = png_uri(doubt.thumbnail)
    return _image(doubt.path, "train", doubt.label, suggestion=doubt.suggestion, share=doubt.share, image=uri)


def _image(path: str, set_name: str, label: str, **known: Any) -> dict[str, Any]:
    """One image as the page knows it; what is not `known` of it is null."""
    unknown = dict.fromkeys(("suggestion", "answer", "probability", "share", "image"))
    return {"path": path, "set": set_name, "label": label, **unknown, **known}

"""The Correct tab: images whose label or answer is doubtful, and what a person decides about them.

Decisions go to `RUN/corrections.csv`, one at a time, whole or not at all; nothing is ever written to the images.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice, starmap
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder import files
from beholder.artifact.neighbours import Doubt
from beholder.artifact.validation_answers import ValidationAnswers
from beholder.data.correction_names import validation_note
from beholder.data.corrections import Corrections, read_corrections, write_corrections
from beholder.errors import ArtifactError, UsageError
from beholder.runs.run_folder import open_run
from beholder.server.encoding import EscapedJSON, data_uri
from beholder.server.guard.request_limits import read_json
from beholder.server.served import Served
from beholder.server.tabs.retraining import retrain_command

MOST = 100  # images in one answer
DOUBTS = 200  # training images that are shown
SETS = ("validation", "train")


def routes(served: Served) -> list[BaseRoute]:
    """All that the Correct tab asks, of `served`."""
    desk = Desk(served)

    async def read(request: Request) -> Response:
        """The image called `path`, or `count` doubtful ones of a `set_name` from `start` on."""
        query = request.query_params
        if "path" in query:
            return EscapedJSON(await served.workers.call(desk.one, query["path"]))
        start, count = (_whole(query.get(name, default), name) for name, default in (("start", "0"), ("count", "24")))
        return EscapedJSON(await served.workers.call(desk.page, query.get("set", SETS[0]), start, count))

    async def write(request: Request) -> Response:
        """Keep one decision: `path`, `action` (null takes it back) and `label`."""
        try:
            body = await read_json(request, served.limits)
        except (ValueError, RecursionError) as error:
            raise UsageError("A decision is a JSON object; what came is no JSON.") from error
        return EscapedJSON(await served.workers.call(desk.decide, body))

    return [
        Route("/page/corrections", read, methods=["GET"]),
        Route("/page/corrections", write, methods=["POST"]),
    ]


class Desk:
    """The doubtful images of a run and its corrections.

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
        corrections = self._corrections()
        mistakes, doubts = self._mistakes, self._doubts
        found = starmap(_answered, mistakes) if set_name == "validation" else map(_doubtful, doubts)
        images = list(islice(found, start, start + min(count, MOST)))
        return {
            "note": None,
            "images": _with_corrections(images, corrections),
            "counts": {"validation": len(mistakes), "train": len(doubts)},
            "class_names": list(self._served.classifier.class_names),
            **self._state(corrections),
        }

    def one(self, path: str) -> dict[str, Any]:
        """The image called `path` alone, as in `page`; where the run does not keep it, no image and a `note`."""
        validation, neighbours = self._served.validation, self._served.neighbours
        image = None
        if validation is not None and path in validation.names:
            image = _answered(validation, validation.names.index(path))
        elif neighbours is not None and path in neighbours.names:
            row = neighbours.names.index(path)
            image = {
                **_image(path, "train", neighbours.class_names[neighbours.labels[row]]),
                "image": data_uri(neighbours.thumbnail(row)),
            }
        if image is None:
            return {"note": _not_kept(path), "images": []}
        return {"note": None, "images": _with_corrections([image], self._corrections())}

    def decide(self, body: Any) -> dict[str, Any]:
        """Keep one decision at once.

        Args:
            body: `path`, `action` (`keep`, `drop`, `relabel`, or null to take a decision back), and `label` where that
                is `relabel`.

        Returns:
            What `_state` tells.

        Raises:
            UsageError: it is no decision, or about an image that the run does not know.
            DataError: an unknown action or class, or the corrections file is damaged.
            StorageError: the disk is full or may not be written to.
        """
        path, action, label = decision(body)
        if self._served.run is None:
            raise UsageError(str(self._why_not()))
        with files.changing(self._file):  # a decision is a change of the whole file, which others may serve too
            corrections = self._corrections()
            if path not in self._paths and path not in {one.path for one in corrections.lines}:
                raise UsageError(_not_kept(path))
            changed = corrections.decided([(path, action, label)])
            changed.check(self._served.classifier.class_names)
            write_corrections(self._file, changed)
        return self._state(changed)

    @property
    def _file(self) -> Path:
        return (self._served.run or self._served.folder) / "corrections.csv"

    def _corrections(self) -> Corrections:
        """Read each time: a person may have edited the file. It begins with what the run was trained with."""
        if self._file.exists():
            return read_corrections(self._file, self._served.classifier.class_names)
        return Corrections.from_json(self._config.get("corrections", {}).get("lines", []))

    def _state(self, corrections: Corrections) -> dict[str, Any]:
        """`corrections` (how many), the `file`, the `command` that obeys it, null as long as there is no file.

        The `remark` is a sentence where corrections are of validation images, else null.
        """
        command = self._command if self._file.exists() else None
        validation = self._validation_names()
        [remark] = validation_note(corrections.lines, validation) or [None]
        return {
            "corrections": len(corrections.lines),
            "file": str(self._file),
            "command": command,
            "remark": remark,
        }

    def _validation_names(self) -> list[str]:
        try:
            answers = self._served.validation
        except ArtifactError:  # the decision is kept all the same
            return []
        return [] if answers is None else answers.names

    @cached_property
    def _config(self) -> dict[str, Any]:
        return {} if self._served.run is None else open_run(self._served.run)[1]

    @property
    def _command(self) -> str:
        return retrain_command(self._config, self._served.run or self._served.folder, self._file)

    def _why_not(self) -> str | None:
        if self._served.run is None:
            return "Only a RUN folder can be corrected, and this is a model folder; serve the RUN folder."
        if self._served.validation is None and self._served.neighbours is None:
            return "This run keeps no images to correct; train again, without --no-neighbours."
        return None

    @cached_property
    def _paths(self) -> frozenset[str]:
        kept = (self._served.validation, self._served.neighbours)
        return frozenset(name for set_name in kept if set_name is not None for name in set_name.names)

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


def _answered(answers: ValidationAnswers, row: int) -> dict[str, Any]:
    """The validation image of a row."""
    answer, label = (answers.class_names[of[row]] for of in (answers.answers, answers.labels))
    thumbnail = answers.thumbnail(row)
    return {
        **_image(answers.names[row], "validation", label),
        "suggestion": None if answer == label else answer,
        "answer": answer,
        "probability": float(answers.probabilities[row]),
        "image": None if thumbnail is None else data_uri(thumbnail),
    }


def _doubtful(doubt: Doubt) -> dict[str, Any]:
    return {
        **_image(doubt.path, "train", doubt.label),
        "suggestion": doubt.suggestion,
        "share": doubt.share,
        "image": data_uri(doubt.thumbnail),
    }


def _image(path: str, set_name: str, label: str) -> dict[str, Any]:
    """One image as the page knows it; what is not known of it is null."""
    return {
        "path": path,
        "set": set_name,
        "label": label,
        "suggestion": None,
        "answer": None,
        "probability": None,
        "share": None,
        "image": None,
    }


def _not_kept(path: str) -> str:
    return (
        f"This run keeps no image called {path[:200]!r}; it keeps only a part of them: write it into the corrections."
    )


def _with_corrections(images: list[dict[str, Any]], corrections: Corrections) -> list[dict[str, Any]]:
    decided = {one.path: {"action": one.action, "label": one.label} for one in corrections.lines}
    return [{**image, "correction": decided.get(image["path"])} for image in images]


def decision(body: Any) -> tuple[str, str | None, str]:
    """Path, action and label of one decision as the page sends it.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(body, dict):
        raise UsageError("A decision is a JSON object with path, action and label.")
    path, action, label = body.get("path"), body.get("action"), body.get("label") or ""
    if not isinstance(path, str) or not isinstance(label, str) or not isinstance(action, str | None):
        raise UsageError("A decision's path, action and label are texts; the action may be null.")
    return path, action, label


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UsageError(f"Expected {name} to be a whole number. Received: {name}={text[:40]!r}.")
    return int(text)

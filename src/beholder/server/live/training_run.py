"""A training run as its page asks for it: events, state, snapshots, and the buttons that stop it and go on with it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from beholder import files
from beholder.errors import RunError
from beholder.figures.pixels import window_image
from beholder.figures.png import png_uri
from beholder.runs.run_folder import Run, decided, open_run, read_document
from beholder.runs.snapshots import read_shown, read_snapshot
from beholder.server import static_files
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.numbers import number
from beholder.server.live.following import Follower

_RUNNING = ("running", "stopping")
# What nginx is told so that it passes each event on at once.
_AT_ONCE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_KEPT_SECONDS = 5.0  # that a snapshot is kept as it is sent


class TrainingRun:
    """What the page asks of one run.

    Args:
        run: the RUN folder.
        served: whether its classifier is served beside it: the page then links there, and has no buttons, since whoever
            may ask a classifier need not be the one who trains it.
    """

    follower: Follower

    def __init__(self, run: Run, *, served: bool = False) -> None:
        self.run = run
        self.served = served
        self.child: asyncio.subprocess.Process | None = None
        self.problem: str | None = None  # why it could not go on
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: dict[int, tuple[float, asyncio.Task[bytes | None]]] = {}

    def routes(self) -> list[BaseRoute]:
        """The page and all that it asks."""
        routes: list[BaseRoute] = [
            Route("/watch", static_files.page("watch.html")),
            Route("/watch/events", self.events),
            Route("/watch/state", self.state),
            Route("/watch/images", self.images),
            Route("/watch/snapshots/{epoch}", self.snapshot),
        ]
        if not self.served:
            routes.append(Route("/watch/stop", self.stop, methods=["POST"]))
            routes.append(Route("/watch/resume", self.resume, methods=["POST"]))
        return routes

    def follow(self, app: Starlette) -> None:
        """Follow the event log for as long as `app`, as `assemble` made it, is not asked to end."""
        self.follower = Follower(self.run, app.state.closing)

    async def events(self, request: Request) -> Response:
        """The events as server-sent events; `Last-Event-ID` is the byte offset in the log after the last one."""
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else 0
        return StreamingResponse(self.follower.stream(after), media_type="text/event-stream", headers=_AT_ONCE)

    async def state(self, _: Request) -> Response:
        """How the run fares and what it is: as in `Follower.state`, with what was asked for."""
        self.follower.look()
        config = decided(open_run(self.run.path)[1])
        facts = {name: config.get(name) for name in ("data", "model", "budget", "seed", "created", "command")}
        name = self.run.path.resolve().name
        facts["kind"] = self._kind()
        state = {**self.follower.state(), "problem": self.problem, "served": self.served}
        return EscapedJSON({"run": name, **facts, **state})

    def _kind(self) -> str:
        """Whether it learns from images or from sounds; images as long as the run does not say."""
        try:
            rules = read_document(self.run.data_file, missing="").get("rules")
        except RunError:
            return "image"
        return str(rules.get("kind", "image")) if isinstance(rules, dict) else "image"

    async def images(self, _: Request) -> Response:
        """The validation images that are followed, with their labels; none before the first snapshot."""
        shown = await asyncio.to_thread(read_shown, self.run)
        if shown is None:
            return EscapedJSON({"class_names": [], "images": []})
        return EscapedJSON(
            {
                "class_names": shown.class_names,
                "images": [
                    {"image": png_uri(image), "label": int(label)}
                    for image, label in zip(shown.images, shown.labels, strict=True)
                ],
            }
        )

    async def snapshot(self, request: Request) -> Response:
        """What was answered at the end of an epoch."""
        document = await asyncio.shield(self._told(number(request, "epoch")))
        if document is None:
            raise HTTPException(404)
        return Response(document, media_type="application/json")

    def _told(self, epoch: int) -> asyncio.Task[bytes | None]:
        """The snapshot as it is sent, made once for all who ask within a few seconds: they all hear of it at once."""
        now = time.monotonic()
        self._telling = {one: told for one, told in self._telling.items() if now - told[0] < _KEPT_SECONDS}
        if epoch not in self._telling:
            task = asyncio.create_task(asyncio.to_thread(_snapshot_document, self.run, epoch))
            self._telling[epoch] = now, task
        return self._telling[epoch][1]

    async def stop(self, _: Request) -> Response:
        """Ask the training to stop after its running step."""
        self.follower.look()
        if self.follower.state()["state"] not in _RUNNING:
            raise HTTPException(409, "Nobody trains this run now; there is nothing to stop.")
        await asyncio.to_thread(files.write_bytes, self.run.stop_file, b"")
        self.follower.look()
        return EscapedJSON(self.follower.state())

    async def resume(self, _: Request) -> Response:
        """Go on with the run in a process of its own, which outlives this one."""
        self.follower.look()
        state = self.follower.state()["state"]
        if state in _RUNNING or (self.child is not None and self.child.returncode is None):
            raise HTTPException(409, "This run is being trained already.")
        if state == "finished":
            raise HTTPException(409, "This run is finished; there is nothing to go on with.")
        self.problem = None
        told = tempfile.TemporaryFile()  # noqa: SIM115 - closed once the child has ended; a pipe would end with us
        self.child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "beholder", "train", "--resume", str(self.run.path), "--progress", "none"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=told,
            start_new_session=True,  # Ctrl-C here is not meant for it
        )
        task = asyncio.create_task(self._attend(self.child, told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return EscapedJSON(self.follower.state())

    async def _attend(self, child: asyncio.subprocess.Process, told: Any) -> None:
        """Keep the last sentence of a child that failed."""
        with told:
            if await child.wait() != 0:
                told.seek(0)
                lines = told.read().decode("utf-8", "replace").strip().splitlines()
                self.problem = lines[-1].removeprefix("Error: ") if lines else "Training ended without a word."


def _snapshot_document(run: Run, epoch: int) -> bytes | None:
    snapshot = read_snapshot(run, epoch)
    if snapshot is None:
        return None
    probabilities = np.nan_to_num(snapshot.probabilities)  # of a loss that is no number any more
    confusion, filters = snapshot.confusion, snapshot.filters
    document = {
        "epoch": epoch,
        "answers": [{"answer": int(row.argmax()), "probability": round(float(row.max()), 4)} for row in probabilities],
        "confusion": None if confusion is None else confusion.tolist(),
        "filters": [] if filters is None else [png_uri(window_image(window)) for window in filters],
    }
    return json.dumps(document, allow_nan=False).encode("ascii")

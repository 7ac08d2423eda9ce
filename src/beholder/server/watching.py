"""A training run, live: its page, its events, its snapshots, and the buttons that stop it and go on with it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from beholder import files
from beholder.figures.maps import window_picture
from beholder.runs.folder import Run, open_run
from beholder.runs.snapshots import read_shown, read_snapshot
from beholder.server import pages
from beholder.server.app import assemble
from beholder.server.encoding import EscapedJSON, data_uri
from beholder.server.following import Follower
from beholder.server.limits import Limits
from beholder.server.metrics import Metrics
from beholder.server.run import Ready, listening, run_app
from beholder.server.security import Hosts

PORT = 8001  # beside that of `serve`
_RUNNING = ("running", "stopping")


def watch(
    run: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    allow_hosts: Iterable[str] = (),
    ready: Ready = print,
) -> None:
    """Show the training of `run`, running or not, on a page, until SIGINT or SIGTERM.

    Args:
        run: a RUN folder.
        host: the address to listen at; only this machine by default.
        port: 0 takes a free one.
        allow_hosts: further names that requests may come under, such as that of a proxy in front.
        ready: hears the address, once requests are taken.

    Raises:
        RunError: it is not a RUN folder, or damaged.
        UsageError: the address is taken or not this machine's.
    """
    opened, _ = open_run(Path(run))
    with listening(host, port) as listener:
        run_app(create_app(opened, Hosts(host, allow_hosts)), listener, ready)


def create_app(run: Run, hosts: Hosts | None = None) -> Starlette:
    """The page over `run`.

    Args:
        run: the RUN folder.
        hosts: the names that it answers to; loopback where None.
    """
    room = Room(run)
    routes: list[BaseRoute] = [
        Route("/", pages.page("watch.html")),  # in the place of that of `pages`, which asks a classifier
        Route("/watch", pages.page("watch.html")),
        Route("/watch/events", room.events),
        Route("/watch/state", room.state),
        Route("/watch/pictures", room.pictures),
        Route("/watch/snapshots/{epoch:int}", room.snapshot),
        Route("/watch/stop", room.stop, methods=["POST"]),
        Route("/watch/resume", room.resume, methods=["POST"]),
        *pages.routes(),
    ]
    app = assemble(routes, hosts or Hosts(), Limits(), Metrics())
    room.follower = Follower(run, app.state.closing)
    return app


class Room:
    """What the page asks of one run.

    Args:
        run: the RUN folder.
    """

    follower: Follower

    def __init__(self, run: Run) -> None:
        self.run = run
        self.child: asyncio.subprocess.Process | None = None
        self.problem: str | None = None  # why it could not go on
        self._tasks: set[asyncio.Task[None]] = set()

    async def events(self, request: Request) -> Response:
        """The events as server-sent events; `Last-Event-ID` is the byte offset in the log after the last one."""
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else 0
        return StreamingResponse(
            self.follower.stream(after), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def state(self, _: Request) -> Response:
        """How the run fares and what it is: as in `Follower.state`, with what was asked for."""
        self.follower.look()
        config = open_run(self.run.path)[1]
        facts = {name: config.get(name) for name in ("data", "model", "budget", "seed", "created", "command")}
        return EscapedJSON(
            {"run": self.run.path.resolve().name, **facts, **self.follower.state(), "problem": self.problem}
        )

    async def pictures(self, _: Request) -> Response:
        """The validation pictures that are followed, with their labels; none before the first snapshot."""
        shown = await asyncio.to_thread(read_shown, self.run)
        if shown is None:
            return EscapedJSON({"class_names": [], "pictures": []})
        return EscapedJSON(
            {
                "class_names": shown.class_names,
                "pictures": [
                    {"picture": data_uri(picture), "label": int(label)}
                    for picture, label in zip(shown.pictures, shown.labels, strict=True)
                ],
            }
        )

    async def snapshot(self, request: Request) -> Response:
        """What was answered at the end of an epoch."""
        epoch = request.path_params["epoch"]
        if epoch >= 10**9:
            raise HTTPException(404)
        document = await asyncio.to_thread(_snapshot_document, self.run, epoch)
        if document is None:
            raise HTTPException(404)
        return EscapedJSON(document)

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


def _snapshot_document(run: Run, epoch: int) -> dict[str, Any] | None:
    snapshot = read_snapshot(run, epoch)
    if snapshot is None:
        return None
    probabilities, confusion, filters = snapshot.probabilities, snapshot.confusion, snapshot.filters
    return {
        "epoch": epoch,
        "answers": [{"answer": int(row.argmax()), "probability": round(float(row.max()), 4)} for row in probabilities],
        "confusion": None if confusion is None else confusion.tolist(),
        "filters": [] if filters is None else [data_uri(window_picture(window)) for window in filters],
    }

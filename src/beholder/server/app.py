"""The application: the routes of every module, from top to bottom, behind the guard and the limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.errors import BeholderError, BusyError, ReplacedError, StorageError
from beholder.runs.run_folder import Run
from beholder.server import interface, static_files
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.request_limits import BoundedBodies, Limits
from beholder.server.guard.security import Guard
from beholder.server.live.training_run import TrainingRun
from beholder.server.prometheus import Measured, Metrics
from beholder.server.served import Served
from beholder.server.tabs import ask, correct, judge, look_inside, sounds


def classifier_app(served: Served, hosts: Hosts | None = None) -> Starlette:
    """The page and the HTTP interface over `served`.

    Args:
        served: an opened classifier; the application closes its workers when it ends.
        hosts: the names that it answers to; loopback where None.
    """
    routes: list[BaseRoute] = [
        *interface.routes(served),
        *ask.routes(served),
        *sounds.routes(served),
        *look_inside.routes(served),
        *judge.routes(served),
        *correct.routes(served),
        *static_files.routes(),
    ]
    training = None if served.run is None else TrainingRun(Run(served.run), served=True)

    async def watched(_: Request) -> Response:
        """Where it is shown how the classifier was trained."""
        return EscapedJSON({"address": None if training is None else "watch"})

    routes.append(Route("/page/watch", watched))
    if training is not None:
        routes += training.routes()
    app = assemble(
        routes,
        hosts or Hosts(),
        served.limits,
        served.metrics,
        at_end=served.workers.close,
        microphone=served.kind == "sound",
    )
    if training is not None:
        training.follow(app)
    return app


def assemble(
    routes: Sequence[BaseRoute],
    hosts: Hosts,
    limits: Limits,
    metrics: Metrics,
    at_end: Callable[[], None] = lambda: None,
    microphone: bool = False,
) -> Starlette:
    """An application of `routes` with all that keeps it safe; errors are JSON objects with one sentence, `error`.

    `microphone` lets the page ask for the microphone.

    `app.state.closing` is an `asyncio.Event` that is set when the server is asked to end: answers that never end by
    themselves must watch it.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(at_end)

    paths = frozenset(route.path for route in routes if isinstance(route, Route))
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Measured, metrics=metrics, paths=paths),
            Middleware(Guard, hosts=hosts, microphone=microphone),
            Middleware(BoundedBodies, limits=limits),
        ],
        exception_handlers={
            HTTPException: _http_error,
            BeholderError: _refused,
            ClientDisconnect: _gone,
            Exception: _fault,
        },
    )
    app.state.closing = asyncio.Event()
    return app


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentences = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    return EscapedJSON(
        {"error": sentences.get(error.status_code, error.detail)}, error.status_code, dict(error.headers or {})
    )


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, BusyError):
        return EscapedJSON({"error": str(error)}, 503, {"Retry-After": str(error.retry_after)})
    status = 507 if isinstance(error, StorageError) else 409 if isinstance(error, ReplacedError) else 400
    return EscapedJSON({"error": str(error)}, status)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _fault(_: Request, __: Exception) -> Response:
    return EscapedJSON({"error": "This is a fault of Beholder's, not yours; its output says more."}, 500)

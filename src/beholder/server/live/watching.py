"""`beholder watch`: a server of its own for the page of a training run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from beholder.arguments import checked_arguments
from beholder.runs.run_folder import Run, open_run
from beholder.server import HOST, WATCH_PORT, static_files
from beholder.server.app import assemble
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.request_limits import Limits
from beholder.server.guard.root_path import checked_root_path
from beholder.server.live.training_run import TrainingRun
from beholder.server.prometheus import Metrics
from beholder.server.serving import Ready, bound_socket, refuse_running_loop, run_app


@checked_arguments()
def watch(
    run: str | Path,
    *,
    host: str = HOST,
    port: int = WATCH_PORT,
    allow_hosts: Iterable[str] = (),
    root_path: str = "",
    ready: Ready = print,
) -> None:
    """Show the training of `run`, running or not, on a page, until SIGINT or SIGTERM.

    Args:
        run: a RUN folder.
        host: the address to listen at; only this machine by default.
        port: 0 takes a free one.
        allow_hosts: further names that requests may come under, such as that of a proxy in front.
        root_path: the path under which a proxy serves this, such as `/photos`, where it leaves that on.
        ready: hears the address, once requests are taken.

    Raises:
        RunError: it is not a RUN folder, or damaged.
        UsageError: the address is taken or not this machine's, a name or path is none, or an event loop is running.
    """
    refuse_running_loop("watch")
    opened, _ = open_run(Path(run))
    hosts, path = Hosts(host, allow_hosts), checked_root_path(root_path)
    with bound_socket(host, port) as listener:
        run_app(watch_app(opened, hosts), listener, ready, path)


def watch_app(run: Run, hosts: Hosts | None = None) -> Starlette:
    """The page over `run`.

    Args:
        run: the RUN folder.
        hosts: the names that it answers to; loopback where None.
    """
    room = TrainingRun(run)
    # In the place of the `/` of `static_files`, which asks a classifier.
    routes: list[BaseRoute] = [Route("/", static_files.page("watch.html")), *room.routes(), *static_files.routes()]
    app = assemble(routes, hosts or Hosts(), Limits(), Metrics())
    room.follow(app)
    return app

"""Runs an application until it is asked to end: accepted work is finished, nothing new is taken."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from uvicorn.server import HANDLED_SIGNALS

from beholder.arguments import checked_arguments
from beholder.errors import UsageError
from beholder.runs.audit_folder import is_audit_folder
from beholder.server import HOST, PORT
from beholder.server.app import classifier_app
from beholder.server.audit_page import audit_app
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.patience import IDLE_SECONDS, LINGERING, PatientProtocol
from beholder.server.guard.root_path import RootPath, checked_root_path
from beholder.server.served import open_served

_BACKLOG = 2048
_LAST_SECONDS = 30  # that accepted work has once the server is asked to end
_RESERVE = 100 + LINGERING  # open files that are not connections, or connections that are turned away

Ready = Callable[[str], None]


@checked_arguments()
def serve(
    run: str | Path,
    *,
    host: str = HOST,
    port: int = PORT,
    allow_hosts: Iterable[str] = (),
    root_path: str = "",
    exact: bool = False,
    ready: Ready = print,
) -> None:
    """Serve the classifier of `run` to people and programs, or the page of an audit, until SIGINT or SIGTERM.

    Args:
        run: a RUN folder, a model folder or an AUDIT folder.
        host: the address to listen at; only this machine by default.
        port: 0 takes a free one.
        allow_hosts: further names that requests may come under, such as that of a proxy in front.
        root_path: the path under which a proxy serves this, such as `/photos`, where it leaves that on.
        exact: answer in float32, also where an int8 model is at hand.
        ready: hears the address, once requests are taken.

    Raises:
        ArtifactError: the model is missing, damaged or too new.
        RunError: the audit is damaged or too new.
        UsageError: the address is taken or not this machine's, a name or path is none, or an event loop is running.
    """
    refuse_running_loop("serve")
    hosts, path = Hosts(host, allow_hosts), checked_root_path(root_path)
    with bound_socket(host, port) as listener:
        if is_audit_folder(Path(run)):
            app = audit_app(Path(run), hosts)
        else:
            app = classifier_app(open_served(run, exact=exact), hosts)
        run_app(app, listener, ready, path)


@contextmanager
def bound_socket(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to `host` and `port`.

    Raises:
        UsageError: the address is taken, not this machine's, or not permitted.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"Cannot listen at {host!r} ({_reason(error)}); check --host.") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise UsageError(
                f"Cannot listen at {host!r}, port {port} ({_reason(error)}); choose another --port or --host."
            ) from error
        yield listener


def run_app(app: Starlette, listener: socket.socket, ready: Ready, root_path: str = "") -> None:
    """Serve `app` on `listener` until SIGINT or SIGTERM, and tell `ready` the address once requests are taken."""
    PatientProtocol.most = _connections()
    config = uvicorn.Config(
        RootPath(app, root_path),
        http=PatientProtocol,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",  # what strangers send is no news
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    _Server(config, app, lambda address: ready(f"{address}{root_path}/")).run(sockets=[listener])


def refuse_running_loop(name: str) -> None:
    """Say how the function called `name`, which runs an event loop of its own, is called within one.

    Raises:
        UsageError: an event loop is running in this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "An event loop is running in this thread, as in a notebook or an async function; write "
        f"`await asyncio.to_thread(beholder.{name}, run)`, or run `beholder {name}` in a terminal."
    )


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - only compared
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn's server, which tells when it is ready, and ends well when it is asked to."""

    def __init__(self, config: uvicorn.Config, app: Starlette, ready: Ready) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._ready(_address(sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        closing: asyncio.Event = self._app.state.closing
        closing.set()  # streams end by themselves
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike Uvicorn's it does not raise the signal again: a server that was asked to end has not failed.

        And Ctrl-C stays ignored where it is, as a shell does it for what it runs in the background.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        caught = [one for one in HANDLED_SIGNALS if not (ignored and one == signal.SIGINT)]
        before = {one: signal.signal(one, self.handle_exit) for one in caught}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _connections() -> int:
    """How many may be open at once: each takes a file, of which systems allow a process few unless it asks."""
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return PatientProtocol.most
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = PatientProtocol.most + _RESERVE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return PatientProtocol.most if soft == resource.RLIM_INFINITY else min(PatientProtocol.most, soft - _RESERVE)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error)

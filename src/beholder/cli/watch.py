"""beholder watch RUN: a training run, live, in the browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.cli.console import address_teller, say
from beholder.cli.options import json_option, run_argument, server_options
from beholder.server import WATCH_PORT

if TYPE_CHECKING:
    from beholder.runs.events import Event, Listener


@click.command(short_help="Watch a training run in the browser.")
@run_argument
@server_options(WATCH_PORT)
@json_option
@click.option("--while-parent-lives", is_flag=True, hidden=True)
def watch(run: Path, as_json: bool, while_parent_lives: bool, **address: Any) -> None:
    """Show the training of RUN in the browser, live or afterwards: curves, answers, filters.

    The page can stop the training and continue it. Closing the page, or ending this command with Ctrl+C or SIGTERM,
    leaves the training alone. With --json the address is printed as JSON once the page is ready.
    """
    from beholder.server.live.watching import watch as run_server

    if while_parent_lives:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    ready = address_teller("Watching", run, as_json=as_json)
    run_server(run, ready=ready, **address)


@contextmanager
def watched(run: Path, listener: Listener) -> Iterator[Listener]:
    """A listener that, as training begins, starts a process that shows `run`, tells its address, and passes all on."""
    watchers: list[subprocess.Popen[str]] = []

    def hear(event: Event) -> None:
        if event["event"] == "framework" and not watchers:
            options = ["--port", "0", "--json", "--while-parent-lives"]  # also when training is killed
            command = [sys.executable, "-m", "beholder", "watch", *options, "--", str(run)]
            watchers.append(
                subprocess.Popen(  # noqa: S603 - our own command
                    command,
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,  # Ctrl-C stops training, and the page is to show how
                )
            )
        listener(event)
        if event["event"] == "start":  # seconds later, so that nothing waits
            address = _address(watchers[0])
            say(f"Watch it at {address} until it ends." if address else "Its page did not start.", err=True)

    try:
        yield hear
    finally:
        for watcher in watchers:
            watcher.terminate()
            watcher.communicate()


def _end_with_parent(parent: int) -> None:
    """Ask this process to end once another one has become its parent."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _address(watcher: subprocess.Popen[str]) -> str | None:
    lines: list[str] = []
    for line in watcher.stdout or ():
        lines.append(line)
        if line.startswith("}"):
            return str(json.loads("".join(lines))["address"])
    return None

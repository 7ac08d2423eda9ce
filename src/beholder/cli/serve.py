"""beholder serve RUN: a page for people and an HTTP interface for programs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from beholder.cli.console import print_json
from beholder.cli.options import exact_option, json_option, run_argument

PORT = 8000


@click.command(short_help="A web page and an HTTP interface, without TensorFlow.")
@run_argument()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is every one.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="A further name for this server; repeatable."
)
@exact_option
@json_option
def serve(run: Path, host: str, port: int, allow_hosts: tuple[str, ...], exact: bool, as_json: bool) -> None:
    """Serve the classifier of RUN: a page to ask it and look inside, and POST /predict for programs.

    Only this machine reaches it unless --host says otherwise: it asks nobody for a password. Ends with Ctrl+C or
    SIGTERM, after it has answered what it accepted. With --json the address is printed as JSON once it is ready.
    """
    from beholder.server.run import serve as run_server

    def ready(address: str) -> None:
        if as_json:
            print_json({"schema": 1, "address": address, "process": os.getpid()})
        else:
            click.echo(f"Serving {str(run)!r} at {address} (Ctrl+C ends it)")

    run_server(run, host=host, port=port, allow_hosts=allow_hosts, exact=exact, ready=ready)

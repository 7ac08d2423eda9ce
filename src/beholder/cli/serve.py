"""beholder serve RUN: a page for people and an HTTP interface for programs; of an audit, a page to decide in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from beholder.cli.console import address_teller
from beholder.cli.options import exact_option, json_option, run_argument, server_options
from beholder.server import PORT


@click.command(short_help="Serve a web page and an HTTP interface, without TensorFlow.")
@run_argument
@server_options(PORT)
@exact_option
@json_option
def serve(run: Path, exact: bool, as_json: bool, **address: Any) -> None:
    """Serve the classifier of RUN: a page to try it and to look inside, and POST /predict for programs.

    If RUN is the folder of an audit, the page is one to decide in, and saves each decision to corrections.csv at once.

    There is no password, so only this machine can reach the server unless --host says otherwise. It ends with Ctrl+C or
    SIGTERM, once it has answered what it has accepted. With --json the address is printed as JSON once it is ready.
    """
    from beholder.server.serving import serve as run_server

    ready = address_teller("Serving", run, as_json=as_json)
    run_server(run, exact=exact, ready=ready, **address)

"""The page of an audit: its gallery, and each decision kept in `AUDIT/corrections.csv`, never in a person's folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder.data.corrections import Corrections
from beholder.errors import DataError, RunError, UsageError
from beholder.report.gallery import policy
from beholder.report.reproduction import train_command
from beholder.runs.audit_folder import open_audit_folder
from beholder.schema import why_damaged
from beholder.server.app import assemble
from beholder.server.decisions import Decisions
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.request_limits import Limits, read_json
from beholder.server.prometheus import Metrics


def audit_app(audit: Path, hosts: Hosts | None = None) -> Starlette:
    """The page over the AUDIT folder `audit`.

    Args:
        audit: the folder.
        hosts: the names that it answers to; loopback where None.

    Raises:
        RunError: the folder is damaged, or its gallery is not what this Beholder writes.
        DataError: its corrections file is damaged.
    """
    folder, document = open_audit_folder(audit)
    decisions, named = _findings(folder.corrections_file, document, folder.findings_file)
    gallery = _gallery(folder.gallery_file)
    limits = Limits()
    decisions.read()  # a corrections file that cannot be read is told now

    def state(corrections: Corrections) -> Response:
        """The decisions so far, the file that they are in, and the command that obeys it."""
        file = str(decisions.file)
        command = train_command(document["data"], {**(document.get("options") or {}), "corrections": file})
        rows = [one.to_json() for one in corrections.lines]
        return EscapedJSON({"decisions": rows, "file": file, "command": command})

    async def show(_: Request) -> Response:
        # The policy of the server would let the page run none of its own script; this one lets it run that alone.
        headers = {"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'", "Cache-Control": "no-cache"}
        return Response(gallery, media_type="text/html", headers=headers)

    async def read(_: Request) -> Response:
        return state(await asyncio.to_thread(decisions.read))

    async def write(request: Request) -> Response:
        """Keep a list of decisions as one change."""
        body = await read_json(request, limits)
        if not isinstance(body, list):
            raise UsageError("Decisions are a JSON list of objects with path, action and label.")
        unknown = "The audit found nothing about {}; write it into the corrections file."
        return state(await asyncio.to_thread(decisions.decide, body, named, unknown))

    routes: list[BaseRoute] = [
        Route("/", show),
        Route("/decisions", read, methods=["GET"]),
        Route("/decisions", write, methods=["POST"]),
    ]
    return assemble(routes, hosts or Hosts(), limits, Metrics())


def _findings(file: Path, document: dict[str, Any], source: Path) -> tuple[Decisions, frozenset[str]]:
    """What was decided, and the names of the images that something was found about."""
    try:
        decisions = Decisions(file, document["class_names"], Corrections.from_json(document["decisions"]))
        return decisions, frozenset(path for one in document["findings"] for path in one["paths"])
    except (TypeError, KeyError, DataError) as error:
        raise RunError(f"{str(source)!r} is damaged ({why_damaged(error)}); audit again into a new folder.") from error


def _gallery(path: Path) -> bytes:
    """The page, if its script is the one that this Beholder writes: no other is ever run at this address."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"Cannot read {str(path)!r} ({error.strerror}); audit again into a new folder.") from error
    if policy().encode() not in content:
        raise RunError(
            f"{str(path)!r} is not a page that this version of Beholder wrote; audit again into a new folder, or open "
            "the file itself and save your decisions there."
        )
    return content

"""The page of an audit: its gallery, and each decision kept in `AUDIT/corrections.csv`, never in a person's folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholder import files
from beholder.data.corrections import Corrections, read_corrections, train_command, write_corrections
from beholder.errors import DataError, RunError, UsageError
from beholder.report.gallery import policy
from beholder.runs.audit_folder import open_audit_folder
from beholder.server.app import assemble
from beholder.server.encoding import EscapedJSON
from beholder.server.guard.request_limits import Limits, read_json
from beholder.server.guard.security import Hosts
from beholder.server.prometheus import Metrics
from beholder.server.tabs.correct import decision


def create_app(audit: Path, hosts: Hosts | None = None) -> Starlette:
    """The page over the AUDIT folder `audit`.

    Args:
        audit: the folder.
        hosts: the names that it answers to; loopback where None.

    Raises:
        RunError: the folder is damaged, or its gallery is not what this Beholder writes.
        DataError: its corrections file is damaged.
    """
    desk, limits = Desk(audit), Limits()
    gallery = _gallery(desk.folder.gallery_file)
    desk.state()  # a corrections file that cannot be read is told now

    async def show(_: Request) -> Response:
        # The policy of the server would let the page run none of its own script; this one lets it run that alone.
        headers = {"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'", "Cache-Control": "no-cache"}
        return Response(gallery, media_type="text/html", headers=headers)

    async def read(_: Request) -> Response:
        """What was decided so far."""
        return EscapedJSON(await asyncio.to_thread(desk.state))

    async def write(request: Request) -> Response:
        """Keep decisions, a list of `path`, `action` (null takes one back) and `label`, as one change."""
        try:
            body = await read_json(request, limits)
        except (ValueError, RecursionError) as error:
            raise UsageError("Decisions are a JSON list; what came is no JSON.") from error
        return EscapedJSON(await asyncio.to_thread(desk.decide, body))

    routes: list[BaseRoute] = [
        Route("/", show),
        Route("/decisions", read, methods=["GET"]),
        Route("/decisions", write, methods=["POST"]),
    ]
    return assemble(routes, hosts or Hosts(), limits, Metrics())


class Desk:
    """An audit's images and its corrections.

    Args:
        audit: the AUDIT folder.

    Raises:
        RunError: the folder is damaged.
    """

    def __init__(self, audit: Path) -> None:
        self.folder, self._document = open_audit_folder(audit)
        try:
            self._before = Corrections.from_json(self._document["decisions"])
            self._paths = frozenset(path for one in self._document["findings"] for path in one["paths"])
        except (TypeError, KeyError, DataError) as error:
            raise RunError(
                f"{str(self.folder.findings_file)!r} is damaged ({error}); audit again into a new folder."
            ) from error

    def state(self) -> dict[str, Any]:
        """`decisions` so far, the `file` that they are in, and the `command` that obeys it.

        Raises:
            DataError: the corrections file is damaged.
        """
        return self._state(self._corrections())

    def decide(self, body: Any) -> dict[str, Any]:
        """Keep decisions at once, all or none.

        Args:
            body: a list of decisions, as `corrections.decision` takes them.

        Returns:
            As `state`.

        Raises:
            UsageError: it is no such list, or about an image that the audit does not name.
            DataError: an unknown action or class, or the corrections file is damaged.
            StorageError: the disk is full or may not be written to.
        """
        if not isinstance(body, list):
            raise UsageError("Decisions are a JSON list of objects with path, action and label.")
        decisions = [decision(one) for one in body]
        with files.changing(self.folder.corrections_file):  # a decision is a change of the whole file
            corrections = self._corrections()
            known = self._paths.union(one.path for one in corrections.lines)
            strangers = [path for path, _, _ in decisions if path not in known]
            if strangers:
                raise UsageError(
                    f"The audit found nothing about {strangers[0][:200]!r}; write it into the corrections."
                )
            changed = corrections.decided(decisions)
            changed.check(self._document["class_names"])
            write_corrections(self.folder.corrections_file, changed)
        return self._state(changed)

    def _corrections(self) -> Corrections:
        """Read each time: a person may have edited the file. It begins with what the data were audited with."""
        if self.folder.corrections_file.exists():
            return read_corrections(self.folder.corrections_file, self._document["class_names"])
        return self._before

    def _state(self, corrections: Corrections) -> dict[str, Any]:
        file = str(self.folder.corrections_file)
        return {
            "decisions": [one.to_json() for one in corrections.lines],
            "file": file,
            "command": train_command(self._document["data"], file),
        }


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

"""Reads what a RUN folder holds about itself; parts that are not there yet are None or empty."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.errors import RunError

_SCHEMA = 1


@dataclass(frozen=True)
class RunFiles:
    """A RUN folder's own words.

    Attributes:
        path: the RUN folder.
        config: what was asked for (`config.json`).
        environment: on what machine, with which versions; empty when unknown.
        data: classes, counts and fingerprints; None until the data were read.
        manifest: of the artifact; None until there is one.
        filters: (K, h, w, C) float32, the windows of the first layer; None where it has none.
        evaluation: figures of the test part; None until `beholder evaluate` opened it.
        epochs: the event of each epoch, in order; of an epoch trained again after a resume, the later.
        events: every other event but steps, in order.
    """

    path: Path
    config: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any] | None
    manifest: dict[str, Any] | None
    filters: NDArray[np.float32] | None
    evaluation: dict[str, Any] | None
    epochs: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @property
    def argument(self) -> str:
        """The RUN folder's name as one types it in a shell, in the folder that it is in."""
        return shlex.quote(self.path.name)


def read_run(path: Path) -> RunFiles:
    """Read the RUN folder `path`.

    Raises:
        RunError: it is not a RUN folder, one of its files is damaged, or a newer version wrote it.
    """
    config = _document(path / "config.json")
    if config is None:
        raise RunError(
            f"{str(path)!r} is not a RUN folder (it has no config.json): give the --out of `beholder train`."
        )
    events = _events(path / "events.jsonl")
    epochs = {event["epoch"]: event for event in events if event["event"] == "epoch" and "epoch" in event}
    return RunFiles(
        path=path.resolve(),  # "." has no name
        config=config,
        environment=_document(path / "environment.json") or {},
        data=_document(path / "data.json"),
        manifest=_document(path / "model" / "manifest.json"),
        filters=_filters(path / "model" / "filters.npy"),
        evaluation=_document(path / "evaluation.json"),
        epochs=[epochs[number] for number in sorted(epochs)],
        events=[event for event in events if event["event"] not in ("epoch", "step")],
    )


def _document(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`, None where there is no such file."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RunError(f"Cannot read {str(path)!r} ({error.strerror}): check its permissions.") from error
    except ValueError as error:
        raise RunError(
            f"{str(path)!r} is damaged (it is not JSON): bring it back from a copy or train anew."
        ) from error
    if not isinstance(document, dict):
        raise RunError(f"{str(path)!r} is damaged (it holds no JSON object): bring it back from a copy or train anew.")
    schema = document.get("schema", _SCHEMA)
    if not isinstance(schema, int) or schema > _SCHEMA:
        raise RunError(f"{str(path)!r} has schema {schema!r}, newer than this Beholder reads: update Beholder.")
    return document


def _events(path: Path) -> list[dict[str, Any]]:
    """The lines of the event log that are whole; a run that was cut off may end in half a line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events


def _filters(path: Path) -> NDArray[np.float32] | None:
    """The first layer's windows where there are some that can be drawn; a report does without rather than fail."""
    try:
        filters = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if not isinstance(filters, np.ndarray) or filters.ndim != 4 or filters.size == 0 or filters.dtype.kind != "f":
        return None
    return filters.astype(np.float32)

"""What is needed when training ends, made ready while it runs: a person waits a second or two less."""

from __future__ import annotations

import threading
from contextlib import suppress


def get_ready() -> None:
    """Begin to import what packs a model and writes its report, and to draw and compile what a first report has to."""
    threading.Thread(target=_get_ready, daemon=True).start()


def _get_ready() -> None:
    with suppress(Exception):  # whoever needs it is told
        from beholder.report.page import warm_up
        from beholder.training.export import write_artifact  # noqa: F401

        warm_up()

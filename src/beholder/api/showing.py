"""How long work shows itself to who calls it from Python: in the cell of a notebook, in lines, or not at all."""

from __future__ import annotations

import sys
import time
from typing import Any

from beholder.data.progress import Progress, silent
from beholder.report.cells.progress import Bar, progress_cell
from beholder.runs.events import Event, Listener

_SECONDS = 0.2  # between two pictures of a cell


def in_notebook() -> bool:
    """Whether a cell of a notebook runs this: a shell of IPython with a kernel, to whatever it is connected."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def shown(progress: Progress | bool | None, listener: Listener | None = None) -> tuple[Progress, Listener | None]:
    """What to tell of how far work is, and of the events of a training.

    Args:
        progress: who is told; None: the cell where a notebook runs this, else nobody; True: outside a notebook lines on
            standard error.
        listener: who hears the events beside.
    """
    wanted = in_notebook() if progress is None else progress
    if callable(wanted) or not wanted:
        return wanted if callable(wanted) else silent, listener
    # Imported here, not above: what is told to nobody needs nothing of training.
    from beholder.sessions.training_display import TrainingDisplay

    screen: _Cell | _Lines = _Cell() if in_notebook() else _Lines()
    display = TrainingDisplay(screen)

    def hear(event: Event) -> None:
        display.hear(event)
        if listener is not None:
            listener(event)

    return screen.tell, hear


class _Lines:
    """Standard error: lines that stay, and no bars."""

    def say(self, line: str, *, style: str | None = None) -> None:  # noqa: ARG002 - a terminal has colours
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - asked for

    def begin(self, description: str, total: float | None = None) -> None:
        pass

    def update(self, task: Any, **changes: Any) -> None:
        pass

    def end(self, task: Any) -> None:
        pass

    def tell(self, task: str, done: int, total: int, /) -> None:
        pass


class _Cell:
    """One output of a cell, drawn anew as work goes on.

    IPython replaces the output itself, so that any notebook shows it and keeps its last state. Rich would need widgets
    for that, which are not installed everywhere, and leave nothing in a saved notebook.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[str, bool]] = []  # each with whether it is a warning
        self.bars: dict[Any, Bar] = {}
        self._handle: Any = None
        self._drawn = 0.0

    def say(self, line: str, *, style: str | None = None) -> None:
        self.lines.append((line, style is not None))
        self._draw()

    def begin(self, description: str, total: float | None = None) -> Any:
        task = object()
        self.bars[task] = Bar(description, 0.0, total)
        self._draw()
        return task

    def update(self, task: Any, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self.bars[task], name, value)
        self._draw(soon=True)

    def end(self, task: Any) -> None:
        self.bars.pop(task, None)
        self._draw()

    def tell(self, task: str, done: int, total: int, /) -> None:
        if done >= total:
            self.end(task)
            return
        self.bars[task] = Bar(task, done, total, f"{done:,} of {total:,}")
        self._draw(soon=True)

    def _draw(self, *, soon: bool = False) -> None:
        """Show what there is; `soon`: not more often than eyes follow."""
        now = time.monotonic()
        if (soon and now - self._drawn < _SECONDS) or (self._handle is None and not (self.lines or self.bars)):
            return
        self._drawn = now
        self._handle = _show(progress_cell(self.lines, list(self.bars.values())), self._handle)


def _show(html: str, handle: Any) -> Any:
    """Show `html` in the cell, in the place of what `handle` stands for."""
    from IPython.display import HTML, display

    if handle is None:
        return display(HTML(html), display_id=True)
    handle.update(HTML(html))
    return handle

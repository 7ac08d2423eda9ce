"""Resume: from the last checkpoint of a RUN to what it would have become undisturbed."""

from __future__ import annotations

from pathlib import Path

from beholder.data.opening import Data
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.runs.events import Listener
from beholder.sessions.begin import go_on
from beholder.sessions.launch import launch, process_group
from beholder.sessions.trained import Trained


def resume(
    run: str | Path,
    *,
    data: Data | Source | None = None,
    processes: int | None = None,
    coordinator: str | None = None,
    process: int | None = None,
    listener: Listener | None = None,
    progress: Progress = silent,
) -> Trained:
    """Go on with a run from its last checkpoint; one that is finished is left as it is.

    Args:
        run: the RUN folder.
        data: where the run's data lie now, if they were moved; its arrays, or its `Source`, opened before.
        processes: as for `train`; there may be more or fewer than before.
        coordinator: as for `train`.
        process: as for `train`.
        listener: told each event as it happens.
        progress: told how far reading is.

    Raises:
        RunError: not a RUN folder, another process trains it, or the data is no longer what it was.
    """
    group = process_group(processes, coordinator, process)
    if group is not None:
        return launch(Path(run), data, group, listener, progress)
    return go_on(Path(run), data, listener, progress)

"""Resume: from the last checkpoint of a RUN to what it would have become undisturbed."""

from __future__ import annotations

from pathlib import Path

from beholder.api.showing import shown
from beholder.arguments import checked_arguments, shown_progress
from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.runs.events import Listener
from beholder.sessions.begin import go_on
from beholder.sessions.given_validation import Validation
from beholder.sessions.launch import launch, process_group
from beholder.sessions.trained import Trained


@checked_arguments(progress=shown_progress)
def resume(
    run: str | Path,
    *,
    data: Data | Source | None = None,
    validation: Validation | None = None,
    processes: int | None = None,
    coordinator: str | None = None,
    process: int | None = None,
    listener: Listener | None = None,
    progress: Progress | bool | None = None,
) -> Trained:
    """Go on with a run from its last checkpoint; one that is finished is left as it is.

    Args:
        run: the RUN folder.
        data: where the run's data lie now, if they were moved; its arrays, or its `Source`, opened before.
        validation: as for `train`, where it was given one and the RUN does not keep it: it keeps small arrays.
        processes: as for `train`; there may be more or fewer than before.
        coordinator: as for `train`.
        process: as for `train`.
        listener: told each event as it happens.
        progress: as for `train`.

    Raises:
        RunError: not a RUN folder, another process trains it, or the data is no longer what it was.
    """
    group = process_group(processes, coordinator, process)
    tell, hear = shown(progress, listener)
    if group is not None:
        return launch(Path(run), data, group, hear, tell, validation)
    return go_on(Path(run), data, hear, tell, validation)

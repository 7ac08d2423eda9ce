"""Whether a process works on a folder: it holds a lock on it, which the system takes back when the process dies.

A process number in a file would lie after a kill, once the system gives the number to another process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from beholder.errors import RunError
from beholder.files import fcntl
from beholder.runs.run_folder import Run

_SECONDS = 2.0  # a watcher holds the lock for less than a millisecond


@contextmanager
def training(run: Run) -> Iterator[None]:
    """While inside, this process is the one that trains `run`; requests to stop of earlier times are forgotten.

    Raises:
        RunError: another process trains it.
    """
    with alone(run.path, "trained"):
        run.stop_file.unlink(missing_ok=True)
        try:
            yield
        finally:
            with suppress(OSError):
                run.stop_file.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path, doing: str) -> Iterator[None]:
    """While inside, no other process is in here for `folder`; `doing` says what it is that another one would be.

    Raises:
        RunError: another process is.
    """
    descriptor = _locked(folder, doing)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_trained(run: Run) -> bool | None:
    """Whether a process trains `run` now; None where the system does not tell."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(run.path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # some network file systems
        return None
    finally:
        os.close(descriptor)
    return False


def _locked(folder: Path, doing: str) -> int | None:
    """A descriptor that holds the lock; None where the system has none."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # reading the folder will tell
        return None
    until = time.monotonic() + _SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                os.close(descriptor)
                raise RunError(
                    f"{str(folder)!r} is {doing} by another process just now; wait until it is done."
                ) from error
            time.sleep(0.02)
        except OSError:  # some network file systems
            os.close(descriptor)
            return None
        else:
            return descriptor

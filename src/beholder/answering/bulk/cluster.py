"""Ray, as bulk answers use it: a cluster on this machine or one that is there, silent and without reports."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from beholder.cores import usable_cores
from beholder.errors import BeholderError, ClusterError, UsageError
from beholder.standard_error import muted_standard_error

_STORE = 200_000_000  # bytes of shared memory that a cluster of our own keeps lists of images in
_LONGEST = 27  # bytes of a temporary folder; the names of Ray's sockets in it have 76 more, and 103 at most on a Mac
_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # otherwise Ray warns of what it will do one day
}
# With this, Ray listens at the loopback address and does not look for another one.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[int]:
    """A running cluster: that at `address`, or one on this machine that ends afterwards; how many workers it gets.

    One that the person's own program has started already is used as it is.

    Args:
        address: of a cluster, such as `10.0.0.1:6379` or `auto`; None for one on this machine.
        workers: how many, a core each; all of its cores by default.

    Raises:
        UsageError: Ray is not installed, there are fewer cores than workers, or no temporary folder with a short path.
        ClusterError: there is no cluster at `address`.
    """
    require_ray()
    os.environ.update(_QUIET | ({} if address else _LOOPBACK))
    if address is None:  # else Ray writes one into the person's home folder
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with muted_standard_error():
        import ray

    if ray.is_initialized():
        yield _fitting(workers)
        return
    folder = None
    try:
        if address is None:
            folder = _temporary_folder()
            with muted_standard_error(), _without_reporter():
                ray.init(
                    address="local",
                    num_cpus=workers or usable_cores(),
                    object_store_memory=_STORE,
                    include_dashboard=False,
                    logging_level=logging.CRITICAL,
                    log_to_driver=False,
                    _temp_dir=folder,
                )
        else:
            _join(address)
        yield _fitting(workers)
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def data_settings() -> Iterator[None]:
    """Ray Data without bars and log lines, and with a block for every row, so that parts are handed out one by one."""
    from ray.data import DataContext

    logger = logging.getLogger("ray.data")
    level = logger.level
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of settings that are only copied
        context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True
    context.target_max_block_size = 1
    context.target_min_block_size = 1
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), DataContext.current(context):
            warnings.filterwarnings("ignore", category=UserWarning, module=r"ray\.")  # fewer parts than workers
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Turn what Ray raises into the error that a worker raised, or into one sentence.

    Raises:
        BeholderError: what a worker raised.
        ClusterError: a worker, its machine or the cluster ended.
    """
    import ray.exceptions

    # It needs pyarrow; `require_ray` says so where that is missing.
    from beholder.answering.bulk.locations import first_line

    try:
        yield
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, BeholderError):
            # Ray writes advice of its own below our sentence.
            raise type(cause)(str(cause).splitlines()[0]) from None
        raise
    except ray.exceptions.RayError as error:
        raise ClusterError(f"A worker or the cluster ended ({first_line(error)}); go on with --resume.") from error


def end_with_parent() -> None:
    """Let this process, a worker, be killed when the one that started it ends.

    Ray tells its workers to end themselves; one that waits for a lock at that moment stays for ever (seen once, Ray
    2.60). Linux alone can do this.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def require_ray() -> None:
    """Check that what bulk answers need is installed.

    Raises:
        UsageError: it is not.
    """
    for name in ("ray", "pyarrow"):
        if importlib.util.find_spec(name) is None:
            raise UsageError("Bulk answers need the extra `cluster`; run `pip install 'beholder[cluster]'`.")


def _temporary_folder() -> str:
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  a folder of our own is made in it
        if len(os.fsencode(parent)) <= _LONGEST:
            with suppress(OSError):
                return tempfile.mkdtemp(prefix="bh-", dir=parent)
    raise UsageError(
        f"Ray needs a temporary folder with a path of at most {_LONGEST} characters, and neither "
        f"{tempfile.gettempdir()!r} nor '/tmp' can be used; set TMPDIR to a shorter path."
    )


def _join(address: str) -> None:
    import ray

    try:
        with muted_standard_error():
            ray.init(address=address, logging_level=logging.CRITICAL, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, ImportError, OSError) as error:
        raise ClusterError(
            f"There is no Ray cluster at {address!r} that can be joined; check the address, or leave --address out."
        ) from error


@contextmanager
def _without_reporter() -> Iterator[None]:
    """Ray starts no process for its dashboard.

    Even without the dashboard that process asks addresses of three clouds where it runs (Ray 2.60, `UsageStatsHead`),
    and no setting keeps it from it. Ray goes on without it, as where it cannot be started.
    """
    services: Any = importlib.import_module("ray._private.services")
    start = services.start_api_server
    services.start_api_server = lambda *_, **__: (None, None)
    try:
        yield
    finally:
        services.start_api_server = start


def _fitting(workers: int | None) -> int:
    import ray

    resources: dict[str, Any] = ray.cluster_resources()
    cores = int(resources.get("CPU", 0))
    if cores < (workers or 1):
        raise UsageError(f"Expected at most as many workers as the cluster has cores, {cores}. Received: {workers}.")
    return workers or cores

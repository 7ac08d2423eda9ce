"""Training over processes: starts those of this machine, hears them, and ends all when one is lost."""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from beholder import errors
from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import BeholderError, ClusterError, UsageError
from beholder.runs.events import Listener
from beholder.runs.run_folder import Run
from beholder.sessions.folds import check_folds
from beholder.sessions.interruption import hearing_once
from beholder.sessions.request import TrainRequest
from beholder.sessions.trained import Trained
from beholder.training.steps import framework

_LAST_BYTES = 4000
GRACE_SECONDS = 10.0  # in which the others may say why, once one process has ended


@dataclass(frozen=True)
class ProcessGroup:
    """Which processes train together.

    Attributes:
        count: how many.
        coordinator: host and port at which process 0 listens; None: all of them run on this machine.
        process: which one this is, from 0; None: all of them.
    """

    count: int
    coordinator: str | None
    process: int | None


def process_group(processes: int | None, coordinator: str | None, process: int | None) -> ProcessGroup | None:
    """The processes that the person asked for; None where that is one process as ever.

    Raises:
        UsageError: the three do not fit each other, or JAX is not installed or not wanted.
    """
    if processes is None and coordinator is None and process is None:
        return None
    if processes is None or processes < 1:
        raise UsageError(f"Expected at least 1 for the processes. Received: --processes {processes or 'nothing'}.")
    if (coordinator is None) != (process is None):
        lacking = "--process I" if process is None else "--coordinator HOST:PORT"
        raise UsageError(f"Training across hosts needs --coordinator and --process; add {lacking}.")
    if process is not None and not 0 <= process < processes:
        raise UsageError(f"Expected a --process from 0 to {processes - 1}. Received: {process}.")
    if coordinator is not None and not coordinator.rpartition(":")[2].isdecimal():
        raise UsageError(f"Expected a coordinator as HOST:PORT, such as 10.0.0.1:8476. Received: {coordinator!r}.")
    framework.backend()  # refuses what nobody here trains on; TensorFlow may be what this process used before
    if importlib.util.find_spec("jax") is None:
        raise UsageError(
            "Training over processes needs 'jax', which is not installed; run `pip install 'beholder[train,jax]'`."
        )
    return ProcessGroup(processes, coordinator, process)


def launch(
    job: TrainRequest | Path,
    data: Data | Source | None,
    group: ProcessGroup,
    listener: Listener | None,
    progress: Progress,
    validation: object = None,
) -> Trained:
    """Train in the processes of `group`, as far as they are this machine's.

    Args:
        job: a request, or the RUN folder to go on with.
        data: by name or path; None: those of the run.
        group: which processes.
        listener: told each event as it happens.
        progress: told how far reading is.
        validation: a validation set in Python, which is refused; None: the data's own.

    Returns:
        The `Trained` of process 0, or, where that is another machine's, of the one here.

    Raises:
        UsageError: `data` or `validation` cannot be handed to a process.
        ClusterError: a process was lost; the run can be resumed.
        BeholderError: what a process says that the person must change.
    """
    if data is not None and not isinstance(data, str | Path):
        raise UsageError("Arrays cannot be handed to other processes; save them as a .npz file and give its path.")
    if validation is not None:
        raise UsageError("A validation set cannot be handed to other processes; put it into the folder of the data.")
    if isinstance(job, TrainRequest):
        check_folds(job, validation=False, together=True)
        crew = _Crew({"request": job.to_json()}, job.out, group, listener, progress)
    else:
        crew = _Crew({"run": str(job), "data": None if data is None else str(data)}, job, group, listener, progress)
    try:
        with hearing_once(crew.ask_to_stop):
            return crew.wait()
    finally:
        crew.end()


class _Crew:
    """The processes on this machine, which do what `order` says."""

    def __init__(
        self,
        order: dict[str, Any],
        run: Path | None,
        group: ProcessGroup,
        listener: Listener | None,
        progress: Progress,
    ) -> None:
        self.group, self.run, self.listener, self.progress = group, run, listener, progress
        self.indices = range(group.count) if group.process is None else [group.process]
        self.said: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        self.noise: dict[int, IO[bytes]] = {}
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        coordinator = group.coordinator or f"127.0.0.1:{_free_port()}"
        local = group.coordinator is None
        for index in self.indices:
            joining = {"coordinator": coordinator, "count": group.count, "index": index, "local": local}
            self._start(index, {**order, "joining": joining}, _environment(coordinator))

    def wait(self) -> Trained:
        """Until all are done, or one is lost."""
        results: dict[int, dict[str, Any]] = {}
        reasons: dict[int, dict[str, Any]] = {}
        left = set(self.indices)
        first, until = None, float("inf")
        while left and time.monotonic() < until:
            try:
                index, message = self.said.get(timeout=0.2)
            except queue.Empty:
                continue
            if message is not None:
                if "done" in message:
                    results[index] = message["done"]
                elif not self._pass_on(message):
                    reasons[index] = message
                continue
            left.discard(index)
            if index == 0 and index in results:
                break
            if index not in results and first is None:
                first, until = index, time.monotonic() + GRACE_SECONDS
        if min(self.indices) in results:
            return Trained.from_fields(results[min(self.indices)])
        raise self._error(first or 0, reasons)

    def _pass_on(self, message: dict[str, Any]) -> bool:
        """Tell what happens; False where the message says how a process ended."""
        if "event" in message and self.listener is not None:
            self.listener(message["event"])
        elif "progress" in message:
            self.progress(*message["progress"])
        return "event" in message or "progress" in message

    def end(self) -> None:
        """End those that still run."""
        for index, process in self.processes.items():
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, self.noise[index]):
                if pipe is not None:
                    pipe.close()

    def ask_to_stop(self) -> None:
        """As Ctrl-C asks one process."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)

    def _start(self, index: int, order: dict[str, Any], environment: dict[str, str]) -> None:
        self.noise[index] = _nameless_file()
        process = subprocess.Popen(
            [sys.executable, "-m", "beholder.sessions.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.noise[index],  # the runtime speaks many lines there when a process is lost
            env=environment,
            start_new_session=True,  # Ctrl-C reaches it through us
        )
        self.processes[index] = process
        if process.stdin is None or process.stdout is None:
            raise AssertionError
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()  # and it stays open: its end tells that we are gone
        threading.Thread(target=self._hear, args=(index, process.stdout), daemon=True).start()

    def _hear(self, index: int, stream: IO[bytes]) -> None:
        for line in stream:
            self.said.put((index, json.loads(line)))
        self.said.put((index, None))

    def _error(self, first: int, reasons: dict[int, dict[str, Any]]) -> BaseException:
        """What to raise where process `first` ended before its work was done, and these told `reasons`."""
        for reason in (reasons[index] for index in sorted(reasons)):
            if "interrupted" in reason:
                return KeyboardInterrupt()
            if "error" in reason:
                return _error_of(reason["error"])
            if "fault" in reason:
                return RuntimeError(f"A process that trained failed:\n{reason['fault']}")
        code = self.processes[first].wait()
        if first in reasons:
            how = f"lost another one ({reasons[first]['lost']})"
        elif code == -signal.SIGABRT:  # as the runtime ends a process that has heard of it
            how = "lost another one"
        elif code < 0:
            how = f"was ended by signal {-code}"
        else:
            return RuntimeError(f"A process that trained failed:\n{self._last_words(first)}")
        lost = f"Process {first} of {self.group.count} {how}"
        if 0 in self.indices and self.run is not None and not Run(self.run).config_file.exists():
            return ClusterError(f"{lost} before the first checkpoint; start them all again.")
        return ClusterError(f"{lost}; start them all again with --resume {self.run or 'RUN'}.")

    def _last_words(self, index: int) -> str:
        noise = self.noise[index]
        noise.seek(0)
        return noise.read()[-_LAST_BYTES:].decode(errors="replace")


def _nameless_file() -> IO[bytes]:
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    return os.fdopen(descriptor, "w+b")


def _environment(coordinator: str) -> dict[str, str]:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "2"}
    # A proxy of the web's is no way to the coordinator.
    direct = [environment.get("no_proxy", ""), coordinator.rpartition(":")[0].strip("[]")]
    environment["no_proxy"] = ",".join(filter(None, direct))
    return environment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _error_of(told: dict[str, str]) -> BeholderError:
    kind: Callable[[str], BeholderError] = getattr(errors, told["kind"], BeholderError)
    return kind(told["message"])

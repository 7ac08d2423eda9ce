"""Trains a run once whole and once killed again and again, and prints how the two differ.

usage: python killed_runs.py FOLDER '{"how": "epochs", "model": "fast", "kills": 8, "seed": 0, …}'

TensorFlow takes seconds to start and cannot be forked once it has computed; it can be once it is imported. So this
process imports it, never computes, and trains in forks of itself, each of which ends or is killed.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

REPLANS = {20: 700, 90: 500, 91: 560, 300: 380}  # of the budget run whose plan is followed: done steps to steps in all
RENAMES = ("before its rename", "between its renames", "after its rename")
MOMENTS = ("time", "epoch", "half a checkpoint", *RENAMES, "step")


def main(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Train both runs and compare them."""
    from beholder.training.steps import framework

    framework.start()
    import beholder.report.page
    import beholder.training.export.write_artifact
    import beholder.training.fit  # noqa: F401  # imported for the forks

    whole, killed = folder / "whole", folder / "killed"
    network = {"widths": (16, 32, 64)} if asked["model"] == "fast" else {}
    options = {
        "model": asked["model"],
        **network,
        "dropout": 0.2,
        "seed": 5,
        "early_stop": asked["early_stop"],
        "batch_size": asked["batch_size"],
    }
    if asked["how"] == "epochs":
        options |= {"epochs": 60, "learning_rate": asked["learning_rate"]}
    else:
        first = folder / "budget"
        train_with_a_budget(first, asked, {**options, "cache": folder / "cache"})
        options = {"plan": first / "events.jsonl"}
    in_fork(lambda: start(whole, options))
    kinds = [MOMENTS[number % len(MOMENTS)] for number in range(asked["kills"] - 1)]
    moments = np.random.default_rng(asked["seed"])
    moments.shuffle(kinds)
    kinds.append("export")  # comes once, at the end
    deaths = [die(killed, options, kind, moments, asked["seconds"]) for kind in kinds]
    in_fork(lambda: start(killed, options))
    runs = [whole, killed] if asked["how"] == "epochs" else [folder / "budget", whole, killed]
    return {"deaths": deaths, "differing": differing(runs), "plans": plans(killed)}


def train_with_a_budget(run: Path, asked: dict[str, Any], options: dict[str, Any]) -> None:
    """A budget run with re-plans: those of `REPLANS`, or with `budget` those that a loaded machine brings."""

    def train() -> None:
        from beholder.training.budget.pace import Pace

        if "budget" not in asked:
            setattr(Pace, "fitting", lambda _self, done, *_: REPLANS.get(done))  # noqa: B010  # in this fork only
        start(run, {**options, "budget": asked.get("budget", 600.0)})

    with spinning(asked.get("budget", 0.0) / 2) if "budget" in asked else nullcontext():
        in_fork(train)


@contextmanager
def spinning(after: float) -> Iterator[None]:
    """A process that keeps a core busy, begun `after` seconds."""
    spinner = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({after})\nwhile True: pass"])
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()


def start(run: Path, options: dict[str, Any], listener: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Begin the run, or go on with it where it began."""
    import beholder

    if (run / "config.json").exists():
        beholder.resume(run, listener=listener)
    else:
        beholder.train("digits", out=run, listener=listener, **options)


def die(run: Path, options: dict[str, Any], kind: str, moments: np.random.Generator, seconds: float) -> str:
    """Go on with the run, and kill it at a moment of that kind; where it died, in words."""
    delay, count = float(moments.uniform(0, seconds)), int(moments.integers(1, 3))

    def train() -> None:
        count_down = [count]

        def kill_at_last(*_: Any) -> None:
            count_down[0] -= 1
            if count_down[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def hear(event: dict[str, Any]) -> None:
            if event["event"] == kind == "export":  # it takes a second or two
                threading.Timer(float(moments.uniform(0, 1)), os.kill, (os.getpid(), signal.SIGKILL)).start()
            elif event["event"] == kind:
                kill_at_last()

        dying_writes(kind, kill_at_last)
        start(run, options, hear)

    died = in_fork(train, delay if kind == "time" else None)
    return f"{kind} ({delay:.2f} s)" if kind == "time" and died else kind if died else f"{kind}: ended before"


def dying_writes(kind: str, kill: Callable[[], None]) -> None:
    """Let the writing of checkpoints, in this process, run into `kill` at the moment `kind`."""
    rename, savez = Path.replace, np.savez

    def renaming(self: Path, target: Path) -> Path:
        if kind == "before its rename" and Path(target).name == "checkpoint.npz":
            kill()
        renamed = rename(self, target)
        if kind == "between its renames" and Path(self).name == "checkpoint.npz":
            kill()
        if kind == "after its rename" and Path(target).name == "checkpoint.npz":
            kill()
        return renamed

    def half(file: Any, **arrays: Any) -> None:
        if kind == "half a checkpoint":
            file.write(b"PK\x03\x04 and no more")
            file.flush()
            kill()
            file.seek(0)
            file.truncate()
        savez(file, **arrays)

    setattr(Path, "replace", renaming)  # noqa: B010  # in this fork only
    setattr(np, "savez", half)  # noqa: B010  # in this fork only


def in_fork(train: Callable[[], None], kill_after: float | None = None) -> bool:
    """Run `train` in a fork; whether it was killed, by itself or after so many seconds."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    if kill_after is not None:
        descriptor = os.pidfd_open(child)
        select.select([descriptor], [], [], kill_after)
        os.close(descriptor)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit(f"the child failed with {status}")
    return os.WIFSIGNALED(status)


def differing(runs: list[Path]) -> list[str]:
    """What of a finished run's state is not the same in all of them, bit for bit."""
    found = []
    stored = [dict(np.load(run / "checkpoint.npz")) for run in runs]
    for name in stored[0].keys() | stored[1].keys():
        first = stored[0][name].tobytes()
        if any(name not in other or other[name].tobytes() != first for other in stored[1:]):
            found.append(name)
    packed = ("model.onnx", "inside.onnx", "golden/expected.json")
    found += [file for file in packed if len({(run / "model" / file).read_bytes() for run in runs}) != 1]
    found += [str(left.name) for run in runs for left in run.glob(".*")]
    return sorted(found)


def plans(run: Path) -> list[list[int]]:
    """The schedule that the finished run followed."""
    from beholder.runs.events import read_events

    found: list[list[int]] = read_events(run / "events.jsonl")[-1]["schedule"]
    return found


if __name__ == "__main__":
    began = time.monotonic()
    result = main(Path(sys.argv[1]), json.loads(sys.argv[2]))
    sys.stdout.write(json.dumps({**result, "seconds": round(time.monotonic() - began, 1)}) + "\n")

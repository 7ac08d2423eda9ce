"""Evaluates a run, or audits data, once whole and once killed again and again; prints how what is left differs.

usage: python killed_commands.py FOLDER '{"command": "evaluate", "kills": 20, "seed": 0}'

As in killed_runs.py, everything happens in forks of a process that has imported TensorFlow and never computes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from killed_runs import in_fork

PASSING = ("created", "seconds", "out", "corrections", "gallery", "counts")  # what two may differ in
CLOCKED = ("wrong_label", "inseparable", "outlier")  # found by networks that train for as long as the budget has time
MOMENTS = ("time", "before a rename", "after a rename", "half a file")


def main(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Do it whole, then kill it at every moment, then let it end."""
    from beholder.training.steps import framework

    framework.start()
    import beholder.report.page
    import beholder.training.export.write_artifact
    import beholder.training.fit  # noqa: F401  # imported for the forks

    prepare, work, result = COMMANDS[asked["command"]]
    in_fork(lambda: prepare(folder / "whole"))
    shutil.copytree(folder / "whole", folder / "killed")
    in_fork(lambda: work(folder / "whole"))
    expected = told(folder / "whole" / result)
    moments, wrong, died = np.random.default_rng(asked["seed"]), [], 0
    for number in range(asked["kills"]):
        kind = MOMENTS[number % len(MOMENTS)]
        died += die(lambda: work(folder / "killed"), kind, moments, asked["seconds"])
        left = told(folder / "killed" / result)
        if left not in (None, expected):
            wrong.append(kind)
        (folder / "killed" / result).unlink(missing_ok=True)
    in_fork(lambda: work(folder / "killed"))
    return {"died": died, "wrong": wrong, "same": told(folder / "killed" / result) == expected}


def die(work: Callable[[], None], kind: str, moments: np.random.Generator, seconds: float) -> bool:
    """Do `work` and kill it at a moment of that kind; whether it died."""
    delay, count = float(moments.uniform(0, seconds)), [int(moments.integers(1, 3))]

    def kill(at: str) -> None:
        count[0] -= at == kind
        if at == kind and count[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying() -> None:
        rename, sync = Path.replace, os.fsync

        def renaming(self: Path, target: Path) -> Path:
            kill("before a rename")
            renamed = rename(self, target)
            kill("after a rename")
            return renamed

        def syncing(descriptor: int) -> None:
            kill("half a file")
            sync(descriptor)

        setattr(Path, "replace", renaming)  # noqa: B010  # in this fork only
        setattr(os, "fsync", syncing)  # noqa: B010  # in this fork only
        work()

    return in_fork(dying, delay if kind == "time" else None)


def told(path: Path) -> dict[str, Any] | None:
    """The document at `path` without what passes; None where there is none."""
    if not path.exists():
        return None
    document: dict[str, Any] = json.loads(path.read_bytes())
    findings = [one for one in document.get("findings", []) if one["kind"] not in CLOCKED]
    return {name: value for name, value in document.items() if name not in PASSING} | {"findings": findings}


def train(folder: Path) -> None:
    """A small run to be evaluated."""
    import beholder

    beholder.train("digits", model="linear", images=200, epochs=1, out=folder / "run", neighbours=False)


def evaluate(folder: Path) -> None:
    """Its test set, and its report."""
    import beholder

    beholder.evaluate(folder / "run")


def images(folder: Path) -> None:
    """A folder of small images, some of them twice, to be audited."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for row in range(150):
        for copy in range(1 + (row % 20 == 0)):
            path = folder / "data" / str(digits.target[row]) / f"{row}-{copy}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((digits.images[row] * 15).astype(np.uint8)).save(path)


def audit(folder: Path) -> None:
    """What is wrong with them."""
    import beholder

    beholder.audit(folder.parent / "whole" / "data", out=folder / "audit", cache=folder / "cache", budget=60.0)


COMMANDS = {
    "evaluate": (train, evaluate, Path("run", "evaluation.json")),
    "audit": (images, audit, Path("audit", "findings.json")),
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))) + "\n")

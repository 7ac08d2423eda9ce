"""Peers measured in turn, each time in a process of its own, and what is said of them: medians, ratios, spread."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# glibc returns large blocks to the kernel; PyTorch then spends its time in page faults (docs/lab-notebook.md).
TUNED_ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "536870912",
}


@dataclass(frozen=True)
class Way:
    """One peer: its name in the table, what its process is given, and what its environment has beside ours."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


def in_turn(script: str, ways: Sequence[Way], rounds: int) -> dict[str, list[Any]]:
    """What each of `ways` measured in each of `rounds`: A B C, A B C, … so that a slow minute hits all of them.

    A process prints its JSON figures on its last line. A peer that fails is told of and left out.
    """
    measured: dict[str, list[Any]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            if way.name in measured:
                try:
                    measured[way.name].append(alone(script, way))
                except RuntimeError as error:
                    print(f"{way.name}: not measured ({error})", flush=True)
                    del measured[way.name]
    return measured


def alone(script: str, way: Way) -> Any:
    """The figures of one process.

    Raises:
        RuntimeError: it failed; the message is the last line that it wrote.
    """
    done = subprocess.run(
        [sys.executable, script, *way.arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **way.environment},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(lines[-1][:200])
    return json.loads(done.stdout.strip().splitlines()[-1])


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, and the smallest and largest: `1,902 (1,880 to 1,940)`."""
    middle, least, most = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> str:
    """Median and spread of the ratios of the pairs, ours divided by theirs."""
    return spread([a / b for a, b in zip(mine, theirs, strict=True)], 2)


def median_ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of what `ratio` tells."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def verdict(value: float, bar: float) -> str:
    """Whether a figure that should be large reaches its bar."""
    return f"bar {bar:g}: {'reached' if value >= bar else 'missed'}"

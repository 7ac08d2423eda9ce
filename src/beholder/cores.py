"""How many processor cores there are to use: those that this process may run on, where the system tells."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """One or more."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""An evaluation or an audit that is killed leaves nothing or all of its figures, and does as well the next time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HARNESS = Path(__file__).with_name("killed_commands.py")


def kill(folder: Path, **asked: Any) -> dict[str, Any]:
    command = [sys.executable, str(HARNESS), str(folder), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{found}\n")  # shown by `make test-long`
    return found


def test_an_evaluation_killed_at_each_kind_of_moment(tmp_path: Path) -> None:
    found = kill(tmp_path, command="evaluate", kills=4, seed=1, seconds=0.3)
    assert (found["wrong"], found["same"]) == ([], True)
    assert found["died"] >= 3


@pytest.mark.long
@pytest.mark.parametrize(("command", "seconds"), [("evaluate", 0.3), ("audit", 20.0)])
def test_killed_at_twenty_moments(tmp_path: Path, command: str, seconds: float) -> None:
    found = kill(tmp_path, command=command, kills=20, seed=2, seconds=seconds)
    assert (found["wrong"], found["same"]) == ([], True)
    assert found["died"] >= 15

"""A person relies on: what two servers of one folder were told is all kept, whichever of them was told it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from beholder.api.audit_result import AuditResult
from beholder.artifact.validation_answers import open_validation
from beholder.data.corrections import Correction, Corrections, write_corrections

Serving = Callable[[Path], AbstractContextManager[str]]

COUNT = 60


def test_two_servers_of_one_audit_keep_every_decision(
    tmp_path: Path, write_audit: Callable[[Path], AuditResult], serving: Serving
) -> None:
    audit = tmp_path / "audit"
    write_audit(audit)
    paths = [f"{number}.png" for number in range(COUNT)]
    write_corrections(audit / "corrections.csv", Corrections(tuple(Correction(path, "keep") for path in paths)))
    tell_both(serving, audit, "/decisions", [[{"path": path, "action": "drop"}] for path in paths])
    assert decided(audit) == dict.fromkeys(paths, "drop")
    assert not list(audit.glob(".*")), "no lock is left behind"


def test_two_servers_of_one_run_keep_every_decision(tmp_path: Path, served_run: Path, serving: Serving) -> None:
    run = tmp_path / "run"
    shutil.copytree(served_run, run)
    kept = open_validation(run)
    assert kept is not None
    paths = kept.names[:COUNT]
    tell_both(serving, run, "/page/corrections", [{"path": path, "action": "drop"} for path in paths])
    assert decided(run) == dict.fromkeys(paths, "drop")
    assert not list(run.glob(".*"))


def tell_both(serving: Serving, folder: Path, address: str, decisions: Sequence[Any]) -> None:
    """Tell two servers of `folder`, each a process of its own, every second one of `decisions`, all at once."""

    def tell(server: str, decision: Any) -> None:
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"{server}{address}", json.dumps(decision).encode(), headers)) as answer:  # noqa: S310
            assert answer.status == 200

    with serving(folder) as one, serving(folder) as other, ThreadPoolExecutor(8) as pool:
        servers = [one, other] * (len(decisions) // 2)
        list(pool.map(tell, servers, decisions))


def decided(folder: Path) -> dict[str, str]:
    with (folder / "corrections.csv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: row["action"] for row in csv.DictReader(file)}

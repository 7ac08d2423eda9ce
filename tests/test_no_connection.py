"""A person relies on: no verb opens a connection beyond this machine, but for a data set that was asked for by name.

A guard is put into every Python process that the verbs start, before anything else runs. It hears each attempt to look
up a name or to connect (Python's own audit events), notes it, and refuses what would leave the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

GUARD = """
import ipaddress, os, socket, sys

def local(address):
    host = address[0] if isinstance(address, tuple) else address
    if not isinstance(host, str):  # a Unix socket's, or none
        return True
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

def hear(event, arguments):
    beyond = False
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        beyond = arguments[0].family != getattr(socket, "AF_UNIX", None) and not local(arguments[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        beyond = arguments[0] is not None and not local(arguments[0])
    if beyond:
        with open(os.environ["GUARD_LOG"], "a") as log:
            print(event, arguments[1:] if event == "socket.connect" else arguments, file=log)
        raise OSError("no connection leaves this machine")

sys.addaudithook(hear)
"""
# One process for all verbs that end: TensorFlow takes seconds to start.
VERBS = """
import json, sys
from beholder.cli import _run
for arguments in json.loads(sys.argv[1]):
    status = _run(arguments)
    assert status == 0, (arguments, status)
"""
SMALL = ["--epochs", "1", "--progress", "none"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    (tmp_path / "log").write_text("")
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    path = os.pathsep.join([str(guard), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "GUARD_LOG": str(tmp_path / "log"), "BEHOLDER_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's own pictures, enough of them that processes are started to decode them."""
    random = np.random.default_rng(0)
    for number in range(220):
        path = tmp_path / "birds" / ("robin", "wren")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return tmp_path / "birds"


@pytest.mark.slow
def test_all_verbs_but_a_download_stay_on_this_machine(
    tmp_path: Path, environment: dict[str, str], folder: Path
) -> None:
    run, picture = str(tmp_path / "run"), str(folder / "wren" / "1.png")
    verbs = [
        ["look", str(folder), "--out", str(tmp_path / "sheet.png")],
        ["parameters", "--model", "fast"],
        ["train", str(folder), "--model", "linear", "--out", run, *SMALL],
        ["evaluate", run],
        ["predict", run, picture],
        ["explain", run, picture, "--out", str(tmp_path / "explained")],
        ["compare", str(folder), "--models", "linear,dense", "--out", str(tmp_path / "compared"), *SMALL],
        ["audit", str(folder), "--out", str(tmp_path / "audit"), "--budget", "10s"],
    ]
    command = [sys.executable, "-c", VERBS, json.dumps(verbs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    for verb, told in (("serve", run), ("watch", run)):
        address = [sys.executable, "-m", "beholder", verb, told, "--port", "0", "--json"]
        with subprocess.Popen(address, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("}"):
                    break
            with urllib.request.urlopen(json.loads("".join(lines))["address"]) as page:  # noqa: S310  loopback
                assert page.status == 200
            process.terminate()
            process.wait(timeout=40)
    assert (tmp_path / "log").read_text() == ""


def test_the_guard_hears_a_download_that_was_asked_for_by_name(tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "beholder", "look", "cifar10", "--out", str(tmp_path / "sheet.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "toronto" in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_bulk_answers_stay_on_this_machine(digits_run: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("ray", reason="the extra cluster is not installed")
    golden, out = str(digits_run / "model" / "golden"), str(tmp_path / "out")
    command = [sys.executable, "-m", "beholder", "predict", str(digits_run), golden, "--engine", "ray", "--out", out]
    done = subprocess.run([*command, "--workers", "1"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "pictures/s" not in line] == [], "Ray is silent"
    assert (tmp_path / "log").read_text() == ""

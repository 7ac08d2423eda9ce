"""A person relies on: no command opens a connection beyond this machine, but for a data set that was asked for by name,
and none writes anywhere but into its RUN, the cache and the system's folder for temporary files.

Python's own events would not tell what native code does, so the kernel is asked: see `listening.py`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from listening import Listener, UnableError, require
from PIL import Image

# One process for all commands that end: TensorFlow takes seconds to start.
COMMANDS = """
import json, sys
from beholder.cli import _run
for arguments in json.loads(sys.argv[1]):
    status = _run(arguments)
    assert status == 0, (arguments, status)
"""
SMALL = ["--epochs", "1", "--progress", "none"]
# Of the person who runs the tests; those who begin so say where a library writes or whether it calls home.
LEFT_OUT = ("XDG_", "KERAS_", "MPL", "ORT_", "BEHOLDER_", "HTTP", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(scope="module")
def _able() -> None:
    try:
        require()
    except UnableError as error:
        pytest.skip(str(error))


@pytest.fixture
def listener(_able: None) -> Listener:
    return Listener()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a person whose home is empty."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(LEFT_OUT)}
    places = {"HOME": "home", "TMPDIR": "temporary", "BEHOLDER_CACHE": "cache"}
    for place in places.values():
        (tmp_path / place).mkdir()
    return {
        **kept,
        **{name: str(tmp_path / place) for name, place in places.items()},
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's own images, enough of them that processes are started to decode them."""
    random = np.random.default_rng(0)
    for number in range(220):
        path = tmp_path / "birds" / ("robin", "wren")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return tmp_path / "birds"


def serve(listener: Listener, command: list[str], environment: dict[str, str]) -> None:
    """Start a server, look at its page once, and end it."""
    asked = [sys.executable, "-m", "beholder", *command, "--port", "0", "--json"]
    with listener.start(asked, stdout=subprocess.PIPE, env=environment) as process:
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


@pytest.mark.slow
def test_all_commands_stay_on_this_machine_and_write_where_they_may(
    listener: Listener, tmp_path: Path, environment: dict[str, str], folder: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    run, audit, image = str(out / "run"), str(out / "audit"), str(folder / "wren" / "1.png")
    commands = [
        ["look", str(folder), "--out", str(out / "sheet.png")],
        ["parameters", "--model", "fast"],
        ["train", str(folder), "--model", "linear", "--out", run, *SMALL],
        ["train", "--resume", run],
        ["evaluate", run],
        ["predict", run, image],
        ["explain", run, image, "--out", str(out / "explained")],
        ["compare", str(folder), "--models", "linear,dense", "--out", str(out / "compared"), *SMALL],
        ["audit", str(folder), "--out", audit, "--budget", "10s"],
    ]
    done = listener.run([sys.executable, "-c", COMMANDS, json.dumps(commands)], env=environment)
    assert done.returncode == 0, done.stderr
    for command in (["serve", run], ["serve", audit], ["watch", run]):
        serve(listener, command, environment)
    assert out / "run" / "config.json" in listener.written, "files are heard"
    assert listener.beyond == []
    assert listener.outside(out, tmp_path / "cache", tmp_path / "temporary") == []
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_processes_that_train_together_stay_on_this_machine(
    listener: Listener, tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "beholder", "train", "digits", "--model", "linear", "--processes", "2"]
    done = listener.run([*command, "--out", str(out), *SMALL], env={**environment, "JAX_PLATFORMS": "cpu"})
    assert done.returncode == 0, done.stderr
    assert listener.beyond == []
    assert listener.outside(out, tmp_path / "cache", tmp_path / "temporary") == []


@pytest.mark.parametrize("before", [None, "0"])
def test_onnx_runtime_calls_nobody_where_a_person_imports_it_after_us(
    listener: Listener, tmp_path: Path, environment: dict[str, str], before: str | None
) -> None:
    told = {} if before is None else {"ORT_DISABLE_TELEMETRY": before}
    code = "import beholder, onnxruntime; onnxruntime.SessionOptions()"
    done = listener.run([sys.executable, "-c", code], env={**environment, **told})
    assert done.returncode == 0, done.stderr
    assert listener.beyond == []
    assert listener.outside() == []


def test_what_native_code_looks_up_is_heard(listener: Listener) -> None:
    code = "import ctypes; ctypes.CDLL(None).getaddrinfo(b'example.org', None, None, ctypes.byref(ctypes.c_void_p()))"
    assert hasattr(ctypes.CDLL(None), "getaddrinfo")
    assert listener.run([sys.executable, "-c", code]).returncode == 0
    if not resolvers():
        pytest.skip("this machine asks nobody for names")
    assert listener.beyond


def resolvers() -> bool:
    """Whether the C library has somebody to ask."""
    try:
        return "nameserver" in Path("/etc/resolv.conf").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_download_that_was_asked_for_by_name_is_heard(
    listener: Listener, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "beholder", "look", "cifar10", "--out", str(tmp_path / "sheet.png")]
    done = listener.run(command, env=environment)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert listener.beyond or not resolvers()


@pytest.mark.slow
def test_bulk_answers_stay_on_this_machine(
    listener: Listener, digits_run: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    pytest.importorskip("ray", reason="the extra cluster is not installed")
    golden, out = str(digits_run / "model" / "golden"), str(tmp_path / "out")
    command = [sys.executable, "-m", "beholder", "predict", str(digits_run), golden, "--engine", "ray", "--out", out]
    # Ray's sockets lie there, and a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory() as temporary:
        done = listener.run([*command, "--workers", "1"], env={**environment, "TMPDIR": temporary})
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "images/s" not in line] == [], "Ray is silent"
    assert listener.beyond == []
    assert list((tmp_path / "home").iterdir()) == []

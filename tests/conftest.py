"""What several tests share: TensorFlow started once, one small trained run, and a check on connections."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from beholder.api.audit_result import AuditResult

REPOSITORY = Path(__file__).resolve().parents[1]

# The same examples every time, however long a busy machine takes for one.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """What a test starts hears Ctrl-C, also where a shell ignores it since it runs the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """TensorFlow takes its settings as it is imported, so `framework.start` has to be who imports it."""
    assert "tensorflow" not in sys.modules, "a test file imports TensorFlow at its top; import it within the test"


@pytest.fixture(scope="session")
def framework() -> None:
    """Keras and TensorFlow, imported once a process."""
    from beholder.training.steps import framework

    framework.start()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes what is slow to make once for all processes that run these tests, and gives its path.

    Whoever asks first makes it, the others wait; nobody writes to it afterwards.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent / "shared" if "PYTEST_XDIST_WORKER" in os.environ else folder / "shared"
    folder.mkdir(exist_ok=True)

    def share(name: str, make: Callable[[Path], object]) -> Path:
        path, made = folder / name, folder / f"{name} is made"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(path, ignore_errors=True)  # of a process that failed to make it
                make(path)
                made.touch()
        return path

    return share


@pytest.fixture(scope="session")
def digits_run(shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A RUN of `fast` on digits, three epochs; tests must not write to it."""
    from beholder.api.train import train

    return shared("digits", lambda run: train("digits", model="fast", epochs=3, out=run))


@pytest.fixture(scope="session")
def long_tones(shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder of tones of three classes, some of them longer than a clip of half a second."""
    from sound_folders import make_tones

    return shared("long tones", make_tones)


@pytest.fixture(scope="session")
def tones_run(long_tones: Path, shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A RUN of `fast` on these, in clips of half a second; tests must not write to it."""
    from beholder.api.train import train

    return shared("long tones run", lambda run: train(long_tones, model="fast", epochs=8, seconds=0.5, out=run))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: no test, and so no command that a test runs, connects beyond this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        local = self.family == socket.AF_UNIX or host in ("localhost", "::1") or str(host).startswith("127.")
        assert local, f"a connection beyond loopback: {address!r}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def write_audit() -> Callable[[Path], AuditResult]:
    """Writes an AUDIT folder with a few findings that were made up, on 8 × 8 images of three classes."""
    from beholder.api.audit_result import AuditResult
    from beholder.data.checks.findings import Finding
    from beholder.data.corrections import Correction, Corrections
    from beholder.data.dataset import Dataset

    names = ("cat", "dog", "<b>owl</b>")

    def made(name: str, count: int) -> Dataset:
        pixels = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        return Dataset(pixels, np.arange(count) % 3, names, [f"{name}/{row}, odd \udcff.png" for row in range(count)])

    sets = {"train": made("train", 30), "test": made("test", 6)}
    train, test = sets["train"].names, sets["test"].names

    def write(out: Path) -> AuditResult:
        findings = (
            Finding("exact_duplicate", (train[0], train[3], test[0]), ("train", "train", "test"), 1.0, ("cat",) * 3),
            Finding("exact_duplicate", (train[1], test[2]), ("train", "test"), 1.0, ("dog", "<b>owl</b>")),
            Finding("wrong_label", (train[4],), ("train",), 0.97, ("dog",), "cat", "Looks wrong.", (train[6], test[3])),
            Finding("wrong_label", (train[8],), ("train",), 0.6, ("<b>owl</b>",), "dog", "</script><script>alert(1)"),
            Finding("unreadable", ("train/half.jpg",), ("train",), 1.0, ("cat",), None, "It ends in the middle."),
            Finding("imbalance", (), (), 0.5, (), None, "One class has most of the images."),
        )
        result = AuditResult(
            out=out,
            data="some data",
            class_names=names,
            images={"train": 30, "test": 6},
            findings=findings,
            seed=0,
            budget=None,
            seconds=1.0,
            notes=("Something to know.",),
            decisions=Corrections((Correction(train[20], "keep"),)),
        )
        out.mkdir()
        result.write(sets)
        return result

    return write

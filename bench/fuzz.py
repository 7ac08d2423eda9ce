"""Claim: whatever bytes a reader gets, it reads them or refuses in one sentence: 1,000,000 inputs, led by coverage.

Each reader (`fuzz_targets.py`, `fuzz_run_targets.py`) runs in a process of its own under atheris (libFuzzer for
Python), niced, on one core. Forbidden throughout: any exception but a `BeholderError`, an error of several lines, more
than SECONDS for an input, more than MEMORY, writing outside of its own folder, starting a process, opening a
connection. What fails is kept.

usage: python bench/fuzz.py [--inputs 1000000] [--only NAME,NAME] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fuzz_targets import Target

HERE = Path(__file__).resolve().parent
SECONDS = 10  # that one input may take
MEMORY = 1024  # MiB beyond what the process has before the first input
LARGEST = 16_384  # bytes of an input
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "ctypes.dlopen")


def main() -> None:
    """Feed each reader its share, and tell how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all")
    parser.add_argument("--only", help="names of readers, with commas between")
    parser.add_argument("--out", type=Path, default=HERE / "work" / "fuzz", help="keeps inputs that fail")
    parser.add_argument("--target", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.target:
        feed(arguments.target, arguments.runs, arguments.out)
        return
    chosen = {
        name: one for name, one in every_target().items() if not arguments.only or name in arguments.only.split(",")
    }
    shares = sum(one.share for one in chosen.values())
    arguments.out.mkdir(parents=True, exist_ok=True)
    print("| Reader | Inputs | Seconds | Inputs a second | Points of coverage | Failures |")
    print("|---|---|---|---|---|---|")
    inputs = failures = 0
    for name, one in chosen.items():
        runs = -(-arguments.inputs * one.share // shares)
        done, row, failed = measure(name, runs, arguments.out)
        inputs, failures = inputs + done, failures + failed
        print(row, flush=True)
    print(f"\n{inputs:,} inputs, {failures} failures.")
    sys.exit(failures > 0)


def measure(name: str, runs: int, out: Path) -> tuple[int, str, bool]:
    """Feed one reader in a process of its own; its row of the table."""
    command = [sys.executable, __file__, "--target", name, "--runs", str(runs), "--out", str(out)]
    begun = time.monotonic()
    log = out / f"{name}.log"
    with log.open("wb") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=ENVIRONMENT, check=False)
    seconds = time.monotonic() - begun
    told = log.read_text("utf-8", "replace")
    inputs = max([int(number) for number in re.findall(r"^#(\d+)\s", told, re.MULTILINE)] or [0])
    coverage = (re.findall(r"cov: (\d+)", told) or ["-"])[-1]
    failed = done.returncode != 0
    verdict = f"1, see {log.name}" if failed else "0"
    return inputs, f"| {name} | {inputs:,} | {seconds:.0f} | {inputs / seconds:,.0f} | {coverage} | {verdict} |", failed


def every_target() -> dict[str, Target]:
    """Every reader by its name; imported here, under what may watch the imports."""
    import fuzz_run_targets
    import fuzz_targets

    return {**fuzz_targets.targets(), **fuzz_run_targets.targets()}


def feed(name: str, runs: int, out: Path) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    os.nice(max(0, 10 - os.nice(0)))
    with atheris.instrument_imports(include=["beholder", "tarfile", "python_multipart"]):
        target = every_target()[name]
    corpus = Path(tempfile.mkdtemp(prefix=f"beholder-fuzz-{name}-"))
    memory = Path("/dev/shm")  # noqa: S108  a disk would wear out
    folder = Path(tempfile.mkdtemp(prefix="beholder-fuzz-", dir=memory if memory.is_dir() else None))
    for number, seed in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(seed)
        try:
            target.read(folder, seed)
        except Exception as error:
            raise SystemExit(f"seed {number} of {name}: {error!r}") from error
    from beholder.errors import BeholderError

    watch = Watch(folder)
    baseline = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

    def one_input(content: bytes) -> None:
        watch.on = True
        try:
            target.read(folder, content)
        except BeholderError as error:
            check(error)
        finally:
            watch.on = False

    options = [f"-runs={runs}", f"-timeout={SECONDS}", f"-rss_limit_mb={baseline + MEMORY}", f"-max_len={LARGEST}"]
    options += [f"-artifact_prefix={out}/{name}-", "-print_final_stats=1", "-seed=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    atheris.Fuzz()


def check(error: Exception) -> None:
    """Fail unless `error` is one sentence for a person."""
    sentence = str(error)
    if "\n" in sentence or not sentence.endswith((".", "?")):
        raise ValueError(f"no sentence: {sentence!r}") from error


class Watch:
    """Refuses, while it is on, what no reader does; Python's audit events tell of it.

    Args:
        folder: where a target puts its input.
    """

    def __init__(self, folder: Path) -> None:
        self.on = False
        self.folder = str(folder)
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One audit event."""
        if not self.on:
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in FORBIDDEN or (writes and not str(arguments[0]).startswith(self.folder)):
            self.on = False
            os.write(2, f"FORBIDDEN: {event} {arguments!r}\n".encode())
            os.abort()


if __name__ == "__main__":
    main()

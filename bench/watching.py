"""Claim: ten watchers cost a training run less than 1 % of its time.

One training of `fast`, in a process of its own, with equal epochs in blocks of eight; during every other block ten
clients follow the page's events over loopback and fetch each snapshot that they hear of, as browsers do. The order
within a pair of blocks alternates. `beholder watch` is a process of its own, the clients are this one; both are on the
cores that train. Their processor time as a share of training's is told as well: a cost that no noise of the machine
hides. Each block counts ten arrivals too, which a real watcher does once.

Measured: server and clients took 0.49 % of training's processor time, 400 snapshots and 50 arrivals included; the ratio
of the pairs says nothing yet, 0.96 (95 % interval 0.69 to 1.15). Five pairs of 28 s on 2 cores that others used too.
With two events a second and nothing else the server takes 0.4 % of one core for one watcher as for ten, the clients
0.1 %.

    python bench/watching.py [--pairs 10] [--images 2000] [--watchers 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import images
import numpy as np

BLOCK = 8  # epochs
LOOK_SECONDS = 0.1  # between two looks for a new epoch


class Watchers:
    """Clients that listen to the events of a run, and fetch what they hear of.

    Args:
        address: of `beholder watch`.
        count: how many.
    """

    def __init__(self, address: str, count: int) -> None:
        url = urlsplit(address)
        self.host, self.port = str(url.hostname), int(url.port or 80)
        self.count = count
        self.fetched = 0
        self._tasks: list[asyncio.Task[None]] = []

    def attach(self) -> None:
        """Begin to listen."""
        self._tasks = [asyncio.create_task(self._listen()) for _ in range(self.count)]

    async def detach(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _listen(self) -> None:
        reader, writer = await self._ask("/watch/events")
        told, snapshot = False, 0  # whether all of the past was told, which the state ends; the latest snapshot
        try:
            while line := await reader.readline():
                heard = b'"event": "snapshot"' in line
                if heard:
                    snapshot = json.loads(line.removeprefix(b"data: "))["epoch"]
                if (heard and told) or (snapshot and not told and line.startswith(b"event: state")):
                    await self._fetch(snapshot)
                told |= line.startswith(b"event: state")
            raise RuntimeError("the events ended while the run went on")
        finally:
            writer.close()

    async def _fetch(self, epoch: int) -> None:
        reader, writer = await self._ask(f"/watch/snapshots/{epoch}")
        answer = await reader.read()
        self.fetched += answer.startswith(b"HTTP/1.1 200")
        writer.close()

    async def _ask(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nConnection: close\r\n\r\n".encode())
        return reader, writer


async def measure(
    run: Path, address: str, training: subprocess.Popen[bytes], server: int, pairs: int, watchers: int
) -> dict[str, Any]:
    """The ratio of each pair; and of the processor time that training took, which share server and clients took."""
    clients = Watchers(address, watchers)
    epoch, ended = await epoch_end(run, 1, training)  # of the first, which is no part of a pair
    seconds: dict[bool, list[float]] = {True: [], False: []}
    used = {True: np.zeros(2), False: np.zeros(2)}  # without watchers: what looking for the ends of blocks takes
    for pair in range(pairs):
        for on in (True, False) if pair % 2 else (False, True):
            before, began = processor_seconds(training.pid, server), ended
            if on:
                clients.attach()
            epoch, ended = await epoch_end(run, epoch + BLOCK, training)
            if on:
                await clients.detach()
            used[on] += processor_seconds(training.pid, server) - before
            seconds[on].append(ended - began)
    watched, alone = np.array(seconds[True]), np.array(seconds[False])
    share = used[True][1] / used[True][0] - used[False][1] / used[False][0]
    return {"ratios": watched / alone, "alone": alone, "share": share, "fetched": clients.fetched}


async def epoch_end(run: Path, epoch: int, training: subprocess.Popen[bytes]) -> tuple[int, float]:
    """`epoch` and when it ended, seconds of the wall clock; waits for it.

    Raises:
        SystemExit: training ended before.
    """
    log, size = run / "events.jsonl", -1
    while training.poll() is None:
        if log.exists() and log.stat().st_size != size:
            size = log.stat().st_size
            epochs = [line for line in log.read_bytes().splitlines() if b'"event": "epoch"' in line]
            if len(epochs) >= epoch:
                return epoch, float(json.loads(epochs[epoch - 1])["time"])
        await asyncio.sleep(LOOK_SECONDS)
    sys.exit(f"Training ended with status {training.returncode} before epoch {epoch}.")


def read_document(server: subprocess.Popen[str]) -> str:
    """What it prints once it is ready."""
    told = ""
    for line in server.stdout or ():
        told += line
        if line == "}\n":
            break
    return told


def processor_seconds(training: int, server: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What training used so far, and what the server and this process did together; Linux."""
    ticks = []
    for process in (training, server):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return np.array([ticks[0], ticks[1] + time.process_time()])


def interval(ratios: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """95 % of the median, by bootstrap."""
    drawn = np.random.default_rng(0).choice(ratios, size=(10_000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Train, watch every other epoch, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--watchers", type=int, default=10)
    arguments = parser.parse_args()
    beholder = [sys.executable, "-m", "beholder"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        train = [*beholder, "train", str(images.archive()), "--model", "fast", "--images", str(arguments.images)]
        train += [
            "--epochs",
            str(2 * BLOCK * arguments.pairs + 3),
            "--progress",
            "none",
            "--no-neighbours",
            "--out",
            str(run),
        ]
        with subprocess.Popen(train, stdout=subprocess.DEVNULL) as training:
            try:
                asyncio.run(epoch_end(run, 1, training))
                watch = [*beholder, "watch", str(run), "--port", "0", "--json"]
                with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as server:
                    address = re.findall(r"http://[^\"]+/", read_document(server))[0]
                    found = asyncio.run(
                        measure(run, address, training, server.pid, arguments.pairs, arguments.watchers)
                    )
                    server.terminate()
            finally:
                training.terminate()
    ratios, (low, high) = found["ratios"], interval(found["ratios"])
    median = float(np.median(ratios))
    print(
        f"{arguments.pairs} pairs of {np.median(found['alone']):.1f} s: with {arguments.watchers} watchers "
        f"{median:.4f} times as long\n(95 % interval of the median {low:.4f} to {high:.4f}; pairs {min(ratios):.3f} to "
        f"{max(ratios):.3f}); bar 1.01: {'reached' if median < 1.01 else 'missed'}\n"
        f"server and watchers used {found['share']:.2%} of training's processor time; "
        f"{found['fetched']} snapshots fetched"
    )


if __name__ == "__main__":
    main()

"""Claim: over HTTP, batches of 64 small images are answered at 70 % or more of the rate of one process without HTTP.

Also measured: one image a request; p99 at 70 % load (bar: 5 x p50); 1,000 connections held open; and 4 x overload for
a minute, in which every accepted request is answered and the memory stays flat; and seconds until `serve` is ready
(bar: 1.5 s).

Measured: 1578 images/s, 113 % of one process; 1121 requests/s of one image each; p99 4.6 x p50 (18 against 4 ms);
2,000 of 2,000 requests on the held connections; 9,982 accepted and answered, 37,528 refused, 299 MiB at most after 296;
ready in 0.28 s. One run on 2 cores that were not quite idle, `fast` with two views in float32, Python 3.11.

The client is this process, the server another one, both on the same cores: what the client takes, the server lacks.

    python bench/serving.py [RUN] [--seconds N] [--overload SECONDS]

RUN takes images of 32 x 32; without it a `fast` is trained for one epoch.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import images
import numpy as np
from PIL import Image

BATCH = 64  # images in one request
SMALL = 8  # images in one request of the overload
CONNECTIONS = 1000
STARTS = 5
BOUNDARY = b"-----beholder-bench"
# One process without HTTP: the rate of Classifier.predict, of images a second, in batches as they are sent.
ALONE = """
import json, sys, time
from beholder.answering.classifier import Classifier
classifier = Classifier.load(sys.argv[1])
names, seconds = json.loads(sys.argv[2]), float(sys.argv[3])
images = [open(name, "rb").read() for name in names]
classifier.predict(images)
start, count = time.perf_counter(), 0
while time.perf_counter() - start < seconds:
    classifier.predict(images)
    count += len(images)
print(count / (time.perf_counter() - start))
"""


@dataclass
class Tally:
    """What became of the requests of one measurement."""

    seconds: list[float] = field(default_factory=list)  # from when each was due to the end of its answer
    answered: int = 0  # requests
    refused: int = 0  # 503 with Retry-After
    failed: list[str] = field(default_factory=list)


class Client:
    """Raw HTTP/1.1 over kept connections: as little work as possible beside the server."""

    def __init__(self, address: str) -> None:
        url = urlsplit(address)
        self.host, self.port = str(url.hostname), int(url.port or 80)
        self.free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, kept or new; the server has ended those that were idle for long."""
        while self.free:
            reader, writer = self.free.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self.host, self.port)

    async def ask(self, request: bytes, count: int, tally: Tally, due: float | None = None) -> None:
        """Send `request` with `count` images, and note what came of it."""
        start = time.perf_counter() if due is None else due
        try:
            reader, writer = await self.connect()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
        except (OSError, EOFError, IndexError) as error:
            tally.failed.append(repr(error))
            return
        self.free.append((reader, writer))
        status = int(head[9:12])
        if status == 200 and body.count(b'"path":') == count:
            tally.answered += 1
            tally.seconds.append(time.perf_counter() - start)
        elif status == 503 and b"retry-after" in head.lower():
            tally.refused += 1
        else:
            tally.failed.append(f"{status} {body[:100]!r}")


def request(contents: list[bytes], host: str) -> bytes:
    """One image as it is, or several as a form."""
    kind, body = b"image/png", contents[0]
    if len(contents) > 1:
        kind = b"multipart/form-data; boundary=" + BOUNDARY
        head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%d.png"\r\n\r\n'
        pieces = [head % (BOUNDARY, number) + content + b"\r\n" for number, content in enumerate(contents)]
        body = b"".join([*pieces, b"--", BOUNDARY, b"--\r\n"])
    lines = b"POST /predict?top=1 HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return lines % (host.encode(), kind, len(body)) + body


async def closed(client: Client, asked: bytes, count: int, lanes: int, seconds: float) -> tuple[Tally, float]:
    """`lanes` that each ask again as soon as they are answered; the tally, and images a second."""
    tally = Tally()
    start = time.perf_counter()

    async def lane() -> None:
        while time.perf_counter() - start < seconds:
            await client.ask(asked, count, tally)

    await asyncio.gather(*(lane() for _ in range(lanes)))
    return tally, tally.answered * count / (time.perf_counter() - start)


async def open_loop(client: Client, asked: bytes, count: int, rate: float, seconds: float) -> Tally:
    """Requests at random moments, `rate` a second on average (Poisson), whether earlier ones are answered or not."""
    tally, pending, draw = Tally(), set[asyncio.Task[None]](), random.Random(0)  # noqa: S311 - no secret
    start = due = time.perf_counter()
    while due - start < seconds:
        due += draw.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(client.ask(asked, count, tally, due))
        pending.add(task)
        task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)
    return tally


async def held(client: Client, asked: bytes, seconds: float) -> Tally:
    """CONNECTIONS at once, each of which asks twice, `seconds` apart."""
    tally = Tally()
    client.free = [await asyncio.open_connection(client.host, client.port) for _ in range(CONNECTIONS)]

    async def lane() -> None:
        for _ in range(2):
            await client.ask(asked, 1, tally)
            await asyncio.sleep(seconds)

    await asyncio.gather(*(lane() for _ in range(CONNECTIONS)))
    return tally


async def measure(address: str, process: int, contents: list[bytes], alone: float, options: argparse.Namespace) -> None:
    """Every measurement, printed as it is done."""
    host = urlsplit(address).netloc
    client = Client(address)
    batch, small, single = (request(contents[:count], host) for count in (BATCH, SMALL, 1))
    await closed(client, batch, BATCH, 4, 1.0)  # what is slow the first time is not counted
    tally, rate = await closed(client, batch, BATCH, 4, options.seconds)
    report(f"batches of {BATCH}", f"{rate:.0f} images/s, {rate / alone:.0%} of one process (bar 70 %)", tally)
    tally, singles = await closed(client, single, 1, 16, options.seconds)
    report("one image a request", f"{singles:.0f} requests/s, {percentiles(tally)}", tally)
    tally = await open_loop(client, single, 1, 0.7 * singles, options.seconds)
    report("70 % load", f"{percentiles(tally)} (bar: p99 at most 5 x p50)", tally)
    fresh = Client(address)
    tally = await held(fresh, single, options.seconds)
    report(f"{CONNECTIONS} connections held", f"{tally.answered} requests answered", tally)
    for _, writer in [*client.free, *fresh.free]:
        writer.close()
    memory = asyncio.create_task(watch_memory(process, options.overload))
    tally = await open_loop(Client(address), small, SMALL, 4 * rate / SMALL, options.overload)
    report(f"4 x overload for {options.overload:.0f} s", f"{tally.answered} answered, {tally.refused} refused", tally)
    samples = await memory
    print(f"{'  its memory':28} {samples[0]:.0f} MiB after a third, {samples[-1]:.0f} last, {max(samples):.0f} at most")
    tally, after = await closed(Client(address), batch, BATCH, 4, options.seconds)
    report(f"batches of {BATCH} afterwards", f"{after:.0f} images/s", tally)


async def watch_memory(process: int, seconds: float) -> list[float]:
    """Resident MiB of the server, each second of the last two thirds of `seconds`."""
    await asyncio.sleep(seconds / 3)
    samples = []
    for _ in range(max(1, int(seconds * 2 / 3))):
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
        samples.append(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")))
        await asyncio.sleep(1)
    return samples


def percentiles(tally: Tally) -> str:
    """The median and the 99th percentile."""
    p50, p99 = np.percentile(np.array(tally.seconds) * 1000, (50, 99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms ({p99 / p50:.1f} x)"


def report(name: str, found: str, tally: Tally) -> None:
    """Print one line."""
    failed = f"; {len(tally.failed)} FAILED, such as {tally.failed[0]}" if tally.failed else ""
    print(f"{name:28} {found}{failed}", flush=True)


def start_server(run: str) -> tuple[subprocess.Popen[str], str, float]:
    """`beholder serve`, its address, and the seconds until it told it."""
    start = time.perf_counter()
    command = [str(Path(sys.executable).with_name("beholder")), "serve", run, "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("}"):
            return process, str(json.loads("".join(lines))["address"]), time.perf_counter() - start
    sys.exit("the server did not start")


def small_images(folder: Path) -> list[Path]:
    """BATCH test images as PNG files of 32 x 32."""
    found = sorted((images.folder() / "test").rglob("*.jpg"))
    found = found[:: len(found) // BATCH][:BATCH]
    paths = []
    for number, path in enumerate(found):
        buffer = io.BytesIO()
        Image.open(path).save(buffer, "PNG")
        paths.append(folder / f"{number}.png")
        paths[-1].write_bytes(buffer.getvalue())
    return paths


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", nargs="?")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--overload", type=float, default=60.0)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or str(Path(folder) / "run")
        if options.run is None:
            beholder = str(Path(sys.executable).with_name("beholder"))
            short = ["--model", "fast", "--epochs", "1", "--out", run, "--progress", "none"]
            subprocess.run([beholder, "train", str(images.archive()), *short], check=True, capture_output=True)
        paths = small_images(Path(folder))
        names = json.dumps([str(path) for path in paths])
        command = [sys.executable, "-c", ALONE, run, names, str(options.seconds)]
        alone = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{'one process, no HTTP':28} {alone:.0f} images/s")
        taken = []
        for number in range(STARTS):
            server, address, seconds = start_server(run)
            taken.append(seconds)
            if number < STARTS - 1:
                end(server)
        print(
            f"{'serve is ready':28} {statistics.median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f}; bar 1.5 s)"
        )
        try:
            contents = [path.read_bytes() for path in paths]
            asyncio.run(measure(address, server.pid, contents, alone, options))
        finally:
            end(server)


def end(server: subprocess.Popen[str]) -> None:
    """Ask it to end, and check that it ends well."""
    server.terminate()
    status = server.wait(timeout=60)
    if status:
        print(f"the server ended with {status}")


if __name__ == "__main__":
    main()

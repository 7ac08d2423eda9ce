"""Claim: whatever is sent to `beholder serve`, it answers or refuses in words, keeps its memory bounded, and goes on.

Each attack is let loose on one server that is never started again. After each, `/healthz` must say ok and the answer to
an image must be what it was before. Forbidden throughout: a 5xx other than 503, a traceback in the server's output, an
answer that tells of a file outside the page's folder, and more than MEMORY MiB. Loopback only; every attack ends.

Measured: nothing forbidden in ten attacks; 993 MiB at most, by large images in small files, else 549. One run on 2
cores that were not idle, `fast` on digits, Python 3.11.

    python bench/siege.py [--overload SECONDS] [--only NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import bombs
import numpy as np
import serving
from PIL import Image

MEMORY = 1536  # MiB: 256 of bodies, one image of 100 million pixels at a time, and the model
FLOOD = 4_500  # connections: more than the server takes
SLOW = 300  # connections that send next to nothing
AGAIN = 30.0  # seconds after an attack in which it may still say 503
PATIENCE = 200.0  # seconds for one answer
ALLOWED = {100, 200, 304, 400, 403, 404, 405, 408, 410, 413, 415, 421, 431, 503, 507}
SECRETS = (b"root:", b"[project]", b"from __future__")  # of /etc/passwd, and of our own code

Found = Counter[str]


class Target:
    """The server under siege.

    Args:
        address: where it listens.
        process: its number.
    """

    def __init__(self, address: str, process: int) -> None:
        self.client = serving.Client(address)
        self.host = f"{self.client.host}:{self.client.port}".encode()
        self.process = process
        self.problems: list[str] = []

    async def send(self, content: bytes, found: Found) -> bytes:
        """Send bytes as they are, note the statuses of all answers, and return what came."""
        try:
            reader, writer = await asyncio.open_connection(self.client.host, self.client.port)
        except OSError:
            found["refused"] += 1
            return b""
        received = b""
        try:
            writer.write(content)
            async with asyncio.timeout(PATIENCE):
                received = await reader.read(-1)
        except TimeoutError:
            self.problems.append(f"no answer within {PATIENCE:.0f} s to {content[:60]!r}")
        except OSError:
            found["reset"] += 1
        finally:
            writer.close()
        self.judge(received, found)
        return received

    def judge(self, received: bytes, found: Found) -> None:
        """Note the statuses in `received`, and what must not be there."""
        statuses = [
            int(rest[2:5]) for rest in received.split(b"HTTP/1.")[1:] if rest[1:2] == b" " and rest[2:5].isdigit()
        ]
        for status in statuses:
            found[str(status)] += 1
            if status not in ALLOWED:
                self.problems.append(f"status {status}: {received[:300]!r}")
        if not statuses:
            found["closed"] += 1
        if any(secret in received for secret in SECRETS):
            self.problems.append(f"told too much: {received[:300]!r}")

    def head(self, line: bytes, *headers: bytes) -> bytes:
        """The head of a request that asks to be closed after it."""
        return b"\r\n".join([line + b" HTTP/1.1", b"Host: " + self.host, b"Connection: close", *headers, b"", b""])

    def post(self, path: bytes, kind: bytes, body: bytes) -> bytes:
        """A whole request."""
        return self.head(b"POST " + path, b"Content-Type: " + kind, b"Content-Length: %d" % len(body)) + body

    def memory(self) -> int:
        """The most MiB that the server had in memory since the last time that this was asked."""
        folder = Path(f"/proc/{self.process}")
        lines = (folder / "status").read_text(encoding="utf-8").splitlines()
        most = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))
        (folder / "clear_refs").write_text("5", encoding="utf-8")
        return most


def form(parts: list[tuple[bytes, bytes]], boundary: bytes = b"edge") -> bytes:
    """A multipart body of (disposition, content)."""
    pieces = [b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary, *part) for part in parts]
    return b"".join([*pieces, b"--", boundary, b"--\r\n"])


FORM = b"multipart/form-data; boundary=edge"


async def huge_bodies(target: Target, found: Found) -> None:
    """Announced, endless, and so many at once that they would fill the memory together."""
    announced = target.head(b"POST /predict", b"Content-Type: image/png", b"Content-Length: 99999999999")
    chunked = target.head(b"POST /predict", b"Content-Type: image/png", b"Transfer-Encoding: chunked")
    piece = b"%x\r\n%s\r\n" % (2**20, bytes(2**20))
    many = target.post(b"/predict", b"image/png", bytes(60 * 2**20))
    await target.send(announced, found)
    await target.send(chunked + piece * 80, found)
    await target.send(chunked + b"1\r\na\r\n" * 200_000 + b"0\r\n\r\n", found)
    await asyncio.gather(*(target.send(many, found) for _ in range(8)))


async def slow_senders(target: Target, found: Found) -> None:
    """Heads and bodies that hardly come: they must be closed, or told 408."""
    starts = [b"", b"P", b"POST /predict HTTP/1.1\r\nHost: "]
    body = target.head(b"POST /predict", b"Content-Type: image/png", b"Content-Length: 1000") + b"a"
    await asyncio.gather(*(target.send([*starts, body][n % 4], found) for n in range(SLOW)))


async def decompression_bombs(target: Target, found: Found) -> None:
    """Small files that are large images, one by one, together, and in one form."""
    files = await asyncio.to_thread(bombs.all_bombs)
    for path in (b"/predict", b"/page/ask", b"/page/inside", b"/page/ask/where"):
        await asyncio.gather(*(target.send(target.post(path, b"image/png", file), found) for file in files.values()))
    largest = form([(b'name="file"; filename="a.png"', files["RGBA"])] * 50)
    await target.send(target.post(b"/predict", FORM, largest), found)


async def many_fields(target: Target, found: Found) -> None:
    """Forms of very many, very long and very odd fields."""
    bodies = [
        form([(b'name="file"', b"")] * 100_000),
        form([(b'name="x%d"' % number, b"") for number in range(100_000)]),
        form([(b'name="file"; filename="%s"' % (b"a" * 2**20), b"a")]),
        form([(b'name="file"' + b'; a="b"' * 100_000, b"a")]),
        b"--edge\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(200_000)) + b"\r\na\r\n--edge--\r\n",
    ]
    await asyncio.gather(*(target.send(target.post(b"/predict", FORM, body), found) for body in bodies))


async def malformed_forms(target: Target, found: Found) -> None:
    """A good form, damaged in a thousand ways."""
    draw = random.Random(1)  # noqa: S311 - no secret
    good = form([(b'name="file"; filename="../../../etc/passwd"', image(3)), (b'name="file"', b"junk"), (b"", b"")])
    kinds = [b"multipart/form-data", b"multipart/form-data; boundary=", FORM, FORM, FORM, FORM]
    kinds.append(b"multipart/form-data; boundary=" + b"a" * 50_000)
    for _ in range(20):
        asked = []
        for _ in range(50):
            body = bytearray(good)
            for _ in range(draw.randint(1, 8)):
                place = draw.randrange(len(body))
                body[place : place + draw.randint(0, 9)] = draw.randbytes(draw.randint(0, 9))
            asked.append(target.post(b"/predict", draw.choice(kinds), bytes(body)))
        await asyncio.gather(*(target.send(content, found) for content in asked))


async def paths_and_queries(target: Target, found: Found) -> None:
    """Out of the page's folder, and into what is not there."""
    ways = [
        b"../",
        b"..%2f",
        b"%2e%2e/",
        b"..\\",
        b"..%5c",
        b"....//",
        b"%252e%252e/",
        b"..;/",
        b"/",
        b"%2f",
        b".%00./",
    ]
    goals = [b"app.py", b"etc/passwd", b"pyproject.toml", b"model/manifest.json"]
    paths = [b"/static/" + way * depth + goal for way in ways for depth in (1, 2, 4, 8) for goal in goals]
    paths += [b"/page/ask/examples/" + number for number in (b"-1", b"9" * 20, b"9" * 5000, b"1e3", b"%00", b"../0")]
    paths += [b"/watch/snapshots/" + number for number in (b"-1", b"9" * 20, b"9" * 5000, b"1e3", b"%00")]
    paths += [b"/page/inside/" + rest for rest in (b"x/0.png", b"%2e%2e/0.png", b"x/99999999.png", b"x/1/2/3/4")]
    paths += [b"/predict?top=" + value for value in (b"0", b"-1", b"9" * 5000, b"%00", b"1e9")]
    paths += [b"/page/corrections?path=" + b"%ff" * 9000, b"/page/corrections?set=" + b"a" * 9000, b"*", b"//", b"a:b"]
    paths += [b"http://evil.example/", b"/" + b"a" * 60_000, b"/\xff\xfe", b"/page/judge/cell/-1/99999999"]
    for method in (b"GET ", b"POST ", b"OPTIONS ", b"BREW "):
        await asyncio.gather(*(target.send(target.head(method + path), found) for path in paths))


async def heads(target: Target, found: Found) -> None:
    """Floods of headers, requests that two readers understand differently, other protocols, and pipelines."""
    hosts = [b"evil.example", b"", b"127.0.0.1:1@evil.example", b"a" * 9000, b"\xff\x00"]
    lengths = [b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: -1", b"Content-Length: 1e3"]
    lengths += [b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked"]
    asked = [b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host for host in hosts]
    asked += [target.head(b"POST /predict", b"Origin: " + origin) for origin in (b"null", b"http://evil.example", b"")]
    asked += [target.head(b"POST /predict", length) + b"0\r\n\r\n" for length in lengths]
    asked += [target.head(b"GET /", *(b"X-%d: y" % number for number in range(count))) for count in (1_000, 100_000)]
    asked += [target.head(b"GET /", b"X: " + b"a" * size) for size in (60_000, 50_000_000)]
    asked += [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\r\n" * 99_999,
    ]
    asked += [b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", target.head(b"POST /predict", b"Expect: 100-continue")]
    asked += [b"GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n" % target.host * 5_000 + target.head(b"GET /healthz")]
    await asyncio.gather(*(target.send(content, found) for content in asked))


async def documents(target: Target, found: Found) -> None:
    """JSON that is deep, huge, or not what was asked for."""
    bodies = [
        b"[" * 100_000,
        b"[" * 60_000_000,
        b"[" + b"[]," * 20_000_000 + b"0]",
        b'{"path":' + b"9" * 100_000 + b"}",
    ]
    bodies += [b'{"path": "\\ud800", "action": "drop"}', b"null", b"\xff", b"NaN", b'{"path": {}, "action": []}', b"{}"]
    for body in bodies:
        await target.send(target.post(b"/page/corrections", b"application/json", body), found)


async def connection_flood(target: Target, found: Found) -> None:
    """More connections than it takes, all silent: those beyond are told so, and the rest end."""
    await asyncio.gather(*(target.send(b"", found) for _ in range(FLOOD)))


async def overload(target: Target, found: Found, seconds: float) -> None:
    """Four times the images that it can answer: what is accepted is answered, the rest told to come back."""
    asked = serving.request([image(number) for number in range(serving.SMALL)], target.host.decode())
    _, rate = await serving.closed(serving.Client(f"http://{target.host.decode()}"), asked, serving.SMALL, 4, 3.0)
    tally = await serving.open_loop(target.client, asked, serving.SMALL, 4 * rate / serving.SMALL, seconds)
    found["200"] += tally.answered
    found["503"] += tally.refused
    # Too many connections, or a kept one that was about to end: closed with the request unread.
    unread = [one for one in tally.failed if "Reset" in one or "0 bytes read" in one]
    found["closed"] += len(unread)
    target.problems += [one for one in tally.failed if one not in unread][:3]
    for _, writer in target.client.free:
        writer.close()


def image(seed: int) -> bytes:
    """A small PNG of noise."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(256, size=(8, 8)).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


async def probe(target: Target) -> bytes:
    """What it says of its health and of one image, without the heads; asked again as long as it says 503."""
    asked = [target.head(b"GET /healthz"), target.post(b"/predict", b"image/png", image(0))]
    until, answers = time.monotonic() + AGAIN, list[bytes]()
    while len(answers) < len(asked):
        found: Found = Counter()
        head, _, answer = (await target.send(asked[len(answers)], found)).partition(b"\r\n\r\n")
        if b" 200 " in head[:16] or time.monotonic() > until:
            answers.append(answer)
        else:
            await asyncio.sleep(1)
    return b" ".join(answers)


async def besiege(target: Target, seconds: float, only: str) -> None:
    """Every attack, and a probe after each."""
    attacks: list[Callable[[Target, Found], Awaitable[None]]] = [
        *(heads, paths_and_queries, documents, many_fields, malformed_forms, decompression_bombs, huge_bodies),
        *(slow_senders, connection_flood, lambda target, found: overload(target, found, seconds)),
    ]
    names = [getattr(attack, "__name__", "").replace("_", " ") for attack in attacks[:-1]] + ["4 x overload"]
    expected = await probe(target)
    target.memory()
    for name, attack in zip(names, attacks, strict=True):
        if only not in name:
            continue
        found: Found = Counter()
        began = time.monotonic()
        await attack(target, found)
        took = time.monotonic() - began
        if (answer := await probe(target)) != expected:
            target.problems.append(f"after {name} it answers {answer[:300]!r}")
        most = target.memory()
        if most > MEMORY:
            target.problems.append(f"{name} brought it to {most} MiB, above {MEMORY}")
        told = ", ".join(f"{count:,} x {status}" for status, count in sorted(found.items()))
        print(f"{name:22} {took:4.0f} s, {most:5,} MiB at most: {told}", flush=True)


def main() -> None:
    """Train a small network, serve it, besiege it, and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--overload", type=float, default=20.0)
    parser.add_argument("--only", default="", help="part of the name of an attack")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    beholder = str(Path(sys.executable).with_name("beholder"))
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "output").open("w+b") as output:
        run = str(Path(folder) / "run")
        short = ["--model", "fast", "--epochs", "1", "--out", run, "--progress", "none"]
        subprocess.run([beholder, "train", "digits", *short], check=True, capture_output=True)
        command = [beholder, "serve", run, "--port", "0", "--json"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True)
        lines = []
        for line in server.stdout or ():
            lines.append(line)
            if line.startswith("}"):
                break
        target = Target(json.loads("".join(lines))["address"], server.pid)
        try:
            asyncio.run(besiege(target, options.overload, options.only))
        finally:
            serving.end(server)
        output.seek(0)
        if said := output.read().decode(errors="replace").strip():
            target.problems.append(f"the server said: {said[-500:]}")
    for problem in target.problems:
        print(f"PROBLEM: {problem}")
    if target.problems:
        sys.exit("The siege found something.")
    print(
        "Never another 5xx than 503, no traceback, nothing told of other files, and the same answer after each attack."
    )


if __name__ == "__main__":
    main()

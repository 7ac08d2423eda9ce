"""Claim: whatever bytes a reader of sounds gets, it makes an image of them or refuses in one sentence: 120,000 inputs.

Beside `fuzz.py`, which is led by the coverage of Python alone: FLAC, Ogg, MP3 and compressed WAV are decoded by a C
program, so here whole files of each kind are changed blindly: bits, bytes, lengths, cuts, splices; in two of three Ogg
files the checksums are put right again. Forbidden: any exception but a `BeholderError`, an error of several lines, more
than SECONDS for an input, more than MEMORY, a decoder of which nothing is left behind. How often the decoding process
was lost, which the reader has to survive, is told.

usage: python bench/fuzz_sounds.py [--inputs 120000] [--seed 1] [--only WAV,OGG] [--seeds FOLDER] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import io
import os
import random
import resource
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from beholder.data.images.fresh_process import fresh_process
from beholder.data.sounds import apart, ogg
from beholder.data.sounds.formats import sound_format
from beholder.data.sounds.reading import sound_header
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.windows import decode_sound
from beholder.errors import BeholderError

HERE = Path(__file__).resolve().parent
FILES = HERE.parent / "tests" / "data" / "sounds"
SECONDS, MEMORY = 20, 1024  # MiB
RULES = SoundRules(16_000, 1.0)
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF)


def main() -> None:
    """Change, read, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=120_000, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="formats, with commas between")
    parser.add_argument("--seeds", type=Path, help="a folder of further sounds to begin from")
    parser.add_argument("--out", type=Path, default=HERE / "work" / "fuzz", help="keeps inputs that fail")
    arguments = parser.parse_args()
    os.nice(max(0, 10 - os.nice(0)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    begins = seeds(arguments.seeds)
    chosen = {name: ones for name, ones in begins.items() if not arguments.only or name in arguments.only.split(",")}
    print("| Format | Inputs | Became images | Refused | Decoders lost | Slowest | Failures |")
    print("|---|---|---|---|---|---|---|")
    failures = 0
    for name, ones in chosen.items():
        row, failed = attack(name, ones, arguments.inputs // len(chosen), arguments.seed, arguments.out)
        failures += failed
        print(row, flush=True)
    sys.exit(failures > 0)


def seeds(folder: Path | None) -> dict[str, list[bytes]]:
    """Whole files by format: those of the tests, WAVs of several kinds, and those of `folder`."""
    contents = [path.read_bytes() for path in (*sorted(FILES.glob("tone.*")), *(folder.iterdir() if folder else ()))]
    for width, channels in ((1, 1), (2, 2), (3, 1), (4, 1)):
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setparams((channels, width, 11_025, 0, "NONE", ""))
            writer.writeframes(random.Random(0).randbytes(800 * width * channels))  # noqa: S311
        contents.append(file.getvalue())
    made: dict[str, list[bytes]] = {}
    for content in contents:
        made.setdefault(str(sound_format(content[:64])), []).append(content)
    return made


def attack(name: str, begins: list[bytes], inputs: int, seed: int, out: Path) -> tuple[str, int]:
    """Read `inputs` changed files of one format; the row of the table, and how many failed."""
    chance = random.Random(seed)  # noqa: S311
    counts = {"images": 0, "refused": 0, "failed": 0}
    lost = _counted_losses()
    slowest = 0.0
    baseline = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(inputs):
        content = changed(begins, chance)
        begun = time.process_time()
        outcome = _outcome(content)
        seconds = time.process_time() - begun
        slowest = max(slowest, seconds)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - baseline) >> 10
        if seconds > SECONDS or grown > MEMORY:
            outcome = f"{seconds:.0f} s, {grown} MiB"
        if outcome not in ("images", "refused"):
            (out / f"sound-{name}-{number}").write_bytes(content)
            print(f"{name} {number}: {outcome}", file=sys.stderr)
            outcome = "failed"
        counts[outcome] += 1
    told = [f"{counts[one]:,}" for one in ("images", "refused")]
    return (
        f"| {name} | {inputs:,} | {' | '.join(told)} | {lost():,} | {slowest:.1f} s | {counts['failed']} |",
        counts["failed"],
    )


def _outcome(content: bytes) -> str:
    try:
        sound_header(content)
        made = decode_sound(content, RULES)
    except BeholderError as error:
        told = str(error)
        return "refused" if "\n" not in told and told.endswith(".") else f"no sentence: {told!r}"
    except Exception as error:  # noqa: BLE001  that is what is looked for
        return repr(error)
    return "images" if made.shape[1:] == RULES.shape and len(made) else f"shape {made.shape}"


def changed(begins: list[bytes], chance: random.Random) -> bytes:
    """One of the files with some of it changed, most often near its start."""
    content = bytearray(chance.choice(begins))
    near = chance.random() < 0.6
    for _ in range(chance.choice((1, 1, 2, 3, 5, 10, 30))):
        if content:
            end = min(len(content), chance.choice((48, 200, 600, 4000))) if near else len(content)
            chance.choice(_CHANGES)(content, chance.randrange(end), chance, begins)
    if content.startswith(b"OggS") and chance.random() < 2 / 3:
        _mend(content)
    return bytes(content)


def _flip(content: bytearray, at: int, chance: random.Random, _: list[bytes]) -> None:
    content[at] ^= 1 << chance.randrange(8)


def _edge(content: bytearray, at: int, chance: random.Random, _: list[bytes]) -> None:
    size = chance.choice((1, 2, 4))
    order = "little" if chance.random() < 0.5 else "big"
    content[at : at + size] = (chance.choice(EDGES) & ((1 << 8 * size) - 1)).to_bytes(size, order)  # type: ignore[arg-type]


def _any(content: bytearray, at: int, chance: random.Random, _: list[bytes]) -> None:
    content[at] = chance.randrange(256)


def _cut(content: bytearray, at: int, chance: random.Random, _: list[bytes]) -> None:
    if chance.random() < 0.3:
        del content[at : at + chance.randrange(1, 200)]
    elif chance.random() < 0.2:
        del content[at:]


def _splice(content: bytearray, at: int, chance: random.Random, begins: list[bytes]) -> None:
    if chance.random() < 0.3:
        other = chance.choice(begins)
        start = chance.randrange(len(other))
        content[at:at] = other[start : start + chance.randrange(1, 400)]


_CHANGES: tuple[Callable[[bytearray, int, random.Random, list[bytes]], None], ...] = (_flip, _edge, _any, _cut, _splice)


def _mend(content: bytearray) -> None:
    """Put the checksums of all Ogg pages right, as somebody would who means harm."""
    place = content.find(b"OggS")
    while place >= 0 and place + 27 <= len(content):
        segments = content[place + 26]
        end = place + 27 + segments + sum(content[place + 27 : place + 27 + segments])
        content[place + 22 : place + 26] = bytes(4)
        content[place + 22 : place + 26] = ogg.checksum(bytes(content[place:end])).to_bytes(4, "little")
        place = content.find(b"OggS", place + 4)


def _counted_losses() -> Callable[[], int]:
    """How many decoding processes are started from now on, beyond the first."""
    started = [0]
    start = fresh_process

    def counted(work: Callable[..., None]) -> object:
        started[0] += 1
        return start(work)

    replaced = mock.patch.object(apart, "fresh_process", counted)
    replaced.start()
    apart.give_up()

    def lost() -> int:
        replaced.stop()
        return max(started[0] - 1, 0)

    return lost


if __name__ == "__main__":
    main()

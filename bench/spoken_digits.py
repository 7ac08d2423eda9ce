"""Spoken digits: how many are told right, of speakers that were heard in training and of those that were not.

Claims, with MINUTES of training on two cores: at least 98 % where a sixth of the files, drawn by lot, is the test set;
at least 85 % on average where four speakers are trained on, and chosen by, and the fifth is the test set, each in turn;
PyTorch (`torch_sounds.py`), in the same minutes on the same files, is below.

usage: python bench/spoken_digits.py [--minutes 2] [--parts random,s1,s2,s3,s4,s5] [--seed 0] [--peer PYTHON]
                                     [--only beholder|pytorch] [-- further options of `beholder train`]

PYTHON has torch; without it the peer is left out. The data are read from where they are shared and laid into
bench/work/spoken as links, each part as `train/<digit>/` and `test/<digit>/`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import images

HERE = Path(__file__).resolve().parent
SPEAKERS = tuple(f"s{number}" for number in range(1, 6))
SIXTH = 6
Row = tuple[str, str, float, float, str]  # part, who, accuracy, seconds, remark


def laid_out(part: str) -> Path:
    """The files of `part`, a speaker or `random`, as `train/<digit>/` and `test/<digit>/`."""
    everything, target = images.spoken(), images.WORK / "spoken" / part
    if not target.exists():
        building = images.WORK / "spoken" / f"{part}.building"
        shutil.rmtree(building, ignore_errors=True)
        for path in sorted(everything.glob("*/*.wav")):
            place = building / ("test" if _held_out(path, part) else "train") / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)
        building.rename(target)
    return target


def _held_out(path: Path, part: str) -> bool:
    if part in SPEAKERS:
        return path.name.startswith(f"{part}-")
    lot = hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).digest()
    return int.from_bytes(lot[:4], "big") % SIXTH == 0


def ours(part: str, minutes: float, seed: int, options: list[str]) -> Row:
    """`beholder train` and `beholder evaluate`, as anybody runs them."""
    command, run = str(Path(sys.executable).with_name("beholder")), images.WORK / "spoken-runs" / f"{part}-{seed}"
    shutil.rmtree(run, ignore_errors=True)
    how = ["--budget", f"{60 * minutes:g}s", "--seed", str(seed), "--out", str(run), "--progress", "none", *options]
    begun = time.perf_counter()
    _output([command, "train", str(laid_out(part)), *how])
    taken = time.perf_counter() - begun
    judged = json.loads(_output([command, "evaluate", str(run), "--json"]))
    return part, "beholder", judged["accuracy"], taken, f"{judged['count']} files"


def pytorch(part: str, minutes: float, seed: int, python: str) -> Row:
    """The peer, in its own environment."""
    command = [python, str(HERE / "torch_sounds.py"), str(laid_out(part)), "--minutes", str(minutes)]
    begun = time.perf_counter()
    told = json.loads(_output([*command, "--seed", str(seed)]).splitlines()[-1])
    remark = f"{told['epochs']} epochs, validation {told['validation']:.1%}"
    return part, "pytorch", told["accuracy"], time.perf_counter() - begun, remark


def _output(command: list[str]) -> str:
    """What a command prints; its errors are ours."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Train, judge, print a row each, and the mean over speakers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--parts", default=",".join(("random", *SPEAKERS)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", help="a Python that has torch")
    parser.add_argument("--only", choices=["beholder", "pytorch"])
    parser.add_argument("options", nargs="*", help="further options of `beholder train`, behind --")
    given = parser.parse_args()
    rows: list[Row] = []
    print("| Test set | Trained by | Right | Seconds | |")
    print("|---|---|---|---|---|")
    for part in given.parts.split(","):
        if given.only != "pytorch":
            rows.append(ours(part, given.minutes, given.seed, given.options))
            _print(rows[-1])
        if given.peer and given.only != "beholder":
            rows.append(pytorch(part, given.minutes, given.seed, given.peer))
            _print(rows[-1])
    for who in ("beholder", "pytorch"):
        unheard = [row for row in rows if row[1] == who and row[0] in SPEAKERS]
        if unheard:
            mean, taken = (sum(row[2] for row in unheard) / len(unheard), sum(row[3] for row in unheard) / len(unheard))
            _print((f"mean of {len(unheard)} speakers", who, mean, taken, ""))


def _print(row: Row) -> None:
    part, who, accuracy, seconds, remark = row
    print(f"| {part} | {who} | {accuracy:.1%} | {seconds:.0f} | {remark} |", flush=True)


if __name__ == "__main__":
    main()

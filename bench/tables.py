"""Claim: a table of a million rows is parsed, checked and divided in at most 5 s and 1 GB.

No image is opened for it but those of a sample, which decide size and colour. The table names a million files, links to
a thousand images of 8 x 8 pixels in as many folders, in an order by lot; each kind of table is read in a process of its
own, on one core. `sets.csv` has a column of sets; the others are divided by class, by `beholder.data.split.split`.

    python bench/tables.py [FOLDER] [--rows N] [--repeats N]

FOLDER keeps the files for the next time; by default they are made in /dev/shm, where there is one, and removed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KINDS = ("labels.csv", "sets.csv", "labels.jsonl")


def make(folder: Path, rows: int) -> None:
    """The images and the tables, unless they are there."""
    if all((folder / kind).exists() for kind in KINDS):
        return
    import numpy as np
    from PIL import Image

    names, generator = [], np.random.default_rng(0)
    for number in range(rows // 1000):
        inside = folder / f"{number:04}"
        inside.mkdir(exist_ok=True)
        names += [f"{inside.name}/{one:03}.png" for one in range(1000)]
        Image.fromarray(generator.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(inside / "000.png")
        for one in range(1, 1000):
            (inside / f"{one:03}.png").hardlink_to(inside / "000.png")
    names = [names[place] for place in generator.permutation(len(names))]
    labels = [f"class {label}" for label in generator.integers(0, 100, len(names)).tolist()]
    pairs = list(zip(names, labels, strict=True))
    sets = ("train",) * 8 + ("val", "test")
    lines = {
        "labels.csv": ["path,label", *(f"{name},{label}" for name, label in pairs)],
        "sets.csv": ["path,label,split", *(f"{a},{b},{sets[row % 10]}" for row, (a, b) in enumerate(pairs))],
        "labels.jsonl": [json.dumps({"path": name, "label": label}) for name, label in pairs],
    }
    for kind, content in lines.items():
        (folder / kind).write_text("\n".join(content))


def measure(table: Path) -> dict[str, float]:
    """Seconds of this process and of the clock, and the memory beyond the imports, in MB."""
    import numpy as np

    from beholder.data.opening import open_source
    from beholder.data.split import split

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock, own = time.perf_counter(), time.process_time()
    source = open_source(table, cache=table.parent.parent / "no cache")
    if "all" in source.files:
        number = {name: label for label, name in enumerate(source.class_names)}
        labels = np.array([number[name] for name in source.classes["all"]], np.int64)
        split(labels, None, seed=0, fractions={"train": 0.8, "validation": 0.1, "test": 0.1})
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": time.perf_counter() - clock,
        "own": time.process_time() - own,
        "megabytes": (after - before) / (1e6 if sys.platform == "darwin" else 1e3),
        "rows": sum(map(len, source.files.values())),
    }


def compare(folder: Path, rows: int, repeats: int) -> None:
    """A line for each kind of table."""
    # Each in a process of its own: what this one starts would inherit its peak of memory.
    subprocess.run([sys.executable, __file__, str(folder), "--rows", str(rows), "--only", "make"], check=True)
    for kind in KINDS:
        command = [sys.executable, __file__, str(folder), "--only", kind]
        done = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(repeats)]
        seconds, own = sorted(one["seconds"] for one in done), sorted(one["own"] for one in done)
        told = f"{seconds[0]:.1f} to {seconds[-1]:.1f} s, of the processor {own[0]:.1f} to {own[-1]:.1f} s"
        print(f"{kind:14}{done[0]['rows']:,} rows: {told}, {max(one['megabytes'] for one in done):.0f} MB")


def main() -> None:
    """Read the arguments; `--only` is one measurement for `compare`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=["make", *KINDS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only == "make":
        make(arguments.folder, arguments.rows)
    elif arguments.only:
        print(json.dumps(measure(arguments.folder / arguments.only)))
    elif arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        compare(arguments.folder, arguments.rows, arguments.repeats)
    else:
        memory = Path("/dev/shm")  # noqa: S108  a disk takes minutes for a million links
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            compare(Path(folder), arguments.rows, arguments.repeats)


if __name__ == "__main__":
    main()

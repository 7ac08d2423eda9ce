"""Claim: 45,000 JPEG images of 32 x 32 in a folder load in at most 1.3 x the time Pillow needs to decode them.

Measured: 1.17 x (1.90 s against 1.68 s), and 0.22 s for the second load; medians of 3 pairs, 2 cores, Python 3.11,
Pillow 13.0.

Pillow's time is a process pool over all cores that opens each image, converts it to RGB and makes an array, and keeps
nothing. Ours lists the folder, decodes, writes the cache and maps it; a second load only looks at the files (bar: 2 s).
Pairs A B A B on a warm disk, each in a process of its own.

    python bench/folder.py [FOLDER] [--repeats N] [--cache PARENT]

FOLDER has `train/<class>/…`; without it the shared images are unpacked into a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "cifar10-pictures.zip"


def decode_plainly(path: str) -> int:
    """What Pillow alone does for one image."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return int(np.asarray(image.convert("RGB")).nbytes)


def plain(folder: Path, _cache: Path) -> dict[str, float]:
    """Seconds that Pillow needs on all cores; listing the files is not counted."""
    paths = sorted(str(path) for path in (folder / "train").rglob("*.jpg"))
    start = time.perf_counter()
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        count = sum(1 for _ in pool.imap_unordered(decode_plainly, paths, chunksize=256))
    return {"seconds": time.perf_counter() - start, "count": count}


def load(folder: Path, cache: Path) -> dict[str, float]:
    """Seconds of ours, from opening the folder to mapped images."""
    from beholder.data.opening import open_source
    from beholder.data.progress import silent

    start = time.perf_counter()
    dataset = open_source(folder, cache=cache).readers["train"](silent)
    return {"seconds": time.perf_counter() - start, "count": len(dataset)}


def measured(what: str, folder: Path, cache: Path) -> dict[str, float]:
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, str(folder), "--cache", str(cache), "--only", what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def compare(folder: Path, parent: str | None, repeats: int) -> None:
    """Print each pair and the medians."""
    measured("plain", folder, folder)  # warms the disk's cache
    rows: list[tuple[float, float, float]] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(dir=parent) as cache:
            a = measured("plain", folder, Path(cache))
            b = measured("load", folder, Path(cache))
            c = measured("load", folder, Path(cache))
        rows.append((a["seconds"], b["seconds"], c["seconds"]))
        times = "Pillow {:.2f} s, first load {:.2f} s, again {:.2f} s".format(*rows[-1])
        print(f"{b['count']:,.0f} images: {times}")
    pillow, first, again = (statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median(row[1] / row[0] for row in rows)
    print(
        f"Medians of {repeats} on {len(os.sched_getaffinity(0))} cores: Pillow {pillow:.2f} s, first load {first:.2f} s"
    )
    print(f"Ratio of the pairs {ratio:.2f} (bar 1.3), second load {again:.2f} s (bar 2 s)")


def main() -> None:
    """Read the arguments; `--only` is one measurement for `measured`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", help="where caches are made (default: the system's temporary folder)")
    parser.add_argument("--only", choices=["plain", "load"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(
            json.dumps({"plain": plain, "load": load}[arguments.only](arguments.folder, Path(arguments.cache or ".")))
        )
    elif arguments.folder:
        compare(arguments.folder, arguments.cache, arguments.repeats)
    elif SHARED.exists():
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(SHARED) as archive:
            archive.extractall(folder)
            root = next(path.parent for path in Path(folder).rglob("train"))
            compare(root, arguments.cache, arguments.repeats)
    else:
        sys.exit("Bring a folder with train/<class>/… as the argument: the shared images are not here.")


if __name__ == "__main__":
    main()

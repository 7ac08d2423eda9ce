"""The shared real data, unpacked once into bench/work: images as a folder and as the original's archive, and sounds."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared" / "data"
WORK = HERE / "work"


def folder() -> Path:
    """`train/<class>/…` and `test/<class>/…`, 50,000 JPEG images."""
    target = WORK / "images"
    if not target.exists():
        _need_shared()
        with zipfile.ZipFile(SHARED / "cifar10-pictures.zip") as bundle:
            bundle.extractall(target)
    return target


def archive() -> Path:
    """The same images as the unpacked "python version"."""
    target = WORK / "cifar-10-batches-py"
    if not target.exists():
        _need_shared()
        subprocess.run([sys.executable, SHARED / "make_cifar_archive.py", WORK], check=True, capture_output=True)
        with tarfile.open(WORK / "cifar-10-python.tar.gz") as bundle:
            bundle.extractall(WORK, filter="data")
    return target


def clothes() -> Path:
    """Photographs of clothes, `train/<class>/…`, `val/…`, and a seventh of train as `test/…`: our own, by lot."""
    target = WORK / "clothes"
    if not target.exists():
        _need_shared()
        with tempfile.TemporaryDirectory(dir=WORK) as scratch:
            with zipfile.ZipFile(SHARED / "clothing.zip") as bundle:
                bundle.extractall(scratch)
            for kind in sorted((Path(scratch) / "train").iterdir()):
                photographs = sorted(kind.iterdir(), key=lambda one: hashlib.sha256(one.name.encode()).hexdigest())
                held_out = Path(scratch) / "test" / kind.name
                held_out.mkdir(parents=True)
                for photograph in photographs[: len(photographs) // 7]:
                    photograph.rename(held_out / photograph.name)
            (Path(scratch) / "validation").rename(Path(scratch) / "val")
            Path(scratch).rename(target)
            Path(scratch).mkdir()  # for its owner to remove
    return target


def spoken() -> Path:
    """`<digit>/<speaker>-<number>.wav`, 2,500 spoken digits of five speakers."""
    target = WORK / "spoken" / "all"
    if not target.exists():
        _need_shared()
        building = WORK / "spoken" / "building"
        shutil.rmtree(building, ignore_errors=True)
        with zipfile.ZipFile(SHARED / "spoken-digits.zip") as bundle:
            bundle.extractall(building)
        building.rename(target)
    return target


def _need_shared() -> None:
    if not SHARED.is_dir():
        sys.exit(f"The real images are not beside the repository ({SHARED.name} is missing); bring them to measure.")
    WORK.mkdir(exist_ok=True)

"""The shared real images, unpacked once into bench/work: as a folder, and as an archive in the original's layout."""

from __future__ import annotations

import subprocess
import sys
import tarfile
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


def _need_shared() -> None:
    if not SHARED.is_dir():
        sys.exit(f"The real images are not beside the repository ({SHARED.name} is missing); bring them to measure.")
    WORK.mkdir(exist_ok=True)

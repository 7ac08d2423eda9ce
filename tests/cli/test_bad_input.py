"""A person relies on: bad input gets one sentence that names the file, status 2, no RUN, and nothing of theirs changed.

Each kind of bad input in turn goes through the command line, to every command that could meet it.
"""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run

Entry = tuple[str, bytes | tarfile.TarInfo]
NAMES = ["cat", "dog"]


def random_images(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


LEARNING = ("train", "look")  # an audit tells of what these refuse


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


def one_sentence(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.endswith(".\n")
    assert captured.err.count("\n") == 1
    return captured.err


def assert_refused(
    data: Path,
    *named: str,
    home: Path,
    capfd: pytest.CaptureFixture[str],
    commands: tuple[str, ...] = ("train", "look", "audit"),
) -> None:
    """Each of `commands` refuses `data`, which lies in `home`, with a sentence that holds all of `named`."""
    before, cache, out = snapshot(home), home.parent / "cache", home.parent / "out.png"
    for command in commands:
        assert _run([command, str(data), "--out", str(out), "--cache", str(cache)]) == 2, command
        message = one_sentence(capfd)
        for name in named:
            assert name in message
        assert not out.exists()
    assert snapshot(home) == before


# Archives


def batch(rows: int = 20, **changes: Any) -> bytes:
    content = {"data": random_images(rows).reshape(rows, 3072), "labels": [row % 2 for row in range(rows)], **changes}
    return pickle.dumps({key: value for key, value in content.items() if value is not None}, protocol=2)


def archive_entries(**changes: bytes) -> list[Entry]:
    files = {
        "batches.meta": pickle.dumps({"label_names": NAMES}, protocol=2),
        "data_batch_1": batch(),
        "test_batch": batch(6),
        **changes,
    }
    return [(f"cifar-10-batches-py/{name}", content) for name, content in files.items()]


def write_tar(path: Path, entries: list[Entry]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in entries:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def write_folder(path: Path, entries: list[Entry]) -> Path:
    path.mkdir()
    for name, content in entries:
        assert isinstance(content, bytes)
        (path / name.rpartition("/")[2]).write_bytes(content)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the person's files lie."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def bit_flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


def other_format(_: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("data_batch_1", b"no tar")
    return buffer.getvalue()


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [truncated, bit_flipped, other_format, empty])
def test_a_damaged_archive(home: Path, capfd: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]) -> None:
    path = write_tar(home / "cifar.tar.gz", archive_entries())
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(path, str(path), home=home, capfd=capfd)


@pytest.mark.parametrize("name", ["letter.txt", "song.mp3", "archive.rar"])
def test_a_file_of_another_kind(home: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    (home / name).write_bytes(b"something else")
    assert_refused(home / name, str(home / name), home=home, capfd=capfd)


class Touch:
    """Pickled, this asks whoever loads it to run a command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("write", [write_folder, write_tar])
@pytest.mark.parametrize("file", ["data_batch_1", "batches.meta"])
def test_a_pickle_that_runs_code_runs_nothing(
    home: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    write: Callable[[Path, list[Entry]], Path],
    file: str,
) -> None:
    marker = tmp_path / "it-ran"
    evil = pickle.dumps({"data": Touch(marker), "labels": [0], "label_names": Touch(marker)}, protocol=2)
    data = write(home / "cifar.tar.gz", archive_entries(**{file: evil}))
    assert_refused(data, str(data), file, "nothing in it was run", home=home, capfd=capfd)
    assert not marker.exists()
    pickle.loads(evil)
    assert marker.exists(), "the pickle is as dangerous as it should be"


def special(name: str, kind: bytes, target: str = "") -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return name, info


@pytest.mark.parametrize(
    "entry",
    [
        ("../outside", b"content"),
        ("/absolute/outside", b"content"),
        ("cifar-10-batches-py/../../outside", b"content"),
        special("cifar-10-batches-py/data_batch_2", tarfile.SYMTYPE, "/etc/passwd"),
        special("cifar-10-batches-py/data_batch_2", tarfile.LNKTYPE, "cifar-10-batches-py/data_batch_1"),
        special("cifar-10-batches-py/data_batch_2", tarfile.CHRTYPE),
        special("cifar-10-batches-py/data_batch_2", tarfile.FIFOTYPE),
    ],
    ids=["above", "absolute", "through", "symlink", "hardlink", "device", "fifo"],
)
def test_a_tar_entry_that_is_no_plain_file_inside(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], entry: Entry
) -> None:
    path = write_tar(home / "cifar.tar.gz", [*archive_entries(), entry])
    assert_refused(path, str(path), entry[0], home=home, capfd=capfd)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("write", [write_folder, write_tar])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (batch(labels=None), "'labels'"),
        (batch(data=None), "'data'"),
        (batch(data=np.zeros((20, 3071), np.uint8)), "(20, 3071)"),
        (batch(data=np.zeros((20, 3072), np.float32)), "float32"),
        (batch(labels=[0] * 19), "'labels'"),
        (batch(labels=[0] * 19 + [2]), "0 to 2"),
        (batch(labels=[0] * 19 + [-1]), "-1"),
        (pickle.dumps({"data": np.zeros((0, 3072), np.uint8), "labels": []}), "no images"),
        (pickle.dumps([1, 2]), "data_batch_1"),
        (b"", "data_batch_1"),
    ],
)
def test_a_batch_that_is_not_as_it_should_be(
    home: Path,
    capfd: pytest.CaptureFixture[str],
    write: Callable[[Path, list[Entry]], Path],
    content: bytes,
    word: str,
) -> None:
    data = write(home / "cifar.tar.gz", archive_entries(data_batch_1=content))
    assert_refused(
        data, str(data / "cifar-10-batches-py") if data.is_file() else str(data), word, home=home, capfd=capfd
    )


# Arrays


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"images": random_images(20, 8)}, "'labels'"),
        ({"labels": np.arange(20) % 2}, "'images'"),
        ({"images": random_images(20, 8), "labels": np.arange(19) % 2}, "19"),
        ({"images": random_images(20, 8), "labels": np.arange(20), "names": np.array(NAMES)}, "19"),
        ({"images": random_images(20, 8), "labels": np.zeros(20, int)}, "one class"),
        ({"images": random_images(20, 8).astype(np.int32), "labels": np.arange(20) % 2}, "int32"),
        ({"images": np.array([{}] * 20), "labels": np.arange(20) % 2}, "run code"),
        ({"images": random_images(0, 8), "labels": np.arange(0)}, "(0, 8, 8, 3)"),
    ],
)
def test_an_npz_that_is_not_as_it_should_be(
    home: Path, capfd: pytest.CaptureFixture[str], arrays: dict[str, np.ndarray], word: str
) -> None:
    path = home / "data.npz"
    np.savez(path, allow_pickle=True, **arrays)
    assert _run(["train", str(path), "--out", str(home.parent / "run")]) == 2
    message = one_sentence(capfd)
    assert str(path) in message
    assert word in message
    assert [entry.name for entry in home.parent.iterdir()] == ["home"]


@pytest.mark.parametrize("damage", [truncated, bit_flipped, empty])
def test_a_damaged_npz(home: Path, capfd: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]) -> None:
    path = home / "data.npz"
    np.savez(path, images=random_images(20, 8), labels=np.arange(20) % 2)
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(path, str(path), home=home, capfd=capfd)


@pytest.mark.usefixtures("framework")
def test_images_too_small_for_a_network(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = home / "data.npz"
    np.savez(path, images=random_images(40, 4), labels=np.arange(40) % 2)
    assert _run(["train", str(path), "--out", str(home.parent / "run"), "--progress", "none"]) == 2
    assert "4 × 4" in one_sentence(capfd)
    assert not (home.parent / "run").exists()


# Folders of images


def png(seed: int, side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(random_images(1, side, seed)[0]).save(buffer, "PNG")
    return buffer.getvalue()


def bomb(side: int = 50_000) -> bytes:
    """A PNG whose header announces `side` × `side` pixels: 7.5 GB once decoded."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


BAD_IMAGES = {
    "text": b"this is no image",
    "truncated": png(0, 64)[:3000],
    "zero-byte": b"",
    "one-pixel": png(0, 1),
    "bomb": bomb(),
    "flipped": bit_flipped(png(0, 64)),
}


def write_classes(folder: Path, classes: dict[str, int]) -> Path:
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number:02d}.png").write_bytes(png(zlib.crc32(os.fsencode(f"{name} {number}"))))
    return folder


def test_a_folder_without_images(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "notes.txt").write_text("nothing here")
    assert_refused(home, str(home), "No images", home=home, capfd=capfd)


def test_no_folder_at_all(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert_refused(home / "nowhere", str(home / "nowhere"), home=home, capfd=capfd)


def test_a_folder_with_one_class(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_classes(home, {"cat": 5})
    assert_refused(home, str(home), "'cat'", home=home, capfd=capfd)


def test_a_class_with_one_image(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_classes(home, {"cat": 10, "dog": 1})
    assert_refused(home, str(home), "'dog'", home=home, capfd=capfd, commands=LEARNING)


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_more_than_five_percent_unreadable_images_stop_the_run(
    home: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    write_classes(home, {"cat": 19, "dog": 18})
    for name in ("cat/bad.png", "dog/bad.png"):
        (home / name).write_bytes(BAD_IMAGES[kind])
    assert_refused(home, "2 of 39", str(home / "cat" / "bad.png"), home=home, capfd=capfd, commands=LEARNING)


@pytest.mark.usefixtures("framework")
def test_up_to_five_percent_are_skipped_counted_and_listed_in_the_run(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_classes(home, {"cat": 60, "dog": 60})
    for kind, content in BAD_IMAGES.items():
        (home / "dog" / f"{kind}.png").write_bytes(content)
    before, run = snapshot(home), tmp_path / "run"
    options = ["--model", "linear", "--epochs", "1", "--progress", "none", "--cache", str(tmp_path / "cache")]
    assert _run(["train", str(home), "--out", str(run), *options]) == 0
    described = json.loads((run / "data.json").read_bytes())
    assert {entry["path"] for entry in described["skipped"]} == {f"dog/{kind}.png" for kind in BAD_IMAGES}
    for entry in described["skipped"]:
        assert str(home / entry["path"]) in entry["error"]
    assert sum(sum(counts) for counts in described["counts"].values()) == 108, "96 to learn from, 12 to validate on"
    assert "dog/bomb.png" in (run / "report.html").read_text(encoding="utf-8")
    assert snapshot(home) == before
    capfd.readouterr()


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_a_bad_image_to_predict_is_named_and_the_next_is_answered(
    home: Path, digits_run: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    bad, good = home / "bad.png", home / "good.png"
    bad.write_bytes(BAD_IMAGES[kind])
    good.write_bytes(png(1))
    before = snapshot(home)
    assert _run(["predict", str(digits_run), str(bad), str(good), "--json"]) == 2
    captured = capfd.readouterr()
    refused, answered = json.loads(captured.out)["predictions"]
    assert captured.err == ""
    assert str(bad) in refused["error"]
    assert refused["error"].endswith(".")
    assert answered["label"]
    assert snapshot(home) == before


@pytest.mark.usefixtures("framework")
def test_names_of_any_bytes_go_the_whole_street(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    odd = [os.fsdecode(name) for name in (b"a b", b"new\nline", "\N{SNOWMAN} é".encode(), b"no text \xff")]
    data = home / odd[3]
    write_classes(data, dict.fromkeys(odd, 12))
    for class_name in odd:
        for number, name in enumerate(odd):
            (data / class_name / f"{number:02d}.png").rename(data / class_name / f"{name}.png")
    before, run, cache = snapshot(home), tmp_path / odd[1] / odd[3], str(tmp_path / "cache")
    options = ["--model", "linear", "--epochs", "1", "--progress", "none", "--json", "--cache", cache]
    assert _run(["train", str(data), "--out", str(run), *options]) == 0
    assert json.loads(capfd.readouterr().out)["run"] == str(run)
    assert _run(["evaluate", str(run), "--json"]) == 0
    assert {row["class_name"] for row in json.loads(capfd.readouterr().out)["per_class"]} == set(odd)
    assert _run(["evaluate", str(run)]) == 0
    assert _run(["predict", str(run), str(data)]) == 0
    assert _run(["look", str(data), "--out", str(tmp_path / f"{odd[2]}.png"), "--cache", cache]) == 0
    assert _run(["train", "--resume", str(run)]) == 0
    capfd.readouterr()
    assert _run(["predict", str(run), str(data), "--json"]) == 0
    predictions = json.loads(capfd.readouterr().out)["predictions"]
    assert {entry["path"] for entry in predictions} == {name for name in before if name.endswith(".png")}
    assert {entry["label"] for entry in predictions} <= set(odd)
    assert snapshot(home) == before


# A full disk


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Fills the disk: from now on nothing can be made to last on it."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "fsync", refuse)


def test_a_full_disk_stops_train_and_look_without_a_trace(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], full: Callable[[], None]
) -> None:
    full()
    for command, name in (("train", "run"), ("look", "sheet.png")):
        assert _run([command, "digits", "--out", str(tmp_path / name)]) == 2
        message = one_sentence(capfd)
        assert str(tmp_path / name) in message
        assert "the disk is full" in message
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_an_evaluated_run_as_it_was(
    digits_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], full: Callable[[], None]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    (run / "evaluation.json").unlink(missing_ok=True)
    before = snapshot(run)
    full()
    assert _run(["evaluate", str(run)]) == 2
    assert "evaluation.json" in one_sentence(capfd)
    assert snapshot(run) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A real file system of a given size, and a way to make it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(size: str) -> Path:
        nonlocal mounted
        options = f"remount,size={size}" if mounted else f"size={size}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if (
            os.geteuid()
            or not shutil.which("mount")
            or subprocess.run(command, capture_output=True, check=False).returncode
        ):
            pytest.skip("only root may mount a small file system")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


LINEAR = ["--model", "linear", "--epochs", "2", "--progress", "none"]


@pytest.mark.usefixtures("framework")
def test_a_disk_too_small_for_a_checkpoint_keeps_nothing(
    small_disk: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    disk = small_disk("24k")
    assert _run(["train", "digits", *LINEAR, "--out", str(disk / "run")]) == 2
    assert "the disk is full" in one_sentence(capfd)
    assert list(disk.iterdir()) == []


@pytest.mark.usefixtures("framework")
def test_a_disk_too_small_for_the_model_keeps_the_training_to_go_on_with(
    small_disk: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    disk = small_disk("128k")
    run = disk / "run"
    assert _run(["train", "digits", *LINEAR, "--out", str(run)]) == 2
    assert "the disk is full" in one_sentence(capfd)
    assert not (run / "model").exists(), "a model is written whole or not at all"
    assert not [path for path in run.iterdir() if path.name.startswith(".")], "nor is any half of it left"
    assert small_disk("2m") == disk
    assert _run(["train", "--resume", str(run), "--progress", "none", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["epochs"] == 2
    assert _run(["predict", str(run), str(run / "model" / "golden" / "0.png")]) == 0


def test_a_disk_too_small_for_decoded_images(
    home: Path, small_disk: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_classes(home, {"cat": 20, "dog": 20})
    disk = small_disk("4k")
    assert _run(["train", str(home), "--out", str(tmp_path / "run"), "--cache", str(disk / "cache")]) == 2
    assert str(disk) in one_sentence(capfd)
    assert not (tmp_path / "run").exists()

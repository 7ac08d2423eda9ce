"""Images are decoded once, and never wrongly remembered."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beholder.data.images import cache as cache_module
from beholder.data.images import decode_many, fresh_process, stamps
from beholder.data.images.cache import ImageFiles, Loaded, load_images
from beholder.data.images.decode import ImageRules, decode_and_look_at_end
from beholder.data.images.places import Folder
from beholder.data.progress import silent
from beholder.errors import DataError, StorageError, UsageError

RULES = ImageRules(8, 8, "RGB")


def make_images(folder: Path, count: int, bad: tuple[int, ...] = ()) -> tuple[ImageFiles, NDArray[np.uint8]]:
    """PNG files with known pixels; those in `bad` are not images."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), np.uint8)
    names = [f"{row:04}.png" for row in range(count)]
    for row, name in enumerate(names):
        Image.fromarray(pixels[row]).save(folder / name, compress_level=0)
        if row in bad:
            (folder / name).write_bytes(b"nonsense")
    return ImageFiles(Folder(folder), "train", names), pixels


def folder_of(files: ImageFiles) -> Path:
    assert isinstance(files.place, Folder)
    return files.place.path


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were decoded in this process so far."""
    names: list[str] = []

    def listening(image: Path | bytes, rules: ImageRules) -> tuple[NDArray[np.uint8], bool]:
        assert isinstance(image, Path)
        names.append(image.name)
        return decode_and_look_at_end(image, rules)

    monkeypatch.setattr(decode_many, "decode_and_look_at_end", listening)
    return names


def check(loaded: Loaded, pixels: NDArray[np.uint8], bad: tuple[int, ...] = ()) -> None:
    good = [row for row in range(len(pixels)) if row not in bad]
    assert loaded.rows.tolist() == good
    assert sorted(loaded.failures) == list(bad)
    np.testing.assert_array_equal(loaded.images, pixels[good])


def test_images_are_a_read_only_memory_map_of_a_npy_file(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 5)
    loaded = load_images(files, RULES, cache=tmp_path / "cache")
    check(loaded, pixels)
    assert isinstance(loaded.images, np.memmap)
    assert not loaded.images.flags.writeable
    (path,) = (tmp_path / "cache").iterdir()
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), pixels)


def test_the_second_load_decodes_nothing(tmp_path: Path, decoded: list[str]) -> None:
    files, pixels = make_images(tmp_path / "data", 20, bad=(3,))
    for _ in range(3):
        check(load_images(files, RULES, cache=tmp_path / "cache"), pixels, bad=(3,))
    assert decoded == files.names


def test_only_changed_new_and_renamed_images_are_decoded_again(tmp_path: Path, decoded: list[str]) -> None:
    files, pixels = make_images(tmp_path / "data", 20, bad=(0, 7))
    before = load_images(files, RULES, cache=tmp_path / "cache")
    decoded.clear()
    Image.fromarray(255 - pixels[4]).save(folder_of(files) / "0004.png", compress_level=0)
    os.utime(folder_of(files) / "0004.png", ns=(1, 1))  # same size, another time
    (folder_of(files) / "0002.png").unlink()
    Image.fromarray(pixels[2]).save(folder_of(files) / "0020.png")
    changed = ImageFiles(files.place, "train", [name for name in files.names if name != "0002.png"] + ["0020.png"])
    loaded = load_images(changed, RULES, cache=tmp_path / "cache")
    assert decoded == ["0004.png", "0020.png"]
    expected = np.concatenate([pixels[:2], pixels[3:4], 255 - pixels[4:5], pixels[5:], pixels[2:3]])
    check(loaded, expected, bad=(0, 6))
    check(before, pixels, bad=(0, 7))  # what was mapped earlier stays as it was


def test_a_repaired_image_comes_back(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 12, bad=(5,))
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels, bad=(5,))
    Image.fromarray(pixels[5]).save(folder_of(files) / "0005.png")
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)


def test_an_image_that_may_be_read_again_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, pixels = make_images(tmp_path / "data", 12)
    real_open = Path.open

    def refusing_open(path: Path, mode: str) -> IO[Any]:
        if path.name == "0005.png":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(path, mode)

    with monkeypatch.context() as patch:  # rights do not bind the administrator, who may run these tests
        patch.setattr(os, "access", lambda path, _: not str(path).endswith("0005.png"))
        patch.setattr(Path, "open", refusing_open)
        check(load_images(files, RULES, cache=tmp_path / "cache"), pixels, bad=(5,))
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)


def test_other_rules_and_other_folders_do_not_mix(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 4)
    others, other_pixels = make_images(tmp_path / "others", 5)
    others = ImageFiles(others.place, "train", files.names)
    for _ in range(2):
        check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
        check(load_images(others, RULES, cache=tmp_path / "cache"), other_pixels[:4])
        grey = load_images(files, ImageRules(6, 4, "L"), cache=tmp_path / "cache")
        assert grey.images.shape == (4, 6, 4, 1)


def test_all_failing_and_none_at_all_are_no_special_cases(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 2, bad=(0, 1))
    for wanted in (files, ImageFiles(files.place, "test", [])):
        for _ in range(2):
            loaded = load_images(wanted, RULES, cache=tmp_path / "cache")
            assert loaded.images.shape == (0, 8, 8, 3)
            assert len(loaded.failures) == len(wanted.names)
    assert pixels.shape[0] == 2


def _cut(content: bytes) -> bytes:
    return content[:-100]


def _cut_short(content: bytes) -> bytes:
    return content[:20]


def _longer(content: bytes) -> bytes:
    return content + b"x"


def _other_header(content: bytes) -> bytes:
    return content[:20] + b"?" + content[21:]


def _other_index(content: bytes) -> bytes:
    return content[:-80] + b"?" + content[-79:]


def _pixels_missing(content: bytes) -> bytes:
    return content[:128] + content[128 + 192 :]


@pytest.mark.parametrize(
    "damage", [_cut, _cut_short, _longer, _other_header, _other_index, _pixels_missing, lambda _: b""]
)
def test_a_damaged_cache_file_is_rebuilt(tmp_path: Path, damage: Any, decoded: list[str]) -> None:
    files, pixels = make_images(tmp_path / "data", 10)
    load_images(files, RULES, cache=tmp_path / "cache")
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    for _ in range(2):
        check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
    assert decoded == 2 * files.names


def test_many_images_are_decoded_by_several_processes(tmp_path: Path) -> None:
    bad = (0, 17, 150, 298)
    files, pixels = make_images(tmp_path / "data", 300, bad)
    heard: list[tuple[str, int, int]] = []
    loaded = load_images(files, RULES, cache=tmp_path / "cache", progress=lambda *news: heard.append(news))
    check(loaded, pixels, bad)
    assert heard == sorted(heard)
    assert heard[-1] == ("Decoding images", 300, 300)
    assert len(heard) > 4


def test_a_worker_that_dies_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = make_images(tmp_path / "data", 300)
    monkeypatch.setattr(fresh_process, "_SCRIPT", "import os; os._exit(9)")
    with pytest.raises(DataError, match=r"ended unexpectedly at '0000.png'"):
        load_images(files, RULES, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_inside_the_images_is_refused(tmp_path: Path) -> None:
    files, _ = make_images(tmp_path / "data", 2)
    (tmp_path / "link").symlink_to(folder_of(files))
    for cache in (
        folder_of(files),
        folder_of(files) / "cache",
        tmp_path / "link" / "cache",
        folder_of(files) / "x" / ".." / "cache",
    ):
        with pytest.raises(UsageError, match="choose a cache elsewhere"):
            load_images(files, RULES, cache=cache)
    assert sorted(path.name for path in folder_of(files).iterdir()) == files.names


def test_a_full_disk_is_said_before_work_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    files, _ = make_images(tmp_path / "data", 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(StorageError, match="free some space"):
        load_images(files, RULES, cache=tmp_path / "cache")
    assert decoded == []


def test_a_disk_that_fills_up_leaves_the_old_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, pixels = make_images(tmp_path / "data", 12)
    load_images(files, RULES, cache=tmp_path / "cache")
    (path,) = (tmp_path / "cache").iterdir()
    before = path.read_bytes()
    os.utime(folder_of(files) / "0001.png", ns=(1, 1))

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(StorageError, match="disk is full"):
            load_images(files, RULES, cache=tmp_path / "cache")
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == [path.name]
    assert path.read_bytes() == before
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)


# A person's script has no `if __name__ == "__main__"`, and other libraries run threads in it.
SCRIPT = """
import sys, threading
from pathlib import Path
from beholder.data.images.cache import ImageFiles, load_images
from beholder.data.images.decode import ImageRules
from beholder.data.images.places import Folder

for _ in range(4):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
folder = Path(sys.argv[1])
names = sorted(path.name for path in folder.iterdir())
tell = lambda task, done, total: print(done, flush=True)
files = ImageFiles(Folder(folder), "train", names)
loaded = load_images(files, ImageRules(8, 8, "RGB"), cache=Path(sys.argv[2]), progress=tell)
print("sum", int(loaded.images.sum(dtype=int)), flush=True)
"""


def start_script(folder: Path, cache: Path) -> subprocess.Popen[str]:
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(folder), str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_plain_scripts_may_fill_one_cache_at_once(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 400)
    scripts = [start_script(folder_of(files), tmp_path / "cache") for _ in range(2)]
    for script in scripts:
        output, errors = script.communicate(timeout=60)
        assert (script.returncode, errors) == (0, "")
        assert output.split()[-1] == str(pixels.sum(dtype=int))
    assert len(list((tmp_path / "cache").iterdir())) == 1
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)


def test_ctrl_c_stops_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    Image.fromarray(np.zeros((1500, 1500, 3), np.uint8)).save(folder / "0.png")
    for row in range(1, 1000):
        (folder / f"{row}.png").hardlink_to(folder / "0.png")
    script = start_script(folder, tmp_path / "cache")
    assert script.stdout is not None
    assert script.stdout.readline() == "0\n"
    script.send_signal(signal.SIGINT)
    _, errors = script.communicate(timeout=60)
    assert script.returncode not in (0, 1) or "KeyboardInterrupt" in errors
    assert errors.count("Traceback") == 1  # its own, none of the workers'
    assert list((tmp_path / "cache").iterdir()) == []


def test_silence_is_a_progress(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 2)
    check(load_images(files, RULES, cache=tmp_path / "cache", progress=silent), pixels)


def swap(one: Path, other: Path) -> None:
    """Exchange two files of one size; each keeps its own time of modification, as with `mv`."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def put_back(path: Path, content: bytes) -> None:
    """Write `content` in place, and set the time of modification back, as an archive or `cp -p` does."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def one_time(files: ImageFiles) -> None:
    """As in an unpacked archive: all files are of one time."""
    for name in files.names:
        os.utime(folder_of(files) / name, ns=(10**18 + 1, 10**18 + 1))


def test_swapped_images_of_one_size_and_time_are_not_mistaken(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 4)
    one_time(files)
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
    swap(folder_of(files) / "0000.png", folder_of(files) / "0003.png")
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels[[3, 1, 2, 0]])


def test_an_image_written_over_with_its_time_set_back_is_not_mistaken(tmp_path: Path) -> None:
    files, pixels = make_images(tmp_path / "data", 4)
    one_time(files)
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
    put_back(folder_of(files) / "0001.png", (folder_of(files) / "0002.png").read_bytes())
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels[[0, 2, 2, 3]])


@pytest.mark.parametrize("tick", [1, 10**9])
def test_where_all_times_stay_the_same_the_content_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tick: int
) -> None:
    """A change within the tick in which the file was stamped, or on a file system that counts seconds."""
    files, pixels = make_images(tmp_path / "data", 4)
    now = 1_700_000_000 * 10**9 + tick % 10**9
    fake = [now]
    real = os.stat

    def at_one_time(path: Any, **more: Any) -> Any:
        status = real(path, **more)
        return SimpleNamespace(st_size=status.st_size, st_ino=7, st_mtime_ns=now, st_ctime_ns=now)

    monkeypatch.setattr(stamps, "time", SimpleNamespace(time_ns=lambda: fake[0]))
    monkeypatch.setattr(stamps, "os", SimpleNamespace(stat=at_one_time, access=os.access, R_OK=os.R_OK))
    if tick == 10**9:
        fake[0] += 3600 * 10**9  # long ago, and still not to be trusted
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
    swap(folder_of(files) / "0000.png", folder_of(files) / "0003.png")
    fake[0] += 3600 * 10**9
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels[[3, 1, 2, 0]])


def test_images_that_were_left_alone_for_a_while_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, pixels = make_images(tmp_path / "data", 4)
    later = time.time_ns() + 60 * 10**9
    monkeypatch.setattr(stamps, "time", SimpleNamespace(time_ns=lambda: later))
    monkeypatch.setattr(stamps, "_content", lambda path: pytest.fail(f"read {path}"))
    for _ in range(2):
        check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)


def test_what_another_version_decoded_is_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    files, pixels = make_images(tmp_path / "data", 4)
    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "_DECODED_BY", ["0.1", "9.0"])
        check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
    for magic in (None, b"beholder"):  # the latter: the format of an earlier version
        with monkeypatch.context() as patch:
            if magic is not None:
                patch.setattr(cache_module, "_MAGIC", magic)
            decoded.clear()
            check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
            assert decoded == files.names
    decoded.clear()
    check(load_images(files, RULES, cache=tmp_path / "cache"), pixels)
    assert decoded == files.names

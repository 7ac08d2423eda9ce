"""A person relies on: an archive asked for by name is found or fetched whole, and no failure leaves anything behind."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import closed_address, serving

from beholder.data import download, fetch
from beholder.data.cache_folder import default_cache
from beholder.data.download import NamedArchive, find_or_download
from beholder.errors import DownloadError, StorageError, UsageError

CONTENT = bytes(range(256)) * 1000
FILE = "tiny.tar.gz"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    archive = NamedArchive(
        FILE, len(CONTENT), hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(), ("also.tar.gz",)
    )
    monkeypatch.setattr(download, "ARCHIVES", {"tiny": archive})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(CONTENT) as running:
        yield running.address


def test_an_archive_is_fetched_once(server: str, tmp_path: Path) -> None:
    cache = tmp_path / "new" / "cache"
    heard: list[tuple[str, int, int]] = []
    path = find_or_download("tiny", cache=cache, progress=lambda *call: heard.append(call), base_url=f"{server}/ok/")
    assert path == cache / FILE
    assert path.read_bytes() == CONTENT
    assert [file.name for file in cache.iterdir()] == [FILE]
    assert heard[-1] == (f"Downloading {FILE}", len(CONTENT), len(CONTENT))
    done = [call[1] for call in heard]
    assert done == sorted(set(done))
    assert len(done) > 1
    # The second time nothing is asked for: this address would answer 404.
    assert find_or_download("tiny", cache=cache, base_url=f"{server}/missing/") == path


@pytest.mark.parametrize(("kind", "reason"), [("missing", "404"), ("truncated", "broke off"), ("changed", "checksum")])
def test_a_failed_download_says_what_to_bring_and_leaves_nothing(
    kind: str, reason: str, server: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=reason) as caught:
        find_or_download("tiny", cache=tmp_path, base_url=f"{server}/{kind}/")
    assert f"bring the file {FILE!r}" in str(caught.value)
    assert repr(str(tmp_path)) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_no_connection_is_one_sentence(server: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"there is no connection to it; bring the file {FILE!r}"):
        find_or_download("tiny", cache=tmp_path, base_url=f"{closed_address()}/ok/")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch._Bar, "update", full)  # called after each piece that is written
    with pytest.raises(StorageError, match="the disk is full"):
        find_or_download("tiny", cache=tmp_path, base_url=f"{server}/ok/")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_download_leaves_nothing(server: str, tmp_path: Path) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_or_download("tiny", cache=tmp_path, progress=interrupt, base_url=f"{server}/ok/")
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_brought_is_used(tmp_path: Path) -> None:
    unreachable = "http://127.0.0.1:9/"
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "data_batch_1.bin").touch()
    (folder / "test_batch.bin").touch()
    assert find_or_download("cifar10", cache=tmp_path, base_url=unreachable) == folder
    (tmp_path / "cifar-10-binary.tar.gz").touch()
    assert find_or_download("cifar10", cache=tmp_path, base_url=unreachable).name == "cifar-10-binary.tar.gz"
    (tmp_path / "cifar-10-python.tar.gz").touch()
    assert find_or_download("cifar10", cache=tmp_path, base_url=unreachable).name == "cifar-10-python.tar.gz"


def test_the_official_facts() -> None:
    assert download.ARCHIVES["cifar10"].size == 170_498_071
    assert download.ARCHIVES["cifar10"].md5 == "c58f30108f718f92721af3b95e74349a"
    assert download.ARCHIVES["cifar100"].md5 == "eb9058c3a382ffc7106e4002c42a8d85"


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cifar10, cifar100"):
        find_or_download("cifar1000", cache=tmp_path)


def test_the_cache_may_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BEHOLDER_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv("BEHOLDER_CACHE")
    assert default_cache().name == "beholder"

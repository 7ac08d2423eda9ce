"""A person relies on: what they call a file is taken as they mean it, or one sentence says what it is instead."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.answering.inputs import expand
from beholder.cli import _run
from beholder.data.cache_folder import default_cache

ADDRESS = "is an address, and Beholder fetches nothing from there; download it and give the file."
PIXEL = base64.b64encode(b"not looked at " * 1000).decode()


def said(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("https://example.org/cat.jpg", f"'https://example.org/cat.jpg' {ADDRESS}"),
        ("http://example.org/cat.jpg?size=*", f"'http://example.org/cat.jpg?size=*' {ADDRESS}"),
        ("HTTPS://example.org/[1].png", f"'HTTPS://example.org/[1].png' {ADDRESS}"),
        ("s3://bucket/cat.jpg", f"'s3://bucket/cat.jpg' {ADDRESS}"),
        ("ftp://example.org/a b.png", f"'ftp://example.org/a b.png' {ADDRESS}"),
        ("file:///tmp/a%20cat.png", "'file:///tmp/a%20cat.png' is an address; give the path alone: '/tmp/a cat.png'."),
        (
            f"data:image/png;base64,{PIXEL}",
            f"'data:image/png;base64,{PIXEL[:38]}…' is a data URI, which holds an image and names no file; save it as "
            "one, or give its bytes.",
        ),
    ],
)
def test_an_address_is_no_image(digits_run: Path, capfd: pytest.CaptureFixture[str], image: str, sentence: str) -> None:
    assert _run(["predict", str(digits_run), image]) == 2
    assert said(capfd) == f"Error: {sentence}\n"
    assert _run(["predict", str(digits_run), image, "--json"]) == 2
    assert len(capfd.readouterr().out) < 1000
    assert _run(["explain", str(digits_run), image]) == 2
    assert said(capfd) == f"Error: {sentence}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "https://example.org/photos.zip"],
        ["look", "https://example.org/photos"],
        ["audit", "http://example.org/photos"],
        ["predict", "https://example.org/run", "a.png"],
        ["evaluate", "https://example.org/run"],
        ["evaluate", "run", "https://example.org/test"],
        ["serve", "https://example.org/run"],
        ["train", "digits", "--corrections", "https://example.org/corrections.csv"],
        ["train", "digits", "--from", "https://example.org/net.keras"],
        ["look", "digits", "--out", "https://example.org/a.png"],
    ],
    ids=" ".join,
)
def test_an_address_is_no_path(
    digits_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert _run(arguments) == 2
    assert said(capfd).endswith(f"' {ADDRESS}\n")
    assert {path.name for path in tmp_path.iterdir()} <= {"run", "runs"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "photos").mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "photos" / "a.png")
    monkeypatch.setenv("HOME", str(folder))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_the_home_folder_is_found_where_no_shell_looks(
    home: Path, digits_run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    np.savez(home / "data.npz", images=np.arange(10 * 64, dtype=np.uint8).reshape(10, 8, 8), labels=np.arange(10) % 2)
    shutil.copytree(digits_run, home / "run")
    monkeypatch.setenv("BEHOLDER_CACHE", "~/kept")
    assert default_cache() == home / "kept"
    assert _run(["look", "~/data.npz", "--out=~/sheet.png", "--cache=~/cache"]) == 0
    assert (home / "sheet.png").exists()
    assert _run(["predict", "~/run", "~/photos/a.png", "~/photos", "~/photos/*.png"]) == 0
    assert _run(["explain", "~/run", "~/photos/a.png", "--out=~/explained"]) == 0
    assert (home / "explained" / "index.html").exists()
    assert not list(Path.cwd().iterdir()), "and no folder is called ~"
    capfd.readouterr()
    assert _run(["look", "~nobody-of-this-name/photos"]) == 2
    assert "'~nobody-of-this-name/photos'" in said(capfd)


def test_a_file_that_is_called_so_is_meant(home: Path) -> None:
    Path("~").mkdir()
    Path("~/photos").mkdir()
    shutil.copy(home / "photos" / "a.png", "~/photos/b.png")
    assert list(expand(["~/photos"])) == ["~/photos/b.png"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.png", "b.png"]),
        ("*.png", ["a.png", "b.png"]),
        ("**", ["a.png", "b.png", "deep/c.png", "deep/d.png/e.png"]),
        ("**/*.png", ["a.png", "b.png", "deep/c.png", "deep/d.png/e.png"]),
        ("*/*", ["deep/c.png"]),
        ("deep/*", ["deep/c.png"]),
    ],
)
def test_a_glob_matches_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, found: list[str]
) -> None:
    (tmp_path / "deep" / "d.png").mkdir(parents=True)
    for name in ("a.png", "b.png", "deep/c.png", "deep/d.png/e.png"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert list(expand([pattern])) == found

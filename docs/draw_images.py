"""Draws the page, the report and the gallery that the README and the guides show, `docs/images/*.png`, in Chromium.

usage: python docs/draw_images.py     (it trains and audits, which takes two minutes)

The tour's images are what the commands of `docs/tour.md` write; `tests/test_documentation.py` names which.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).resolve().with_name("images")
WIDTH, NARROW = 1100, 900  # CSS pixels
BEHOLDER = [sys.executable, "-m", "beholder"]


def draw(run: Path, audit: Path) -> None:
    """Draw all images of `run` and of `audit`."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright, serving(run) as address:
        browser = playwright.chromium.launch(executable_path=chromium)
        views: dict[str, tuple[Callable[[Page], None], int, int]] = {
            "page.png": (look_inside, WIDTH, 1320),
            "watch.png": (watch, WIDTH, 800),
            "report.png": (lambda page: open_file(page, run / "report.html"), NARROW, 940),
            "audit.png": (lambda page: doubts(page, audit / "gallery.html"), NARROW, 700),
        }
        for name, (show, width, height) in views.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, base_url=address, reduced_motion="reduce"
            )
            show(page)
            keep(page.screenshot(), IMAGES / name)
        browser.close()


def look_inside(page: Page) -> None:
    """One layer's maps, and how a number in them comes about."""
    page.goto("/#inside")
    page.locator(".products").wait_for()
    page.wait_for_timeout(500)


def watch(page: Page) -> None:
    """The curves of a training run."""
    page.goto("/watch")
    page.locator(".answers li").nth(23).wait_for()
    page.wait_for_timeout(500)


def open_file(page: Page, path: Path) -> None:
    """A page that is a file."""
    page.goto(path.resolve().as_uri())
    page.wait_for_timeout(500)


def doubts(page: Page, path: Path) -> None:
    """The first labels in doubt, the second of them relabelled."""
    open_file(page, path)
    page.locator("#wrong_label .box .decision .main, #wrong_label .box .decision button").nth(6).click()
    page.locator("#wrong_label").evaluate("section => window.scrollTo(0, section.offsetTop - 8)")
    page.wait_for_timeout(500)


def keep(screenshot: bytes, path: Path) -> None:
    """Write a screenshot with few colours, which makes it small."""
    with Image.open(io.BytesIO(screenshot)) as image:
        image.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)


@contextmanager
def serving(run: Path) -> Iterator[str]:
    """The address of `beholder serve`."""
    command = [*BEHOLDER, "serve", str(run), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own command
        try:
            told = ""
            for line in server.stdout or ():
                told += line
                if line == "}\n":
                    break
            yield str(json.loads(told)["address"])
        finally:
            server.terminate()


def main() -> None:
    """Train, evaluate, audit and draw."""
    with tempfile.TemporaryDirectory() as folder:
        run, audit = Path(folder) / "digits", Path(folder) / "audit"
        for arguments in (
            ["train", "digits", "--model", "fast", "--epochs", "20", "--out", str(run)],
            ["evaluate", str(run)],
            ["audit", "digits", "--budget", "45s", "--out", str(audit)],
        ):
            subprocess.run([*BEHOLDER, *arguments], check=True)  # noqa: S603 - our own command
        draw(run, audit)


if __name__ == "__main__":
    main()

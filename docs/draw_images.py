"""Draws `docs/images/page.png` and `watch.png`, which the README shows, in Chromium.

usage: python docs/draw_images.py [RUN]     (a run of `digits`; without it one is trained, which takes a minute)

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
WIDTH = 1100  # CSS pixels
BEHOLDER = [sys.executable, "-m", "beholder"]


def draw(run: Path) -> None:
    """Draw all images of `run`."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright, serving(run) as address:
        browser = playwright.chromium.launch(executable_path=chromium)
        views: dict[str, tuple[Callable[[Page], None], int]] = {
            "page.png": (look_inside, 1320),
            "watch.png": (watch, 800),
        }
        for name, (show, height) in views.items():
            page = browser.new_page(
                viewport={"width": WIDTH, "height": height}, base_url=address, reduced_motion="reduce"
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
    """Train where no run is given, and draw."""
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "digits"
        command = [*BEHOLDER, "train", "digits", "--model", "fast", "--epochs", "20", "--out", str(run)]
        subprocess.run(command, check=True)  # noqa: S603 - our own command
        draw(run)


if __name__ == "__main__":
    main()

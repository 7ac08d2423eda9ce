"""Claim: a phone's photo is answered within 100 ms; the page is painted within 0.5 s and weighs 1.5 MB at most.

In Debian's Chromium, with the server on the same two cores: from the moment that a file of 12 megapixels is chosen
until its answer stands on the page, and until where it looked lies over it too; the first one apart, since it opens
what the later ones have open. Painting is the browser's own first-contentful-paint; the weight is that of all bodies
before a tab is changed.

    python bench/page.py [RUN] [--times N]

RUN takes images of 32 x 32; without it a `fast` is trained for one epoch.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import images
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from serving import end, start_server

WIDTH, HEIGHT = 4032, 3024  # pixels of a phone's photo
ANSWER_BAR, PAINT_BAR, WEIGHT_BAR = 100.0, 0.5, 1.5  # ms, s, MB
VIEWS = 5
# Notes the times at which a file was chosen, its answer stood there, and where it looked lay over it.
WATCH = """() => {
  const before = document.querySelectorAll("article.answer").length;
  const seen = (globalThis.seen = {});
  document.addEventListener("change", () => (seen.began = performance.now()), { capture: true, once: true });
  new MutationObserver((_, observer) => {
    if (document.querySelectorAll("article.answer").length === before) return;
    seen.answer ??= performance.now();
    if (document.querySelector("article.answer .heat").hidden) return;
    seen.where = performance.now();
    observer.disconnect();
  }).observe(document.body, { attributes: true, childList: true, subtree: true });
}"""


def photograph() -> bytes:
    """A JPEG of 12 megapixels with some detail, 2 MB about."""
    small = np.random.default_rng(0).integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def first_view(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds until the first paint of a browser that was never here, and megabytes until all is quiet."""
    context = browser.new_context()
    page, bodies = context.new_page(), list[int]()
    page.on("requestfinished", lambda request: bodies.append(request.sizes()["responseBodySize"]))
    page.goto(address, wait_until="networkidle")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return painted / 1000, sum(bodies) / 1e6


def answered(page: Page, photo: Path) -> tuple[float, float]:
    """Milliseconds until a chosen photo has its answer, and until where the network looked is shown."""
    page.evaluate(WATCH)
    page.locator("input[type=file]").first.set_input_files(photo)
    # The photo itself comes last, small, beside its answer: until then the browser is still at work.
    page.wait_for_function("seen.answer && seen.where && !document.querySelector('.original').hidden")
    began, answer, where = page.evaluate("[seen.began, seen.answer, seen.where]")
    return answer - began, where - began


def told(name: str, values: list[float], unit: str, bar: float | None = None) -> None:
    """One line: median and range, and whether the median is within the bar."""
    middle = statistics.median(values)
    judged = "" if bar is None else f"; bar {bar:g} {unit}: {'reached' if middle <= bar else 'missed'}"
    print(f"{name:34} {middle:.4g} {unit} ({min(values):.4g} to {max(values):.4g}{judged})", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?")
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no chromium on this machine; install it (apt-get install chromium).")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = options.run or str(Path(folder) / "run")
        if options.run is None:
            beholder = str(Path(sys.executable).with_name("beholder"))
            short = ["--model", "fast", "--epochs", "1", "--out", run, "--progress", "none"]
            subprocess.run([beholder, "train", str(images.archive()), *short], check=True, capture_output=True)
        server, address, _ = start_server(run)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            views = [first_view(browser, address) for _ in range(VIEWS)]
            page = browser.new_page(bypass_csp=True)  # which forbids what waits below
            page.goto(address, wait_until="networkidle")
            photo = Path(folder) / "photo.jpg"
            photo.write_bytes(photograph())
            times = [answered(page, photo) for _ in range(1 + options.times)]
        finally:
            browser.close()
            end(server)
    told("first paint", [paint for paint, _ in views], "s", PAINT_BAR)
    told("weight", [weight for _, weight in views], "MB", WEIGHT_BAR)
    print(f"{'the first photo':34} {times[0][0]:.0f} ms, where it looked after {times[0][1]:.0f} ms")
    told("a photo of 12 megapixels", [answer for answer, _ in times[1:]], "ms", ANSWER_BAR)
    told("and where it looked", [where for _, where in times[1:]], "ms")


if __name__ == "__main__":
    main()

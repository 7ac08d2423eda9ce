"""A person relies on: behind nginx and Caddy, configured as docs/proxies.md says, the whole page works."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from proxies import PAGE, Proxy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload

PROXIES = [
    Proxy(program, path, ipv6)
    for program in ("nginx", "caddy")
    for path in ("root", "taken off", "left on")
    for ipv6 in (False, True)
]
ALWAYS = [Proxy("nginx", "taken off"), Proxy("caddy", "left on", ipv6=True)]  # each of the others takes seconds more
PAGES = ["ask", "inside", "judge", "correct", "audit"]


def need(proxy: Proxy) -> None:
    if proxy.why_not:
        pytest.skip(proxy.why_not)


@pytest.mark.parametrize(
    "proxy", [pytest.param(one, marks=() if one in ALWAYS else pytest.mark.long) for one in PROXIES], ids=str
)
def test_every_tab_of_the_page_works_through_it(
    served_run: Path,
    serving: Callable[[Path, Proxy], AbstractContextManager[str]],
    browser: Browser,
    images: list[bytes],
    proxy: Proxy,
) -> None:
    need(proxy)
    with serving(served_run, proxy) as address, browser.new_context(base_url=f"{address}/") as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: None if allowed(asked.url, address) else faults.append(asked.url))
        page.goto("")
        page.locator("input[type=file]").set_input_files([upload("one.png", images[0]), upload("large.bmp", LARGE)])
        page.locator("article h2").nth(1).wait_for()
        page.get_by_role("button", name="Example 1").click()
        page.locator("article h2").nth(2).wait_for()
        page.dispatch_event(".zone", "drop", {"dataTransfer": page.evaluate_handle(DROPPED, list(images[0]))})
        page.locator("article h2").nth(3).wait_for()
        for tab, found in (("Look inside", ".product"), ("Judge", "table"), ("Correct", "h2")):
            page.get_by_role("tab", name=tab).click()
            page.locator(f"[role=tabpanel]:not([hidden]) {found}").first.wait_for()
        page.get_by_role("link", name="How it was trained").click()
        page.get_by_text("Finished").first.wait_for()
        page.get_by_role("link", name="Ask it, look inside").click()
        page.get_by_role("button", name="Choose images").wait_for()
        if proxy.path != "root":
            page.goto(address)  # without the slash behind it
            page.get_by_role("button", name="Choose images").wait_for()
        assert faults == []


DROPPED = """bytes => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(bytes)], "dropped.png", { type: "image/png" }));
  return transfer;
}"""


def allowed(url: str, address: str) -> bool:
    return url == address or url.startswith((f"{address}/", "data:", "blob:"))


def upload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def bitmap() -> bytes:
    """A file larger than what nginx takes by itself."""
    stream = io.BytesIO()
    Image.new("RGB", (1200, 1000), "grey").save(stream, "BMP")
    return stream.getvalue()


LARGE = bitmap()


@pytest.mark.long
@pytest.mark.parametrize("proxy", [proxy for proxy in PROXIES if not proxy.ipv6 or proxy.path == "root"], ids=str)
def test_all_browser_tests_of_the_page_pass_through_it(proxy: Proxy) -> None:
    need(proxy)
    here = Path(__file__).parent
    files = [str(here / f"test_page_{name}.py") for name in PAGES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    surroundings = {**os.environ, "BEHOLDER_TESTS_THROUGH": str(proxy)}
    done = subprocess.run(command, cwd=here.parents[1], env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def test_the_page_has_each_configuration() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert (text.count("```nginx\n"), text.count("```caddyfile\n")) == (3, 3)

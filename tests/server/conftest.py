"""What the tests of the server share: a trained run, its own process that serves it, and a browser's page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_views import DESKTOP, SIZES, View
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from beholder.server.served import Served


@pytest.fixture(scope="session")
def served_run(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the digits RUN, with its test figures: what the page writes stays out of the other tests' way."""
    from beholder.api.evaluate import evaluate

    run = tmp_path_factory.mktemp("served") / "digits"
    shutil.copytree(digits_run, run)
    evaluate(run)
    return run


@pytest.fixture(scope="session")
def served(served_run: Path) -> Served:
    """The run, opened in this process."""
    from beholder.server.served import open_served

    return open_served(served_run)


@pytest.fixture
def client(served: Served) -> TestClient:
    """Asks the application without a network."""
    from beholder.server.app import classifier_app

    return TestClient(classifier_app(served), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def images(served: Served) -> list[bytes]:
    """Image files that the run answers: its golden ones."""
    return [path.read_bytes() for path in sorted((served.classifier.artifact.folder / "golden").glob("*.png"))]


@pytest.fixture(scope="session")
def serving() -> Callable[[Path], AbstractContextManager[str]]:
    """Serves a run in a process of its own; gives its address, without a slash at the end."""

    @contextmanager
    def serve(run: Path) -> Iterator[str]:
        command = [sys.executable, "-m", "beholder", "serve", str(run), "--port", "0", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield read_address(process)
            finally:
                process.terminate()
                process.wait(timeout=40)

    return serve


@pytest.fixture(scope="session")
def server(served_run: Path, serving: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of a `beholder serve` in a process of its own, without a slash at the end."""
    with serving(served_run) as address:
        yield address


def read_address(process: subprocess.Popen[str]) -> str:
    """The address that `serve --json` prints once it is ready, without a slash at the end."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            return str(json.loads("".join(lines))["address"]).rstrip("/")
    raise AssertionError(f"the server ended with {process.wait()}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; the tests that need it are skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine (`apt-get install chromium` brings one)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Page]:
    """An empty page, in the views that `browser_views` gives a test, or else on a desktop.

    Fails on console errors and on requests beyond `server`.
    """
    view: View = getattr(request, "param", DESKTOP)
    size, scheme = view
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        has_touch=size == "phone",
        is_mobile=size == "phone",
        base_url=server,
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: None if allowed(asked.url, server) else faults.append(f"asked for {asked.url}"))
    yield page
    context.close()
    assert faults == []


def allowed(url: str, server: str) -> bool:
    """Whether `url` is the server's own, or no request at all."""
    return url.startswith((f"{server}/", "data:", "blob:")) or url == "about:blank"


@pytest.fixture(scope="session")
def serious_violations() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page for people with disabilities, serious or critical."""

    def check(page: Page) -> list[str]:
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(page).response["violations"]
        serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
        return [f"{rule['id']}: {node['html'][:200]}" for rule in serious for node in rule["nodes"]]

    return check

"""What the tests of the server share: a trained run, its own process that serves it, and a browser's page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_views import DESKTOP, SIZES, View
from proxies import Proxy, named
from starlette.testclient import TestClient
from tones import write_tones

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from beholder.server.served import Served


@pytest.fixture(scope="session")
def served_run(
    digits_run: Path,
    shared: Callable[[str, Callable[[Path], object]], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A copy of the digits RUN, with its test figures: what the page writes stays out of the other tests' way."""
    from beholder.api.evaluate import evaluate

    def evaluated(run: Path) -> None:
        shutil.copytree(digits_run, run)
        evaluate(run)

    run = tmp_path_factory.mktemp("served") / "digits"
    shutil.copytree(shared("evaluated digits", evaluated), run)
    return run


@pytest.fixture(scope="session")
def sounds_folder(shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder of tones in classes; see `tones`."""
    return shared("tones", write_tones)


@pytest.fixture(scope="session")
def sounds_run(sounds_folder: Path, shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A RUN of `fast` on these tones; tests must not write to it."""
    from beholder.api.train import train

    return shared("trained on tones", lambda run: train(sounds_folder, model="fast", epochs=6, out=run))


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
def serving(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], AbstractContextManager[str]]:
    """Serves a run in a process of its own; gives its address, without a slash at the end.

    Where `BEHOLDER_TESTS_THROUGH` names a proxy, as `proxies.named` reads it, that stands in front.
    """
    through = os.environ.get("BEHOLDER_TESTS_THROUGH")
    usual = named(through) if through else None

    @contextmanager
    def serve(run: Path, proxy: Proxy | None = usual) -> Iterator[str]:
        command = [sys.executable, "-m", "beholder", "serve", str(run), "--port", "0", "--json"]
        command += proxy.options if proxy else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                address = read_address(process)
                if proxy is None:
                    yield address
                else:
                    with proxy.before(address, tmp_path_factory.mktemp("proxy") / "files") as outer:
                        yield outer
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
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def browser_that_hears(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], AbstractContextManager[Browser]]:
    """Starts a browser whose microphone hears a WAV file again and again, and whose person always allows it."""

    def start(content: bytes) -> AbstractContextManager[Browser]:
        heard = tmp_path_factory.mktemp("microphone") / "heard.wav"
        heard.write_bytes(content)
        fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        return chromium([*fake, f"--use-file-for-fake-audio-capture={heard}"])

    return start


@contextmanager
def chromium(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """Debian's Chromium, started with `arguments`; skips the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (`apt-get install chromium` brings one)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])
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
        base_url=f"{server}/",
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

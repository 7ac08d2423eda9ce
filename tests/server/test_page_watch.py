"""The page of a training run in a real browser: what it shows of a finished and of a killed run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_views import in_every_view
from starlette.applications import Starlette

from beholder.runs.events import EventLog
from beholder.runs.presence import training
from beholder.runs.run_folder import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def run(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("watched") / "digits"
    shutil.copytree(digits_run, path)
    return Run(path)


@pytest.fixture(scope="module")
def server(run: Run) -> Iterator[str]:
    """In the place of the server of a classifier: one that shows the training."""
    import threading

    import uvicorn

    from beholder.server.live.watching import watch_app
    from beholder.server.serving import bound_socket

    app: Starlette = watch_app(run)
    with bound_socket("127.0.0.1", 0) as listener:
        uvicorn_server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = threading.Thread(target=uvicorn_server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.closing.set()
        uvicorn_server.should_exit = True
        thread.join()


@in_every_view
def test_a_run_is_shown_and_changes_as_it_trains(
    page: Page, run: Run, serious_violations: Callable[[Page], list[str]]
) -> None:
    whole = run.events_file.read_bytes()
    try:
        page.goto("")
        page.locator("#state", has_text="Finished").wait_for()
        page.locator(".answers li").nth(23).wait_for()
        [checks] = [event for event in map(json.loads, whole.splitlines()) if event["event"] == "checks"]
        page.locator("#told", has_text=checks["messages"][0]).wait_for()
        assert page.locator("#stop").is_hidden()
        assert page.locator("#resume").is_hidden()
        assert page.locator(".matrix tbody tr").count() == 10
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]
        assert serious_violations(page) == []
        page.locator("#epoch").press("Home")
        page.locator("output", has_text="1").wait_for()

        # Killed in its second epoch: the log is shorter now, and nobody trains.
        lines = whole.splitlines(keepends=True)
        first = next(place for place, line in enumerate(lines) if json.loads(line)["event"] == "snapshot")
        run.events_file.write_bytes(b"".join(lines[: first + 1]))
        page.locator("#state", has_text="Killed").wait_for()
        assert page.locator("#resume").is_visible()
        with training(run):
            page.locator("#state", has_text="Training").wait_for()
            # It follows a plan, whose end was known from the start.
            EventLog(run.events_file).append("replan", step=1, steps=10**6)
            page.get_by_text("The plan is now 1,000,000 steps, as in the run whose plan it follows.").wait_for()
            share = page.get_by_role("progressbar", name="Training").get_attribute("aria-valuenow")
            assert int(share or 0) > 10
            EventLog(run.events_file).append("overfitting", epoch=1, message="<b>memorises</b>")
            page.get_by_text("<b>memorises</b>").wait_for()
            page.locator("#stop").click()
            page.locator("#state", has_text="Stopping").wait_for()
            assert run.stop_file.exists()
    finally:
        run.events_file.write_bytes(whole)

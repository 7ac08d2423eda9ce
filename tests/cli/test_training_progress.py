"""A person relies on: the terminal says what a run will do, as it is, and its bar ends full."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from beholder.cli.console import screen
from beholder.cli.training_progress import listener_on
from beholder.sessions.training_display import summary_in_words

SUMMARY: dict[str, Any] = {
    "model": "fast",
    "epochs": 3,
    "batch_size": 250,
    "steps": 12,
    "precision": "float32",
    "mirrored": False,
    "train_images": 1000,
    "validation_images": 100,
}
NETWORK = {"widths": [48, 128, 192], "side": 32, "first_side": 24}


def ends(days: int) -> str:
    today = datetime.datetime.now().astimezone().replace(hour=14, minute=32, second=5, microsecond=0)
    return (today + datetime.timedelta(days=days)).isoformat()


def test_a_plan_of_epochs_is_told_in_a_line() -> None:
    assert summary_in_words(SUMMARY) == "fast, 3 epochs, fp32; 1,000 images, validation on 100, batches of 250."


def test_a_budget_tells_the_network_the_views_and_the_moment_of_its_end() -> None:
    budget = {"epochs": 7.42, "mirrored": True, "budget_seconds": 600, "memory_gb": 1.26}
    assert summary_in_words({**SUMMARY, **NETWORK, **budget, "ends": ends(0)}) == (
        "48/128/192 at 32 px (24 at first), 7.4 epochs, fp32, ends 14:32:05, 1.3 GB so far; "
        "1,000 images, mirrored too, validation on 100, batches of 250."
    )
    tomorrow = f"{datetime.date.today() + datetime.timedelta(days=1)} 14:32"
    assert f", ends {tomorrow}, " in summary_in_words({**SUMMARY, **NETWORK, **budget, "ends": ends(1)})


def test_how_photographs_are_varied_is_told() -> None:
    small, photo = ({**SUMMARY, "augmentation": name, "mirrored": True} for name in ("small", "photo,erase=0.3"))
    assert "1,000 images, mirrored too, " in summary_in_words(small)
    assert "1,000 images, varied (photo,erase=0.3), mirrored too, " in summary_in_words(photo)


def test_a_first_answer_alone_is_told() -> None:
    budget = {"epochs": 0.0, "budget_seconds": 60, "memory_gb": 1.26, "ends": ends(0)}
    assert summary_in_words({**SUMMARY, **budget}).startswith("fast, a first answer alone, fp32, ends 14:32:05")


def test_a_budget_that_is_longer_than_what_is_planned_says_why() -> None:
    budget = {"epochs": 40.0, "budget_seconds": 86400, "memory_gb": 1.26, "ends": ends(0)}
    assert ", 40.0 epochs (more would only memorise), fp32, ends 14:32:05, " in summary_in_words({**SUMMARY, **budget})


def test_a_plan_that_is_followed_tells_its_network() -> None:
    assert summary_in_words({**SUMMARY, **NETWORK, "epochs": 1.06}).startswith(
        "48/128/192 at 32 px (24 at first), 1.06 epochs"
    )


@pytest.mark.parametrize("name", ["/runs/[bold]x", "/runs/[/closed]", "/runs/:cat:"])
def test_brackets_and_colons_in_a_path_are_printed_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with screen() as shown:
        hear = listener_on(shown, "bar")
        hear({"event": "framework", "name": name, "seconds": 1.0})
        hear({"event": "start", "summary": {**SUMMARY, "started_from": name}})
        hear({"event": "advice", "message": f"The checkpoint {name} is damaged."})
    printed = capsys.readouterr().err
    assert f"fast from {name}, 3 epochs" in printed
    assert f"The checkpoint {name} is damaged." in printed


def shares(plan: dict[str, Any], *events: dict[str, Any]) -> list[float]:
    """How full the bar is after each of the events."""
    with screen() as shown:
        hear, bars = listener_on(shown, "bar"), shown.bars
        hear({"event": "framework", "name": "TensorFlow", "seconds": 1.0})
        hear({"event": "start", "summary": plan})
        full = []
        for event in events:
            hear(event)
            full.append(bars.tasks[0].completed / (bars.tasks[0].total or 1))
        return full


def step(epoch: int, number: int) -> dict[str, Any]:
    figures = {"loss": 1.0, "train_accuracy": 0.5, "images_per_second": 10.0, "eta_seconds": 1.0}
    return {"event": "step", "epoch": epoch, "epochs": 2, "step": number, "steps": 4, **figures}


def epoch(number: int) -> dict[str, Any]:
    return {**step(number, 4), "event": "epoch", "validation_accuracy": 0.5}


def test_the_bar_of_a_budget_that_is_planned_anew_ends_full() -> None:
    budget = {**SUMMARY, **NETWORK, "budget_seconds": 600, "memory_gb": 1.0, "ends": ends(0)}
    replan = {"event": "replan", "step": 3, "steps": 5}
    assert shares(budget, step(1, 3), replan, epoch(1), step(2, 1), epoch(2)) == [3 / 12, 3 / 5, 4 / 5, 1.0, 1.0]


def test_the_bar_of_a_resumed_budget_is_of_the_plan_as_it_was_left() -> None:
    budget = {**SUMMARY, **NETWORK, "budget_seconds": 600, "memory_gb": 1.0, "ends": ends(0)}
    resumed = {"event": "resumed", "epoch": 2, "step": 1, "done": 5, "steps": 8}
    assert shares(budget, resumed, step(2, 2)) == [0.0, 6 / 8]


def test_the_bar_of_a_followed_plan_is_of_its_last_number_of_steps() -> None:
    assert shares(SUMMARY, {"event": "replan", "step": 3, "steps": 50}, step(1, 3)) == [0.0, 3 / 12]

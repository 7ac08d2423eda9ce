"""What the data decide where the person said nothing: how many images a step takes, and how often each is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.errors import UsageError
from beholder.models import MODELS
from beholder.training.settings import LEAST_STEPS, SMALLEST_BATCH, Settings, choose


def chosen(model: str = "fast", options: dict[str, Any] | None = None, **changes: Any) -> Settings:
    return choose(model, seed=0, precision="float32", changes=changes, options=options)


@given(st.integers(8, 3000), st.integers(8, 3000), st.sampled_from([None, 32, 64, 128]))
def test_a_step_looks_at_no_more_pixels_however_large_the_images(height: int, width: int, side: int | None) -> None:
    recipe = chosen(options={"side": side}).fitted(10**6, (height, width, 3)).recipe
    factor = max(1, min(height, width) // (side or 64))  # that images are averaged down by
    pixels = (height // factor) * (width // factor)
    assert recipe.batch_size * pixels <= 250 * 32 * 32 or recipe.batch_size == SMALLEST_BATCH
    assert (recipe.batch_size + 1) * pixels > 250 * 32 * 32 or recipe.batch_size == 250
    assert recipe.learning_rate == pytest.approx(0.13 * (recipe.batch_size / 250) ** 0.5)


def test_other_networks_are_small_enough_whatever_they_look_at() -> None:
    for model in set(MODELS) - {"fast"}:
        assert chosen(model).fitted(10**6, (128, 128, 3)).recipe == MODELS[model]


def test_another_resolution_is_fitted_anew() -> None:
    large = chosen().fitted(50_000, (128, 128, 3))
    assert large.recipe.batch_size == 62
    small = replace(large, options={"side": 32}).fitted(50_000, (128, 128, 3))
    assert small.recipe == MODELS["fast"]


@given(st.integers(2, 10**6))
def test_few_images_are_seen_more_often(images: int) -> None:
    recipe = chosen().fitted(images, (32, 32, 3)).recipe
    assert SMALLEST_BATCH <= recipe.batch_size <= 250
    assert recipe.epochs * -(-images // recipe.batch_size) >= LEAST_STEPS
    assert recipe.epochs == 12 or images < 250 * LEAST_STEPS / 12


def test_what_the_person_said_stays() -> None:
    said = chosen(batch_size=300, epochs=2, learning_rate=0.5)
    assert said.fitted(40, (128, 128, 3)) == said
    recipe = chosen(learning_rate=0.5).fitted(40, (128, 128, 3)).recipe
    assert (recipe.batch_size, recipe.learning_rate) == (SMALLEST_BATCH, 0.5)


@pytest.mark.parametrize("name", ["epochs", "learning_rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_length_and_no_rate_is_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=rf"{name.replace('_', ' ')}.* Received: {value:g}"):
        choose("fast", seed=0, precision="float32", changes={name: value})


def test_images_are_varied_as_the_person_says() -> None:
    said = choose("dense", seed=0, precision="float32", changes={"augmentation": "photo,rotate=5"})
    fitted = said.fitted(500, (200, 200, 3))
    assert (fitted.recipe.augment, fitted.recipe.augmentation) == (True, "photo,rotate=5")
    with pytest.raises(UsageError, match="leave --augmentation photo out"):
        choose("fast", seed=0, precision="float32", changes={"augment": False, "augmentation": "photo"})
    with pytest.raises(UsageError, match="Expected small, photo or sound"):
        choose("fast", seed=0, precision="float32", changes={"augmentation": "vivid"})


def test_sounds_are_varied_as_sounds_and_never_mirrored() -> None:
    usual = choose("fast", seed=0, precision="float32").for_sounds()
    assert (usual.recipe.augment, usual.recipe.augmentation) == (True, "sound")
    assert not usual.mirrors(1)
    assert not usual.mirrors(3)
    said = choose("fast", seed=0, precision="float32", changes={"augmentation": "sound,mask=0.4"}).for_sounds()
    assert said.recipe.augmentation == "sound,mask=0.4"
    assert not choose("fast", seed=0, precision="float32", changes={"augment": False}).for_sounds().recipe.augment

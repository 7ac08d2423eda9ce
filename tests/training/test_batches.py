"""What a step sees is a function of (seed, epoch, step), and augmentation changes no meaning."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beholder.data.dataset import Dataset
from beholder.data.sounds.rules import SoundRules
from beholder.training.augmentation import NAMED, SoundAugmentation
from beholder.training.steps.batches import Batches
from beholder.training.varied_images import varied


def dataset(count: int = 23, side: int = 16) -> Dataset:
    images = np.random.default_rng(0).integers(256, size=(count, side, side, 3)).astype(np.uint8)
    labels = np.arange(count, dtype=np.int64) % 3
    return Dataset(images, labels, ("a", "b", "c"), [str(row) for row in range(count)])


def batches(*, seed: int = 0, shift: bool = True, mirror: bool = True) -> Batches:
    return Batches(dataset(), 5, seed, NAMED["small"] if shift else None, mirror=mirror)


@given(seed=st.integers(0, 2**32), epoch=st.integers(0, 50), step=st.integers(0, 4))
def test_a_batch_does_not_depend_on_what_came_before(seed: int, epoch: int, step: int) -> None:
    fresh, used = batches(seed=seed), batches(seed=seed)
    used.batch(used.order(epoch + 1), epoch + 1, (step + 1) % 5)
    images, labels = fresh.batch(fresh.order(epoch), epoch, step)
    again, labels_again = used.batch(used.order(epoch), epoch, step)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, labels_again)


def test_an_epoch_shows_every_image_once() -> None:
    plain = batches(shift=False, mirror=False)
    order = plain.order(3)
    assert sorted(order) == list(range(23))
    seen = np.concatenate([plain.batch(order, 3, step)[0] for step in range(plain.steps)])
    assert np.array_equal(seen, plain.dataset.images[order])
    assert not np.array_equal(order, plain.order(4))


def test_each_image_is_mirrored_in_every_other_epoch() -> None:
    flipping = batches(shift=False)
    for epoch in range(2):
        flipped = np.zeros((2, 23), bool)
        for offset in range(2):
            order = flipping.order(epoch + offset)
            for step in range(flipping.steps):
                rows = order[step * 5 : step * 5 + 5]
                images, _ = flipping.batch(order, epoch + offset, step)
                for row, image in zip(rows, images, strict=True):
                    mirrored = flipping.dataset.images[row][:, ::-1]
                    flipped[offset, row] = np.array_equal(image, mirrored)
                    assert flipped[offset, row] or np.array_equal(image, flipping.dataset.images[row])
        assert (flipped[0] ^ flipped[1]).all()


def test_shifting_moves_whole_images_by_at_most_a_sixteenth() -> None:
    images = dataset(count=40, side=32).images[:]
    moved = varied(images, NAMED["small"], np.random.default_rng(0))
    assert moved.dtype == np.uint8
    offsets = set()
    for before, after in zip(images, moved, strict=True):
        inner = after[2:-2, 2:-2]
        fits = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if np.array_equal(before[2 + down : 30 + down, 2 + right : 30 + right], inner)
        ]
        assert len(fits) == 1
        offsets.update(fits)
    assert len(offsets) > 10


def test_of_long_sounds_a_step_sees_other_windows_in_every_epoch() -> None:
    """Each column tells its place in the sound; every window is a run of them, and none depends on what came before."""
    rules = SoundRules(8000, 0.3)
    width, half = rules.frames, rules.frames // 2
    starts = np.arange(0, 4 * half, half)
    columns = (starts[:, np.newaxis] + np.arange(width)).astype(np.uint8)
    images = np.repeat(columns[:, np.newaxis, :, np.newaxis], 64, axis=1)
    rows = len(images)
    sound = Dataset(images, np.zeros(rows, np.int64), ("a",), ["x.wav"] * rows, None, np.zeros(rows, np.int64), rules)
    moving = Batches(sound, rows, 0, SoundAugmentation(shift=1e-9), mirror=False)
    order = moving.order(0)
    seen = [moving.batch(order, epoch, 0)[0] for epoch in (0, 1, 2)]
    for batch in seen:
        assert (np.diff(batch[:, 0, :, 0].astype(int), axis=1) == 1).all()
    first = [tuple(batch[:, 0, 0, 0].tolist()) for batch in seen]
    assert len(set(first)) == 3
    again = Batches(sound, rows, 0, SoundAugmentation(shift=1e-9), mirror=False)
    np.testing.assert_array_equal(again.batch(order, 2, 0)[0], seen[2])
    part = again.batch(order, 2, 0, slice(1, 3))[0]
    np.testing.assert_array_equal(part, seen[2][1:3])
    still = Batches(sound, rows, 0, SoundAugmentation(level=1e-9), mirror=False)
    np.testing.assert_array_equal(still.batch(order, 0, 0)[0], images[order])

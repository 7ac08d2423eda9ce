"""A person relies on: figures count files, whatever windows they have."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beholder.data.recordings import first_rows, joined_recordings, numbered, rows_of
from beholder.evaluation.recordings import by_recording, mostly

FILES = st.lists(st.integers(0, 6), min_size=1, max_size=12).map(lambda runs: np.array(runs, np.int64))


@given(FILES)
def test_each_file_gets_the_mean_of_its_rows_in_the_order_of_the_first(recordings: np.ndarray) -> None:
    values = np.random.default_rng(len(recordings)).random((len(recordings), 3)).astype(np.float32)
    order = list(dict.fromkeys(recordings.tolist()))
    means, first = by_recording(values, recordings)
    expected = [values[recordings == file].mean(axis=0) for file in order]
    np.testing.assert_allclose(means, expected, rtol=1e-6)
    assert first.tolist() == [recordings.tolist().index(file) for file in order]
    assert means.dtype == np.float32
    assert mostly(values[:, 0] > 0.5, recordings).tolist() == [
        float((values[recordings == file, 0] > 0.5).mean()) > 0.5 for file in order
    ]


@given(FILES)
def test_files_are_numbered_and_found_again(recordings: np.ndarray) -> None:
    place, first = numbered(recordings), first_rows(recordings)
    assert place[first].tolist() == list(range(len(first)))
    wanted = np.arange(len(first))[::-1]
    rows = rows_of(recordings, wanted)
    assert sorted(rows.tolist()) == list(range(len(recordings)))
    assert place[rows].tolist() == sorted(place.tolist(), reverse=True)


def test_images_are_files_themselves() -> None:
    values = np.eye(3, dtype=np.float32)
    means, first = by_recording(values, None)
    assert means is values
    assert first.tolist() == [0, 1, 2]


def test_recordings_of_several_sets_stay_apart() -> None:
    one = np.array([4, 4, 9], np.int64)
    joined = joined_recordings([one, None, one], [3, 2, 3])
    assert joined is not None
    assert joined.tolist() == [0, 0, 1, 2, 3, 4, 4, 5]
    assert joined_recordings([None, None], [1, 2]) is None

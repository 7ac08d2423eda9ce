"""A person relies on: weights of a network that they named are fetched once, whole and unchanged, or carried there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from file_server import FileServer, closed_address, serving
from torch_streams import floats, stream, tensor

from beholder.errors import DownloadError, UsageError
from beholder.models import MODELS
from beholder.models.weights.finding import check_weights, fetch_weights, find_weights, read_weights
from beholder.models.weights.origin import Address, Weights

CONTENT = stream({"windows": tensor("0", 4, (2, 2), (2, 1))}, {"0": floats(1, 2, 3, 4)})
FILE = "second-12345678.pth"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def row(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A model `second` whose weights are at `url`."""
    learned = Weights(
        title="Second",
        place=Address(f"{url}/{FILE}?version=1", 1_500_000),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="MIT",
        authors="these tests",
        trained_on="nothing",
        source="here",
        sides=(32, 64),
    )
    monkeypatch.setitem(MODELS, "second", replace(MODELS["lite0"], weights=learned))


def test_they_are_fetched_once_into_the_cache(server: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row(monkeypatch, f"{server.address}/ok")
    heard: list[tuple[str, int, int]] = []
    for _ in range(2):
        fetch_weights("second", cache, lambda *call: heard.append(call))
    assert server.asked == [f"/ok/{FILE}?version=1"]
    assert heard == [(f"Downloading {FILE}", len(CONTENT), len(CONTENT))]
    assert find_weights("second", cache) == cache / "weights" / FILE
    assert [file.name for file in (cache / "weights").iterdir()] == [FILE]
    np.testing.assert_array_equal(read_weights("second", cache)["windows"], [[1, 2], [3, 4]])


def test_who_only_looks_for_them_fetches_nothing(
    server: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(monkeypatch, f"{server.address}/ok")
    for use in (check_weights, read_weights, find_weights):
        with pytest.raises(
            UsageError, match=rf"'second'.*--model second.*\(2 MB\).*put their file '{FILE}' in "
        ) as told:
            use("second", cache)
        assert repr(str(cache / "weights")) in str(told.value)
    assert server.asked == []
    assert not cache.exists()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("missing", "404"), ("truncated", "broke off"), ("changed", "checksum"), (None, "no connection")],
)
def test_what_fails_is_one_sentence_that_says_what_to_carry_where_and_leaves_nothing(
    kind: str | None, reason: str, server: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(monkeypatch, closed_address() if kind is None else f"{server.address}/{kind}")
    with pytest.raises(DownloadError, match=f"{reason}.*bring the file '{FILE}'") as caught:
        fetch_weights("second", cache)
    assert str(caught.value).endswith(f"put it in {str(cache / 'weights')!r}.")
    assert list((cache / "weights").iterdir()) == []


def test_a_file_that_somebody_carried_there_is_compared_and_taken(
    server: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(monkeypatch, f"{server.address}/ok")
    carried = cache / "weights" / FILE
    carried.parent.mkdir(parents=True)
    carried.write_bytes(CONTENT)
    fetch_weights("second", cache)
    carried.write_bytes(CONTENT[:-1])
    with pytest.raises(UsageError, match=rf"{FILE}.*SHA-256.*delete it, and then train with --model second"):
        fetch_weights("second", cache)
    assert carried.read_bytes() == CONTENT[:-1], "what a person has put there stays"
    assert server.asked == []


def test_the_cache_is_the_usual_one_unless_somebody_says_another(
    server: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(monkeypatch, f"{server.address}/ok")
    monkeypatch.setenv("BEHOLDER_CACHE", str(cache))
    fetch_weights("second")
    assert find_weights("second") == cache / "weights" / FILE


def test_a_network_whose_weights_are_drawn_has_none_to_find() -> None:
    with pytest.raises(UsageError, match="'fast' begins with random weights"):
        check_weights("fast")


def test_the_rows_that_are_shipped() -> None:
    """No address and no checksum is published that nobody compared; files do not take each other's place."""
    known = {name: one.weights for name, one in MODELS.items() if one.weights is not None}
    assert list(known) == ["lite0"]
    assert not any(isinstance(one.place, Address) for one in known.values())
    assert len({one.file for one in known.values()}) == len(known)
    for name, one in known.items():
        assert len(bytes.fromhex(one.sha256)) == 32
        assert one.licence == "Apache-2.0"
        assert one.sides[0] <= (MODELS[name].side or 0) <= one.sides[1]

"""A person relies on: what was found of their data is found again in the cache, and only while it is still true."""

from __future__ import annotations

from pathlib import Path

import pytest

from beholder.data.remembered import remembered


def test_what_was_found_is_not_looked_for_again_while_the_facts_are_the_same(tmp_path: Path) -> None:
    looked: list[int] = []

    def find() -> dict[str, list[int]]:
        looked.append(1)
        return {"found": [len(looked)]}

    assert [remembered(tmp_path, "kind", [1, "a"], find) for _ in range(3)] == [{"found": [1]}] * 3
    assert remembered(tmp_path, "kind", [2, "a"], find) == {"found": [2]}
    assert remembered(tmp_path, "other", [1, "a"], find) == {"found": [3]}
    assert remembered(None, "kind", [1, "a"], find) == {"found": [4]}


@pytest.mark.parametrize("damage", ["", "null", "[]", "{}", '{"key": 1}', "[" * 100_000])
def test_a_damaged_memory_is_made_anew(tmp_path: Path, damage: str) -> None:
    assert remembered(tmp_path, "kind", [1], lambda: "right") == "right"
    [file] = (tmp_path / "remembered").iterdir()
    whole = file.read_text()
    file.write_text(damage)
    assert remembered(tmp_path, "kind", [1], lambda: "right") == "right"
    assert file.read_text() == whole
    file.write_text(whole.replace("right", "wrong"))
    assert remembered(tmp_path, "kind", [1], lambda: "right") == "right"


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "remembered").write_text("a file in the way")
    assert [remembered(tmp_path, "kind", [1], lambda: 5) for _ in range(2)] == [5, 5]

"""A model that is opened in the moment in which training replaces it is the old or the new one, and never an error."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from beholder.artifact import store
from beholder.artifact.store import Artifact, open_artifact, replacing_artifact


@pytest.fixture
def run(digits_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(digits_run / "model", tmp_path / "model")
    return tmp_path


def replace(run: Path) -> None:
    with replacing_artifact(run / "model") as building:
        shutil.copytree(run / "model", building, dirs_exist_ok=True)
        (building / "README.md").write_text("another one")


def test_somebody_opens_it_between_the_two_renames(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens it brings the earlier one back; the new one takes its place all the same."""
    rename = Path.rename
    opened: list[Artifact] = []

    def renaming(self: Path, target: Path) -> Path:
        done = rename(self, target)
        if str(target).endswith("-old") and not opened:
            opened.append(open_artifact(run))
        return done

    monkeypatch.setattr(Path, "rename", renaming)
    replace(run)
    assert len(opened) == 1
    assert (run / "model" / "README.md").read_text() == "another one"
    open_artifact(run)
    assert [path.name for path in run.iterdir()] == ["model"]


def test_it_is_replaced_while_it_is_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_seal, checked = store.check_seal, []

    def replaced_first(folder: Path) -> Any:
        checked.append(folder)
        if len(checked) == 1:
            monkeypatch.setattr(store, "check_seal", check_seal)
            replace(run)
            (folder / "README.md").unlink()  # as if the list of checksums had been read before
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(store, "_swap", lambda *_: None)
            try:
                check_seal(folder)
            finally:
                (folder / "README.md").write_text("another one")

    monkeypatch.setattr(store, "check_seal", replaced_first)
    assert open_artifact(run).folder == run / "model"

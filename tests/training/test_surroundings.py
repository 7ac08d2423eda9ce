"""A person relies on: one seed gives one network, whatever files and variables tell other libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from beholder.data import cache_folder
from beholder.training.steps import framework

DESCRIBE = """
import json
from beholder.cli import _run
_run(["--help"])
from beholder.training.steps import framework
framework.start()
import keras
from beholder.report import drawing
print(json.dumps([
    keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(), keras.config.backend(),
    keras.config.dtype_policy().name,
]))
"""


def test_a_keras_json_and_a_name_of_a_display_change_nothing(tmp_path: Path) -> None:
    told = {"floatx": "float16", "epsilon": 0.01, "image_data_format": "channels_first", "backend": "torch"}
    (tmp_path / "keras.json").write_text(json.dumps(told))
    surroundings = {"KERAS_HOME": str(tmp_path), "MPLBACKEND": "nonsense", "KERAS_BACKEND": ""}
    command = [sys.executable, "-c", DESCRIBE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **surroundings})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["float32", 1e-7, "channels_last", "tensorflow", "float32"]
    assert framework.SETTINGS == {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


@pytest.fixture
def nobody_imported_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for library, variable in cache_folder.FOLDERS.items():
        monkeypatch.delitem(sys.modules, library, raising=False)
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("BEHOLDER_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("nobody_imported_them")
def test_libraries_keep_their_files_in_the_cache_or_where_a_person_chose(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "chosen"))
    cache_folder.keep_in_cache()
    assert os.environ["KERAS_HOME"] == str(tmp_path / "cache" / "libraries" / "keras")
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "chosen")


@pytest.mark.usefixtures("nobody_imported_them")
def test_a_cache_that_cannot_be_written_to_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    cache_folder.keep_in_cache()
    for variable in cache_folder.FOLDERS.values():
        assert Path(os.environ[variable]).is_dir()
        assert not Path(os.environ[variable]).is_relative_to(tmp_path / "cache")

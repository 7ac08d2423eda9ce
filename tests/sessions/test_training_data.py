"""A person relies on: a run keeps a name for its data that means the same from any folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.data.opening import DATA_NAMES, open_source
from beholder.sessions.training_data import data_name


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", DATA_NAMES)
def test_a_folder_of_the_same_name_does_not_take_the_place_of_a_data_set(name: str, working_folder: Path) -> None:
    (working_folder / name).mkdir()
    assert data_name(name) == name
    assert data_name(f"./{name}") == str(working_folder / name)


def test_a_folder_that_is_called_as_a_data_set_keeps_its_path_once_it_is_opened(working_folder: Path) -> None:
    for name in ("cat", "dog"):
        (working_folder / "digits" / name).mkdir(parents=True)
        for number in range(3):
            image = np.full((8, 8, 3), 20 * number + len(name), np.uint8)
            Image.fromarray(image).save(working_folder / "digits" / name / f"{number}.png")
    source = open_source("./digits", cache=working_folder / "cache")
    assert source.class_names == ("cat", "dog")
    assert data_name(source) == str(working_folder / "digits")
    assert data_name(open_source("digits")) == "digits"


def test_a_path_is_kept_whole_and_what_has_no_name_is_called_arrays(working_folder: Path) -> None:
    (working_folder / "images").mkdir()
    assert data_name("images") == str(working_folder / "images")
    assert data_name((np.zeros((2, 8, 8), np.uint8), np.zeros(2))) == "arrays"

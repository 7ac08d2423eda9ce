"""A person relies on: the public names stay, and importing the package is light."""

from __future__ import annotations

import subprocess
import sys

import pytest

import beholder
from beholder import errors

PUBLIC = [
    "ArtifactError",
    "BeholderError",
    "BusyError",
    "Classifier",
    "ClusterError",
    "DataError",
    "Dataset",
    "DownloadError",
    "ImageError",
    "Prediction",
    "ReplacedError",
    "RunError",
    "SoundError",
    "Split",
    "StorageError",
    "UsageError",
    "__version__",
    "audit",
    "chapter",
    "compare",
    "evaluate",
    "explain",
    "look",
    "open_source",
    "parameters",
    "predict",
    "predict_in_bulk",
    "resume",
    "serve",
    "threshold",
    "train",
    "watch",
]


def test_the_public_names_are_these() -> None:
    assert beholder.__all__ == PUBLIC
    assert dir(beholder) == PUBLIC, "what a tab after `beholder.` finds"


def test_every_error_is_public() -> None:
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert kinds <= set(PUBLIC)
    assert all(getattr(beholder, name) is getattr(errors, name) for name in kinds)


def test_the_chapters_names_are_in_a_module_of_their_own() -> None:
    code = "import beholder; print(beholder.chapter.clean.__name__, *beholder.chapter.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["clean", "clean", "read_data", "unpickle"]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented_in_its_docstring(name: str) -> None:
    value = getattr(beholder, name)
    assert name == "__version__" or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lok'"):
        _ = beholder.lok


def test_naming_everything_imports_no_framework() -> None:
    code = (
        "import sys, beholder\n"
        "assert 'numpy' not in sys.modules, 'import beholder is not instant'\n"
        "for name in beholder.__all__: getattr(beholder, name)\n"
        "print([name for name in ('keras', 'tensorflow', 'sklearn', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

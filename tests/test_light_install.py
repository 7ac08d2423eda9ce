"""A person relies on: the light install (no extras) answers, starts without what it does not need, and says so."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What the interpreter had loaded before us (an editable install's finder, say) is not ours.
LOADED = """
import json, sys
before = set(sys.modules)
from beholder.cli import _run
status = _run(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    json.dump(sorted({name.partition(".")[0] for name in set(sys.modules) - before}), file)
sys.exit(status)
"""


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(names: list[str]) -> set[str]:
    """Normal names of the distributions in the requirements `names`, and of all that these need without extras."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        requirement = pending.pop()
        name = normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
        if name in found or "extra ==" in requirement:
            continue
        try:
            pending += importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for another system or an older Python
            continue
        found.add(name)
    return found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(path)
    return path


@pytest.mark.parametrize("name", ["--help", "look", "train", "evaluate", "predict", "predict a sound"])
def test_only_what_the_light_install_brings_is_imported(
    tmp_path: Path, digits_run: Path, tones_run: Path, long_tones: Path, image: Path, name: str
) -> None:
    arguments = {
        "--help": ["--help"],
        "predict": ["predict", str(digits_run), str(image), "--json"],
        "predict a sound": ["predict", str(tones_run), str(long_tones / "low"), "--json"],
    }
    told = tmp_path / "modules.json"
    command = [sys.executable, "-c", LOADED, str(told), *arguments.get(name, [name, "--help"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    extra = PROJECT["optional-dependencies"]["sound"] if name == "predict a sound" else []
    allowed = required([*PROJECT["dependencies"], *extra]) | {"beholder"}
    owners = importlib.metadata.packages_distributions()
    for module in json.loads(told.read_text(encoding="utf-8")):
        if module in sys.stdlib_module_names or module not in owners:
            continue
        assert {normal(owner) for owner in owners[module]} & allowed, f"{name} imports {module!r}"


@pytest.mark.parametrize(
    "module",
    ["beholder", "beholder.cli", "beholder.answering.classifier", "beholder.data.opening", "beholder.server.serving"],
)
def test_no_room_of_the_light_half_imports_the_training_half(module: str) -> None:
    heavy = ("keras", "tensorflow", "jax", "sklearn")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_imports_neither_numpy_nor_the_runtime(tmp_path: Path) -> None:
    told = tmp_path / "modules.json"
    subprocess.run([sys.executable, "-c", LOADED, str(told), "--help"], capture_output=True, check=True)
    assert not {"numpy", "onnxruntime", "PIL", "rich"} & set(json.loads(told.read_text(encoding="utf-8")))


def pinned(names: set[str]) -> list[str]:
    """The lines of requirements.lock for `names`."""
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lock if "==" in line and not line.startswith((" ", "#"))]
    return [line for line in lines if normal(line.partition("==")[0]) in names]


@pytest.mark.slow
def test_a_fresh_environment_without_extras_predicts(tmp_path: Path, digits_run: Path, image: Path) -> None:
    fresh, copy = tmp_path / "fresh", tmp_path / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, copy)
    shutil.copytree(REPOSITORY / "src", copy / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    subprocess.run([sys.executable, "-m", "venv", str(fresh)], check=True)
    python = fresh / "bin" / "python"
    pip = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--quiet",
        "--retries",
        "0",
    ]
    locked = tmp_path / "light.txt"
    locked.write_text("\n".join(pinned(required(PROJECT["dependencies"]))))
    for wanted in (["-r", str(locked)], ["--no-deps", str(copy)]):
        done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
        if done.returncode and re.search(r"No matching distribution|Could not find a version|connection", done.stderr):
            pytest.skip("pip cannot reach its package index")
        assert done.returncode == 0, done.stderr
    subprocess.run([str(python), "-m", "pip", "check"], check=True, capture_output=True)
    installed = sum(path.stat().st_size for path in fresh.rglob("*") if path.is_file() and not path.is_symlink())
    assert installed < 300e6, f"{installed / 1e6:.0f} MB"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(fresh / "bin" / "beholder"), "predict", str(digits_run), str(image), "--json"]
    answered = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert answered.returncode == 0, answered.stderr
    here = subprocess.run([sys.executable, "-m", "beholder", *command[1:]], capture_output=True, check=True)
    assert json.loads(answered.stdout) == json.loads(here.stdout)
    refused = subprocess.run(
        [command[0], "train", "digits", "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert refused.returncode == 2
    assert "pip install 'beholder[train]'" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()

"""A person relies on: the command that an audit's page shows trains on the data as the audit read them."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image
from sound_folders import make_tones
from starlette.testclient import TestClient

from beholder.api.audit import audit
from beholder.cli import beholder as cli
from beholder.cli.train import train
from beholder.data.opening import open_source
from beholder.report.reproduction import train_command
from beholder.server.audit_page import audit_app


@pytest.fixture(autouse=True)
def without_cleanlab(monkeypatch: pytest.MonkeyPatch) -> None:
    """What networks say costs time and is no concern here."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cleanlab" else find_spec(name))


def photographs(folder: Path) -> Path:
    """Twelve images of two patients, and a table in which two columns could be their labels."""
    random = np.random.default_rng(0)
    lines = ["file,label,species,patient"]
    for row in range(12):
        path = folder / ("cat", "dog")[row % 2] / f"p{row // 6}-{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(256, size=(16, 16, 3)).astype(np.uint8)).save(path)
        lines.append(f"{path.relative_to(folder).as_posix()},{row % 3},{('cat', 'dog')[row % 2]},p{row // 6}")
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def commands(folder: Path) -> list[str]:
    """As the page tells them, the file's own and the served one."""
    [content] = re.findall(
        r'id="audit">(.*?)</script>', (folder / "gallery.html").read_text(encoding="utf-8"), re.DOTALL
    )
    served = TestClient(audit_app(folder), "http://127.0.0.1").get("/decisions").json()
    return [json.loads(content)["command"], served["command"]]


def given(command: str) -> dict[str, Any]:
    """What `beholder train` understands of the command."""
    words = shlex.split(command)
    assert words[:2] == ["beholder", "train"]
    return train.make_context("train", words[2:], parent=click.Context(cli, **cli.context_settings)).params


def test_a_table_is_trained_on_with_the_columns_groups_and_fit_of_its_audit(tmp_path: Path) -> None:
    table = photographs(tmp_path / "data") / "t.csv"
    said: dict[str, Any] = {"label_column": "species", "group_column": "patient", "fit": "pad", "mirror": False}
    audit(table, out=tmp_path / "audit", cache=tmp_path / "cache", image_root=tmp_path / "data", **said)
    for command, corrections in zip(commands(tmp_path / "audit"), (Path(), tmp_path / "audit"), strict=True):
        asked = given(command)
        assert {name: asked[name] for name in said} == said
        assert (asked["data"], asked["colour"], asked["seconds"]) == (str(table), "auto", None)
        assert (Path(asked["image_root"]), Path(asked["cache"])) == (tmp_path / "data", tmp_path / "cache")
        assert Path(asked["corrections"]) == corrections / "corrections.csv"
    document = json.loads((tmp_path / "audit" / "findings.json").read_bytes())
    assert document["options"].items() >= said.items()


def test_a_pattern_given_when_the_data_were_opened_or_audited_is_told_again(tmp_path: Path) -> None:
    pattern = r"/(p\d)-"
    data = photographs(tmp_path / "data")
    (data / "t.csv").unlink()
    audit(data, out=tmp_path / "one", cache=tmp_path / "cache", group_pattern=pattern)
    audit(open_source(data, cache=tmp_path / "cache", group_pattern=pattern), out=tmp_path / "two")
    for name in ("one", "two"):
        assert [given(command)["group_pattern"] for command in commands(tmp_path / name)] == [pattern, pattern]


def test_sounds_are_trained_on_in_clips_of_the_audit_s_length(tmp_path: Path) -> None:
    data = make_tones(tmp_path / "data", each=4, long=1)
    audit(data, out=tmp_path / "audit", cache=tmp_path / "cache", seconds=0.4)
    assert [given(command)["seconds"] for command in commands(tmp_path / "audit")] == [0.4, 0.4]


def test_data_given_in_python_are_trained_on_there() -> None:
    told = train_command("arrays", {"corrections": "c.csv"})
    assert told == "beholder.train((images, labels), corrections='c.csv')"
    told = train_command("arrays", {"label_column": "species", "corrections": "c.csv"})
    assert told == "beholder.train(data, label_column='species', corrections='c.csv')"

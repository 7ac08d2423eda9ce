"""A person relies on: corruptions and consistency are judged when asked for, kept in RUN, and told again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from beholder.cli import _run


def evaluate(*arguments: str | Path) -> int:
    return _run(["evaluate", *map(str, arguments)])


@pytest.fixture
def run(digits_run: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "run"
    shutil.copytree(digits_run, copy)
    (copy / "evaluation.json").unlink(missing_ok=True)
    return copy


def test_what_was_asked_for_joins_the_figures_and_is_told_again(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run, "--json") == 0
    plain = json.loads(capfd.readouterr().out)
    assert "corruptions" not in plain
    assert evaluate(run, "--corruptions", "--json") == 0
    corrupted = json.loads(capfd.readouterr().out)
    assert {name: value for name, value in corrupted.items() if name != "corruptions"} == plain
    figures = corrupted["corruptions"]
    assert len(figures["kinds"]) == 15
    assert figures["worst"]["accuracy"] <= figures["mean_accuracy"] < plain["accuracy"]
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "glass blur" in report
    assert figures["worst"]["name"].replace("_", " ") in report
    assert "stay the same under every change below" not in report
    assert evaluate(run, "--consistency", "--json") == 0
    both = json.loads(capfd.readouterr().out)
    assert both["corruptions"] == figures
    assert 0 < both["consistency"]["all"] <= both["consistency"]["brightness"]["same"] <= 1
    assert json.loads((run / "evaluation.json").read_bytes()) == both
    assert "stay the same under every change below" in (run / "report.html").read_text(encoding="utf-8")
    monkeypatch.setattr("beholder.api.evaluate.open_source", lambda *_, **__: pytest.fail("opened the data"))
    assert evaluate(run, "--json") == 0
    assert json.loads(capfd.readouterr().out) == both
    assert evaluate(run, "--corruptions", "--consistency") == 0
    output = capfd.readouterr().out
    for word in ("jpeg compression", "Mean accuracy on corrupted images", "worst", "Answers that stay the same: shift"):
        assert word in output

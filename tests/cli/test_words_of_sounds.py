"""A person relies on: whose data are sounds reads of sounds, of clips where these are counted, and never of images."""

from __future__ import annotations

import base64
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from beholder.api.compare import compare
from beholder.cli import _run
from beholder.cli.predict import _in_words, _state
from beholder.data.kinds import Kind
from beholder.sessions.training_display import TrainingDisplay

# What is an image: the spectrogram, and the drawings of windows and maps.
MEANT = ("images of time and pitch", "image of time", "Each small image is one map", "windows as small images")
SEEN = re.compile(r' (?:alt|aria-label|title)="([^"]*)"')
CHART = re.compile(r"data:image/svg\+xml;base64,([\w+/=]+)")


class Written:
    """A screen that keeps all that is written on it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str, *, style: str | None = None) -> None:
        del style
        self.lines.append(line)

    def begin(self, description: str, total: float | None = None) -> None:
        del total
        self.lines.append(description)

    def update(self, task: Any, **changes: Any) -> None:
        del task
        self.lines += [str(changes[name]) for name in ("description", "state") if name in changes]

    def end(self, task: Any) -> None:
        del task

    def tell(self, task: str, done: int, total: int) -> None:
        del done, total
        self.lines.append(task)


def words_of(page: str) -> str:
    """All that a person reads or hears of a page, its charts' words too."""
    whole = "\n".join([page, *(base64.b64decode(uri).decode() for uri in CHART.findall(page))])
    bare = re.sub(r"<(style|script|metadata)\b.*?</\1>|<!--.*?-->", " ", whole, flags=re.DOTALL)
    return unescape(" ".join([re.sub(r"<[^>]*>", " ", bare), *SEEN.findall(bare)]))


def wrong(text: str) -> list[str]:
    """Where `text` says image and means none, with what stands around it."""
    for phrase in MEANT:
        text = text.replace(phrase, "")
    return re.findall(r".{0,60}\bimages?\b.{0,40}", " ".join(text.split()), re.IGNORECASE)


@pytest.mark.usefixtures("framework")
def test_all_that_is_told_of_sounds_speaks_of_sounds(
    long_tones: Path, tones_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, screen = tmp_path / "compared", Written()
    asked: dict[str, Any] = {"models": ["linear", "dense"], "images": [30, 45], "epochs": 2, "seconds": 0.5}
    told = compare(long_tones, out=out, **asked, listener=TrainingDisplay(screen).hear, progress=screen.tell)
    said = {"progress": "\n".join(screen.lines), "cell of a comparison": words_of(told._repr_html_())}

    def run(name: str, *arguments: str | Path, code: int = 0) -> None:
        capfd.readouterr()
        assert _run([*map(str, arguments)]) == code
        captured = capfd.readouterr()
        said[name] = captured.out + captured.err

    same: list[str | Path] = [
        "--models",
        "linear,dense",
        "--images",
        "30,45",
        "--epochs",
        "2",
        "--seconds",
        "0.5",
        "--out",
        out,
    ]
    run("compare", "compare", long_tones, *same, "--progress", "none", "--test")
    run("evaluate", "evaluate", out / "dense-45")
    short, long = long_tones / "low" / "00.wav", long_tones / "low" / "19.wav"
    for name, options in (("explain", ()), ("explain at random", ("--random",))):
        run(name, "explain", tones_run, long, "--out", tmp_path / name, *options)
        said[f"{name}, page"] = words_of((tmp_path / name / "index.html").read_text(encoding="utf-8"))
        said[f"{name}, figures"] = (tmp_path / name / "explain.json").read_text(encoding="utf-8")
    run("explain too wide", "explain", tones_run, long, "--random", "--window", "999", "--out", tmp_path / "no", code=2)
    run("predict", "predict", tones_run, short, tmp_path / "none.wav", code=2)
    run("look", "look", long_tones, "--seconds", "0.5", "--out", tmp_path / "sheet.png")
    said["page of a comparison"] = words_of((out / "comparison.html").read_text(encoding="utf-8"))
    said["report"] = words_of((out / "dense-45" / "report.html").read_text(encoding="utf-8"))
    said["model card"] = (out / "dense-45" / "model" / "README.md").read_text(encoding="utf-8")

    assert {name: found for name, text in said.items() if (found := wrong(text))} == {}
    for name, words in {
        "progress": ("30 sounds", "clips/s"),
        "cell of a comparison": ("sounds",),
        "compare": ("sounds", "parameters", "95 % interval"),
        "evaluate": ("precision", "sounds"),
        "explain, page": ("moves over the spectrogram", "The spectrogram, and the same in grey"),
        "explain, figures": ("the spectrogram glows",),
        "explain too wide": ("pixels, the spectrogram's side. Received: window=999.",),
        "predict": ("sound ", "none.wav"),
        "page of a comparison": ("on 45 sounds: gap", "Parameters and sounds", "training sounds", "From 30 to 45 "),
        "report": ("Clips a second", "Confusion matrix of", "F1 Sounds", "one clip costs"),
        "model card": ("A sound classifier", "sounds"),
    }.items():
        shown = " ".join(said[name].split())
        assert [one for one in words if one not in shown] == [], f"{name}: {shown[:2000]}"


@pytest.mark.parametrize(("kind", "one", "several"), [("image", "image", "images"), ("sound", "sound", "sounds")])
def test_bulk_answers_count_what_they_answer(kind: Kind, one: str, several: str) -> None:
    pytest.importorskip("pyarrow", reason="the extra cluster is not installed")
    from beholder.answering.bulk.job import BulkProgress, BulkResult

    done = BulkResult("there", 1200, 2, 3, 4, 2, "float32", 60.0, 5.0, 20.0, kind)
    assert _in_words(done).startswith(
        f"Answered 1,200 {several}, 2 of which could not be read, 20 {several}/s after 5 s of starting. 3 were"
    )
    assert _in_words(BulkResult("", 1, 0, 0, 1, 1, "float32", 1.0, 5.0, 1.0, kind)).startswith(f"Answered 1 {one}, ")
    assert (
        _state(BulkProgress(7, 1, 3, 20, 2.0, 5.0, kind)) == f"10 of 20 {several}, 1 bad, 2 {several}/s, 0:00:05 to go"
    )

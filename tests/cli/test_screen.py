"""A person relies on: in a terminal of any width every line stands once, whole, and no bar is left over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminal import shown

# Two trainings as `compare` has them, with all that reads and tells before and after, no network in it.
SCRIPT = """
import time
from beholder.cli.console import screen
from beholder.cli.training_progress import listener_on

PLAN = {
    "model": "fast", "epochs": 3, "batch_size": 250, "steps": 12, "precision": "float32", "mirrored": False,
    "train_images": 1000, "validation_images": 100,
}

def step(event, epoch, number, **more):
    figures = {"loss": 1.0, "train_accuracy": 0.5, "images_per_second": 1234.5, "eta_seconds": 1.0}
    return {"event": event, "epoch": epoch, "epochs": 3, "step": number, "steps": 4, **figures, **more}

def reading(shown, task, total):
    for done in range(total + 1):
        shown.tell(task, done, total)
        time.sleep(0.02)

with screen() as shown:
    hear = listener_on(shown, "bar")
    reading(shown, "Decoding images", 10)
    for task in ("Checking images", "Checking files"):
        shown.tell(task, 3, 10)  # and never told that it is done
    for run in ("first", "second"):
        hear({"event": "framework", "name": "TensorFlow", "seconds": 1.0})
        hear({"event": "checks", "messages": [f"Checked the {run}: none of 1,617 images is nearly of one colour."]})
        time.sleep(0.15)
        hear({"event": "start", "summary": {**PLAN, "model": run}})
        for epoch in (1, 2, 3):
            for number in (1, 2, 3, 4):
                hear(step("step", epoch, number))
                time.sleep(0.05)
            hear(step("epoch", epoch, 4, validation_accuracy=0.25 * epoch, loss=float(run == "first")))
        hear({"event": "overfitting", "message": f"The gap of the {run} opens: it knows its own images by heart."})
        hear({"event": "advice", "message": f"The machine of the {run} was busy; expect a worse network of it."})
        hear({"event": "export"})
        reading(shown, "Answering test images", 5)
        hear({"event": "end"})
print("Validation accuracy 75.0 % after 3 s.")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def expected() -> list[str]:
    lines = []
    for run, loss in (("first", 1), ("second", 0)):
        lines.append(f"Checked the {run}: none of 1,617 images is nearly of one colour.")
        lines.append(f"{run}, 3 epochs, fp32; 1,000 images, validation on 100, batches of 250.")
        for epoch in (1, 2, 3):
            figures = f"loss {loss}.000 train 50.0 % validation {25 * epoch}.0 % 1,23"
            lines.append(f"epoch {epoch}/3 {figures}")
        lines.append(f"The gap of the {run} opens: it knows its own images by heart.")
        lines.append(f"The machine of the {run} was busy; expect a worse network of it.")
    return [*lines, "Validation accuracy 75.0 % after 3 s."]


def check(lines: list[str]) -> None:
    text = " ".join(" ".join(lines).split())
    places = []
    for line in expected():
        assert text.count(line) == 1, f"{line!r} in\n" + "\n".join(lines)
        places.append(text.index(line))
    assert places == sorted(places), "in the order in which they were told"
    for leftover in ("Decoding", "Checking", "Answering", "Epoch", "Packing", "Starting", "━", "to go"):
        assert leftover not in text, "\n".join(lines)
    assert "" not in [line.strip() for line in lines if lines.index(line) < len(lines) - 1]


@pytest.mark.parametrize("width", [40, 80, 130])
def test_each_line_stands_once_and_no_bar_is_left(script: Path, width: int) -> None:
    check(shown(script, width))


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("width", [40, 80, 130])
def test_a_real_terminal_shows_the_same(script: Path, tmp_path: Path, width: int) -> None:
    tmux = ["tmux", "-S", str(tmp_path / "tmux")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}
    # On a busy machine the program may start before the pane has its size.
    sized = f"until stty size | grep -q ' {width}$'; do sleep 0.1; done"
    command = f"{sized}; '{sys.executable}' '{script}'; sleep 600"
    subprocess.run(
        [*tmux, "-f", os.devnull, "-u", "new-session", "-d", "-x", str(width), "-y", "100", command],
        check=True,
        env={**environment, "PYTHONUTF8": "1"},
    )
    try:
        for _ in range(600):
            lines = subprocess.run([*tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout
            if "after 3 s." in " ".join(lines.split()):
                break
            time.sleep(0.1)
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)
    check(lines.rstrip().splitlines())


def test_two_screens_would_write_over_each_other(script: Path) -> None:
    """The fault that these tests are for: a second display moves the cursor up over what the first one wrote."""
    alone = "hear = listener_on(shown, "
    text = script.read_text(encoding="utf-8")
    assert alone in text
    script.write_text(text.replace(alone, "hear = listener_on(type(shown)(), "), encoding="utf-8")
    with pytest.raises(AssertionError):
        check(shown(script, 80))


def test_a_file_gets_each_line_whole_and_no_bar(script: Path) -> None:
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True)
    lines = [" ".join(line.split()) for line in done.stderr.splitlines()]
    told = expected()[:-1]
    assert len(lines) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))
    assert done.stdout == "Validation accuracy 75.0 % after 3 s.\n"

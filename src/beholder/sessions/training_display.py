"""A training run as a person sees it, line by line and with one bar; drawn from events alone, on any screen."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from beholder.data.kinds import named
from beholder.evaluation.shares import as_percent
from beholder.training.budget.forecast import MOST_EPOCHS

if TYPE_CHECKING:
    from beholder.runs.events import Event


class Screen(Protocol):
    """Where it is seen: a terminal, a cell of a notebook."""

    def say(self, line: str, *, style: str | None = None) -> None:
        """Show one line that stays."""

    def begin(self, description: str, total: float | None = None) -> Any:
        """Show a bar, and return what `update` and `end` know it by."""

    def update(self, task: Any, **changes: Any) -> None:
        """Change a bar's `description`, `completed`, `total` or `state`."""

    def end(self, task: Any) -> None:
        """Take a bar away."""


class TrainingDisplay:
    """One line an epoch, and under them a bar for the whole run; several runs come one after the other."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.task: Any = None
        self.summary: dict[str, Any] = {}
        self.total = self.steps = 0  # steps of the run, and of an epoch

    def hear(self, event: Event) -> None:
        """Show one event."""
        shown: dict[str, Callable[[Event], None]] = {
            "framework": self._framework,
            "checks": self._checks,
            "start": self._start,
            "features": self._features,
            "first_answer": self._first_answer,
            "fold": self._fold,
            "fold_judged": self._fold_judged,
            "step": self._step,
            "epoch": self._epoch,
            "resumed": self._resumed,
            "replan": self._replan,
            "advice": self._message,
            "overfitting": self._message,
            "export": self._export,
            "stopped": self._end,
            "end": self._end,
        }
        if event["event"] in shown:
            shown[event["event"]](event)

    def _framework(self, event: Event) -> None:
        self.summary, self.total, self.steps = {}, 0, 0
        self.task = self.screen.begin(f"Starting {event['name']}")

    def _checks(self, event: Event) -> None:
        for message in event["messages"]:
            self.screen.say(message)

    def _start(self, event: Event) -> None:
        self.summary = event["summary"]
        self.screen.say(summary_in_words(self.summary))
        self.screen.update(self.task, description="Building the network")
        self._of(self.summary["steps"])

    def _of(self, steps: int) -> None:
        self.total = steps
        self.screen.update(self.task, total=steps)

    def _features(self, event: Event) -> None:
        state = f"{event['done']:,} of {event['images']:,}"
        self.screen.update(
            self.task, description=f"Looking at the {_rows(self.summary)} for a first answer", state=state
        )

    def _first_answer(self, event: Event) -> None:
        accuracy = event.get("validation_accuracy")
        right = "" if accuracy is None else f": {as_percent(accuracy)} of the validation {_files(self.summary)}"
        self.screen.say(f"First answer{right} after {event['seconds']:.0f} s.")
        self.screen.update(self.task, description="Fine-tuning", state="")

    def _fold(self, event: Event) -> None:
        self.screen.update(
            self.task,
            completed=event["done"],
            total=event["steps"],
            description=f"Fold {event['fold']} of {event['folds']}",
            state=f"{_clock(event['eta_seconds'])} to go with it",
        )

    def _fold_judged(self, event: Event) -> None:
        right = f"{as_percent(event['accuracy'])} of {event['images']:,} {_files(self.summary)} that it never saw"
        self.screen.say(f"fold {event['fold']} of {event['folds']}: {right}, {event['seconds']:.0f} s")
        if event["fold"] == event["folds"]:
            self.screen.update(
                self.task,
                description=f"Training on all {_files(self.summary)}",
                completed=0,
                total=self.total,
                state="",
            )

    def _step(self, event: Event) -> None:
        self.steps = event["steps"]
        done = (event["epoch"] - 1) * self.steps + event["step"]
        state = (
            f"loss {event['loss']:.3f}, train {as_percent(event['train_accuracy'])}, "
            f"{event['images_per_second']:,.0f} {_rows(self.summary)}/s, {_clock(event['eta_seconds'])} to go"
        )
        self.screen.update(
            self.task, completed=done, description=f"Epoch {event['epoch']}/{event['epochs']}", state=state
        )

    def _epoch(self, event: Event) -> None:
        self.screen.update(self.task, completed=min(event["epoch"] * self.steps, self.total))
        self.screen.say(
            f"epoch {event['epoch']:>3}/{event['epochs']}  loss {event['loss']:.3f}  "
            f"train {as_percent(event['train_accuracy'])}  {_on_validation(event)}"
            f"{event['images_per_second']:,.0f} {_rows(self.summary)}/s"
        )

    def _resumed(self, event: Event) -> None:
        self.screen.say(f"Continuing at epoch {event['epoch']}, step {event['step']}.")
        self._replan(event)

    def _replan(self, event: Event) -> None:
        # Of a plan that is followed its last number of steps was known from the start.
        if "budget_seconds" in self.summary:
            self._of(event["steps"])

    def _message(self, event: Event) -> None:
        self.screen.say(event["message"], style="yellow")

    def _export(self, _event: Event) -> None:
        self.screen.update(self.task, description="Packing the model", state="")

    def _end(self, _event: Event) -> None:
        self.screen.end(self.task)


def summary_in_words(summary: dict[str, Any]) -> str:
    """One line that says what will be done: 48/128/192 at 32 px, 7.4 epochs, bf16, ends 14:32:05, 1.3 GB so far; …."""
    origin = f" from {summary['started_from']}" if "started_from" in summary else ""
    balance = f", classes balanced by {summary['balance']}" if "balance" in summary else ""
    precision = {"bfloat16": "bf16", "float32": "fp32"}[summary["precision"]] + balance
    varied = summary.get("augmentation", "small")
    varied = "" if varied == "small" else f", varied ({varied})"
    mirrored = ", mirrored too" if summary["mirrored"] else ""
    data = f"{summary['train_images']:,} {_files(summary)}{varied}{mirrored}, "
    data += f"judged in {summary['folds']} folds" if "folds" in summary else ""
    data += "" if "folds" in summary else f"validation on {summary['validation_images']:,}"
    network, pixels = summary["model"], ""
    if summary.get("widths"):
        network = "/".join(map(str, summary["widths"]))
    if "side" in summary:
        pixels = f" at {summary['side']} px" + (
            f" ({summary['first_side']} at first)" if summary.get("first_side") else ""
        )
    epochs, end = "1 epoch" if summary["epochs"] == 1 else f"{summary['epochs']:g} epochs", ""
    if not summary["epochs"]:
        epochs = "a first answer alone"
    if "budget_seconds" in summary:
        epochs = f"{summary['epochs']:.1f} epochs" if summary["epochs"] else epochs
        epochs += " (more would only memorise)" if summary["epochs"] >= MOST_EPOCHS else ""
        end = f", ends {_moment(summary['ends'])}, {summary['memory_gb']:.1f} GB so far"
    return f"{network}{origin}{pixels}, {epochs}, {precision}{end}; {data}, batches of {summary['batch_size']}."


def _files(summary: dict[str, Any]) -> str:
    """What is learned from."""
    return named(summary.get("kind", "image")).plural


def _rows(summary: dict[str, Any]) -> str:
    """What a network sees one at a time."""
    return named(summary.get("kind", "image")).rows


def _on_validation(event: Event) -> str:
    """The accuracy on the validation set after an epoch, where there is one."""
    accuracy = event.get("validation_accuracy")
    return "" if accuracy is None else f"validation {as_percent(accuracy)}  "


def _moment(text: str) -> str:
    """An ISO moment as a person reads it: 14:32:05 where that is today, 2026-11-30 14:32 where it is not."""
    moment = datetime.datetime.fromisoformat(text)
    today = moment.date() == datetime.datetime.now(moment.tzinfo).date()
    return f"{moment:%H:%M:%S}" if today else f"{moment:%Y-%m-%d %H:%M}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

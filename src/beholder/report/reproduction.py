"""How a run on a budget spent it, and the command that makes the same run again."""

from __future__ import annotations

import shlex
from itertools import pairwise
from typing import Any

from beholder.report import words
from beholder.report.reading import RunFiles


def budget_in_words(run: RunFiles) -> str | None:
    """The budget, the network and the epochs that were planned for it, and the plans after that; None without one."""
    budget, planned = run.config.get("budget"), run.config.get("forecast")
    if budget is None:
        return None
    sentence = f"Budget {words.duration(budget)}"
    if planned is None:  # killed before it was measured
        return f"{sentence}."
    network = "/".join(map(str, planned["widths"])) if planned["widths"] else run.config["model"]
    sentence += f": planned {network} at {planned['side']} px for {words.plural(planned['epochs'], 'epoch')}"
    replans = [event for event in run.events if event["event"] == "replan"]
    if not replans:
        return f"{sentence}; the plan was kept."
    steps = words.plural(replans[-1]["steps"], "step")
    return f"{sentence}; the plan was updated {words.plural(len(replans), 'time')}, in the end to {steps}."


def plan_command(run: RunFiles) -> str | None:
    """The command that follows the plan of a finished run on a budget; None where no command does."""
    config = run.config
    ended = any(event["event"] == "end" and "schedule" in event for event in run.events)
    if config.get("budget") is None or not ended or config["data"] == "arrays":
        return None
    given: dict[str, Any] = {
        "--plan": f"{run.path.name}/events.jsonl",
        "--labels": "coarse" if config.get("labels") == "coarse" else None,
        "--images": config.get("images"),
        "--corrections": _corrections(config),
        "--risk": config.get("risk"),
        "--cache": config.get("cache"),
    }
    options = [str(word) for option, value in given.items() if value is not None for word in (option, value)]
    return shlex.join(["beholder", "train", config["data"], *options])


def _corrections(config: dict[str, Any]) -> str | None:
    """The file of the corrections that the run obeyed: the config keeps these, and the command their place."""
    if not config.get("corrections", {}).get("lines"):
        return None
    told = shlex.split(str(config.get("command") or ""))
    after = [value for option, value in pairwise(told) if option == "--corrections"]
    joined = [word.partition("=")[2] for word in told if word.startswith("--corrections=")]
    return next(iter([*after, *joined]), "FILE.csv")

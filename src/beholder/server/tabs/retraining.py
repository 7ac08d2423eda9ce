"""The command that trains a run again, as it was asked for, with the corrections that were made since."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from beholder.data.corrections import train_command

_OTHERS = ("--corrections", "--out")  # with a value each, and these two are new
_FLAGS = ("--json", "--watch")  # what was asked of that one call


def retrain_command(config: dict[str, Any], run: Path, corrections: Path) -> str:
    """The run's own command with all of its options, but for the file `corrections` and a new folder beside `run`.

    Where it was trained from Python, or by another command, its config says them, all but a plan that it followed.
    """
    data = str(config["data"])
    if data == "arrays":
        return train_command(data, str(corrections))
    new = ["--corrections", str(corrections), "--out", str(_free(run))]
    return shlex.join(["beholder", "train", data, *(_options(config, data) or _settings(config)), *new])


def _options(config: dict[str, Any], data: str) -> list[str] | None:
    """What stands behind the data in the run's own command; None where there is none."""
    try:
        words = shlex.split(str(config.get("command") or ""))
    except ValueError:
        return None
    if words[:2] != ["beholder", "train"]:
        return None
    kept: list[str] = []
    waiting = iter(words[2:])
    named = False
    for word in waiting:
        if word in _OTHERS:
            next(waiting, None)
        elif not named and (word == data or _is(word, data)):
            named = True
        elif word not in _FLAGS and not word.startswith(tuple(f"{option}=" for option in _OTHERS)):
            kept.append(word)
    return kept if named else None


def _is(word: str, data: str) -> bool:
    """Whether `word`, a path in the folder that the command was given in, can be that of `data`."""
    ending = word.rstrip("/").removeprefix("./").replace("../", "")
    return not word.startswith("-") and bool(ending) and f"{data}/".endswith(f"/{ending}/")


def _settings(config: dict[str, Any]) -> list[str]:
    """The options that train again as `config` says: all that was asked for, and what the network itself is."""
    settings = config.get("settings") or {}
    recipe, initial = settings.get("recipe") or {}, settings.get("initial") or {}
    options, automatic = config.get("options") or {}, config.get("automatic")
    own = {name: value for name, value in options.items() if name == "dropout" or not (automatic or initial)}
    budget, balance = config.get("budget"), settings.get("balance")
    given: dict[str, Any] = {
        "model": None if automatic or initial else config.get("model"),
        "from": initial.get("source"),
        "input_range": options.get("input_range") if str(initial.get("source")).endswith(".keras") else None,
        "budget": None if budget is None else f"{budget:g}s",
        "epochs": round(config["epochs"]) if budget is None and config.get("epochs") else None,
        **{name: recipe.get(name) for name in settings.get("said", []) if name != "epochs"},
        **own,
        "early_stop": settings.get("early_stop"),
        "balance": None if balance == "none" else balance,
        "precision": settings.get("precision"),
        "images": config.get("images"),
        "seed": config.get("seed") or None,
        "colour": None if config.get("colour", "auto") == "auto" else config["colour"],
        "labels": "coarse" if config.get("labels") == "coarse" else None,
        "risk": config.get("risk"),
        "cache": config.get("cache"),
        "neighbours": None if config.get("neighbours", True) else False,
    }
    return [word for name, value in given.items() if value is not None for word in _option(name, value)]


def _option(name: str, value: Any) -> list[str]:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if isinstance(value, list):  # `widths`, and `input_range`, which may begin with a minus
        return [f"--{option}={','.join(f'{one:g}' for one in value)}"]
    return [f"--{option}", str(value)]


def _free(run: Path) -> Path:
    """A name for a new folder beside `run`."""
    wanted = run.with_name(f"{run.resolve().name}-corrected") if run.name else run.resolve().with_name("corrected")
    number = 2
    free = wanted
    while free.exists():
        free, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return free

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

    Where it was trained from Python, or by another command, it names what decides most: the network and how long.
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
    given = {
        "--model": None if config.get("model") == "auto" else config.get("model"),
        "--budget": None if config.get("budget") is None else f"{config['budget']:g}s",
        "--epochs": f"{config['epochs']:g}" if config.get("budget") is None and config.get("epochs") else None,
        "--images": config.get("images"),
        "--seed": config.get("seed") or None,
        "--colour": None if config.get("colour", "auto") == "auto" else config["colour"],
        "--labels": "coarse" if config.get("labels") == "coarse" else None,
        "--risk": config.get("risk"),
        "--cache": config.get("cache"),
    }
    return [str(word) for option, value in given.items() if value is not None for word in (option, value)]


def _free(run: Path) -> Path:
    """A name for a new folder beside `run`."""
    wanted = run.with_name(f"{run.resolve().name}-corrected") if run.name else run.resolve().with_name("corrected")
    number = 2
    free = wanted
    while free.exists():
        free, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return free

"""beholder threshold RUN: from which probability a class is answered, so that its recall or precision is promised."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from beholder.cli.console import print_json, say
from beholder.cli.help import HelpfulCommand
from beholder.cli.options import json_option, run_argument, target_options


@click.command(
    cls=HelpfulCommand,
    short_help="Promise a recall or precision of a class.",
    examples=(
        "beholder threshold runs/cells --target-recall defective=95%",
        "beholder threshold runs/cells --target-precision defective=90%",
        "beholder threshold runs/cells",
    ),
    headings={"Promise": "--target-recall --target-precision --remove", "Output": "--json"},
)
@run_argument
@target_options
@click.option("--remove", is_flag=True, help="Remove the threshold: answer the most probable class again.")
@json_option
def threshold(run: Path, as_json: bool, **given: Any) -> None:
    """Choose, on the validation set, or out of fold, the probability from which the model of RUN answers a class.

    The recall or precision then holds at 99 % confidence for images like those that it was chosen on. The class is
    answered wherever its probability reaches the threshold, and nowhere else. No training is needed: RUN keeps what was
    said of these images. Without an option, tell what is promised now.
    """
    from beholder.api.threshold import threshold as choose

    result = choose(run, **given)
    if as_json:
        print_json(result.to_dict())
        return
    from beholder.evaluation.point_words import promises_in_words
    from beholder.runs.run_folder import Run

    for name, promised in (("", result.float32), ("The int8 model: ", result.int8)):
        if promised is None:
            continue
        usual = ["The most probable class is answered."] if promised["point"] is None else []
        first, *others = [*usual, *promises_in_words(promised["point"], promised["risk"])]
        say(name + first)
        for promise in others:
            say(promise)
    if Run(run).has_test_set:
        say(f"Its figures on the test set: beholder evaluate {shlex.quote(str(run))}")

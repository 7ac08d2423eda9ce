"""beholder explain RUN IMAGE: what the network sees, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from beholder.addresses import at_home
from beholder.cli.console import print_json, print_notes, say
from beholder.cli.options import json_option, run_argument, seed_option
from beholder.cli.streams import read_standard_input
from beholder.cli.values import PATH, POSITIVE
from beholder.evaluation.shares import as_percent


@click.command(short_help="Draw what the network sees in one image, step by step.")
@run_argument
@click.argument("image")
@click.option(
    "--out",
    type=PATH,
    default=Path("explanation"),
    show_default=True,
    help="The folder to make; it must not exist or be empty.",
)
@click.option("--force", is_flag=True, help="Replace an earlier explanation in that folder.")
@click.option("--stride", type=POSITIVE, help="Step of the sliding window, pixels.  [default: the first layer's own]")
@click.option(
    "--slide",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    help="Which window slides, by its number in windows.png.  [default: the strongest]",
)
@click.option("--frames", is_flag=True, help="Also write the frames of the animation as PNG files, into sliding/.")
@click.option("--random", is_flag=True, help="Use random windows, drawn from N(0, 1), instead of the trained ones.")
@click.option("--window", type=POSITIVE, help="Side of the random windows, pixels.  [default: 5]")
@click.option("--top", type=POSITIVE, default=5, show_default=True, help="Class names in the answer.")
@seed_option
@json_option
def explain(run: Path, image: str, as_json: bool, **given: Any) -> None:
    """Draw what the network of RUN sees in IMAGE (a file, or `-` for its bytes on standard input).

    The folder gets a page, index.html, and its figures: the image as it comes in, the first layer's windows, one of
    them sliding over the image (sliding.gif), every layer's maps, and where the network looked.
    """
    from beholder.api.explain import explain as explain_now

    result = explain_now(run, read_standard_input() if image == "-" else at_home(image), **given)
    if as_json:
        print_json(result.to_dict())
        return
    answers = ", ".join(f"{answer['label']} {as_percent(answer['probability'])}" for answer in result.top)
    print_notes(result.notes)
    say(f"{answers}.")
    say(f"Wrote {len(result.files)} files; open {result.out / 'index.html'}")

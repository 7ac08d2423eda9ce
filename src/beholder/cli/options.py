"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from beholder.cli.values import PATH, POSITIVE, Seed
from beholder.server import HOST

Command = TypeVar("Command", bound=Callable[..., Any])

data_argument = click.argument("data")
run_argument = click.argument("run", metavar="RUN", type=PATH)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output, all else on standard error."
)
seed_option = click.option("--seed", type=Seed(), default=0, show_default=True, help="Fixes every random choice.")
exact_option = click.option("--exact", is_flag=True, help="Answer in float32, also where there is an int8 model.")
early_stop_option = click.option(
    "--early-stop",
    type=POSITIVE,
    is_flag=False,
    flag_value=3,
    metavar="[EPOCHS]",
    help="Stop after this many epochs (3) without a better validation accuracy, and keep the best.",
)
progress_option = click.option(
    "--progress",
    "progress_kind",
    type=click.Choice(["bar", "json", "none"]),
    default="bar",
    show_default=True,
    help="What to show on standard error: a line per epoch and a bar, events as JSON lines, or nothing.",
)
augment_option = click.option(
    "--augment/--no-augment",
    default=None,
    help="Vary the training images: shift them, and mirror them where that is safe.  [default: by model]",
)
weight_decay_option = click.option("--weight-decay", type=click.FloatRange(min=0), help="Pulls weights towards zero.")
corrections_option = click.option(
    "--corrections",
    type=PATH,
    metavar="FILE.csv",
    help="Corrections to apply, lines of path,action,label, from the page of an audit or your own. "
    "DATA itself is not changed.",
)
colour_option = click.option(
    "--colour",
    type=click.Choice(["auto", "rgb", "grey"]),
    default="auto",
    show_default=True,
    help="Three channels (rgb) or one (grey). auto keeps what DATA has; a folder of grey images gets one.",
)
fit_option = click.option(
    "--fit",
    type=click.Choice(["crop", "pad", "stretch"]),
    help="How images of other proportions get into one size: crop cuts what stands over, pad adds grey, stretch gives "
    "up proportions.  [default: crop]",
)
mirror_option = click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Whether a mirrored image means the same.  [default: judged from the images, and reported]",
)


def reading_options(command: Command) -> Command:
    """How DATA is read."""
    return _decorated(
        command,
        click.option(
            "--labels",
            type=click.Choice(["fine", "coarse"]),
            help="Which labels of CIFAR-100: 100 fine or 20 coarse classes.  [default: fine]",
        ),
        click.option(
            "--cache",
            type=click.Path(path_type=Path, file_okay=False),
            help="Where downloads and decoded images are kept.  [default: your cache folder]",
        ),
    )


def server_options(port: int) -> Callable[[Command], Command]:
    """Where a page is served: `--host`, `--port`, which is `port` by default, and `--allow-host`."""
    return lambda command: _decorated(
        command,
        click.option(
            "--host", default=HOST, show_default=True, help="Address to listen on; 0.0.0.0 means every interface."
        ),
        click.option(
            "--port", type=click.IntRange(0, 65535), default=port, show_default=True, help="0 picks a free one."
        ),
        click.option(
            "--allow-host",
            "allow_hosts",
            multiple=True,
            metavar="NAME",
            help="Another name by which this server may be reached; repeatable.",
        ),
    )


def _decorated(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command

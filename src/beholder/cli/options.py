"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from beholder.cli.values import Seed

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on standard output, everything else on standard error."
)
seed_option = click.option("--seed", type=Seed(), default=0, show_default=True, help="Fixes every random choice.")
exact_option = click.option(
    "--exact", is_flag=True, help="Answer in float32, also where the model has a faster int8 model."
)
early_stop_option = click.option(
    "--early-stop",
    type=click.IntRange(min=1),
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
    help="On standard error: a live table, or events as JSON lines.",
)
data_argument = click.argument("data")


def run_argument(name: str = "run") -> Callable[[Command], Command]:
    """The RUN folder, as a path."""
    return click.argument(name, metavar="RUN", type=click.Path(path_type=Path))


colour_option = click.option(
    "--colour",
    type=click.Choice(["auto", "rgb", "grey"]),
    default="auto",
    show_default=True,
    help="Three channels (rgb) or one (grey); auto: as DATA has them, and one where a folder's images are all grey.",
)
mirror_option = click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Whether a mirrored image means the same.  [default: told from the images, and said]",
)


def reading_options(command: Command) -> Command:
    """How DATA is read."""
    for option in (
        click.option(
            "--cache",
            type=click.Path(path_type=Path, file_okay=False),
            help="Where downloads and decoded images are kept.  [default: your cache folder]",
        ),
        click.option(
            "--labels",
            type=click.Choice(["fine", "coarse"]),
            default=None,
            help="Which labels of CIFAR-100: 100 fine or 20 coarse classes.  [default: fine]",
        ),
    ):
        command = option(command)
    return command


def server_options(port: int) -> Callable[[Command], Command]:
    """Where a page is served: `--host`, `--port`, which is `port` by default, and `--allow-host`."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--allow-host",
                "allow_hosts",
                multiple=True,
                metavar="NAME",
                help="A further name for this server; repeatable.",
            ),
            click.option(
                "--port", type=click.IntRange(0, 65535), default=port, show_default=True, help="0 takes a free one."
            ),
            click.option(
                "--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is every one."
            ),
        ):
            command = option(command)
        return command

    return decorate

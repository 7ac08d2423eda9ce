"""beholder parameters: what each layer costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.cli.console import error_console, print_json, say
from beholder.cli.options import json_option
from beholder.cli.tables import print_table
from beholder.cli.values import PATH, POSITIVE, LocalPath
from beholder.evaluation.shares import as_percent
from beholder.models import MODELS

if TYPE_CHECKING:
    from beholder.api.results import ParametersResult


@click.command(short_help="Show what each layer costs, and why convolution is cheap.")
@click.argument("run", metavar="[RUN]", required=False, type=PATH)
@click.option(
    "--model", type=click.Choice(list(MODELS)), help="A network by its name, instead of a RUN.  [default: book]"
)
@click.option("--size", type=POSITIVE, help="Side of its square colour images, pixels.  [default: 32]")
@click.option("--classes", type=click.IntRange(min=2), help="Number of classes.  [default: 10]")
@click.option(
    "--out",
    type=LocalPath(dir_okay=False),
    help="Also draw the chapter's argument, weights against image size, as .png or .svg.",
)
@json_option
def parameters(
    run: Path | None, model: str | None, size: int | None, classes: int | None, out: Path | None, as_json: bool
) -> None:
    """Show what each layer of a RUN, or of a network by its name, costs; and why convolution is cheap.

    Reading a RUN needs no TensorFlow. A network by its name is built once, which takes seconds; its table is kept.
    """
    from beholder.api import parameters as module

    with error_console().status("Building the network"):
        result = module.parameters(run, model=model, size=size, classes=classes)
    if out is not None:
        from beholder.report.parameter_chart import save_parameter_chart

        save_parameter_chart(
            out, sides=module.SIDES, neurons=module.NEURONS, window=module.WINDOW, windows=module.WINDOWS
        )
    if as_json:
        print_json(result.to_dict() | ({} if out is None else {"out": str(out)}))
        return
    _print_costs(result)
    _print_argument(result.argument)
    if out is not None:
        say(f"Wrote {out}.")


def _print_costs(result: ParametersResult) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("layer", "total")
    table.add_column("output shape", justify="right")
    table.add_column("window", justify="right")
    table.add_column("stride", justify="right")
    table.add_column("parameters", f"{result.parameters:,}", justify="right")
    table.add_column("multiply-adds", f"{result.multiply_adds:,}", justify="right")
    table.add_column("share", justify="right")
    for layer in result.layers:
        table.add_row(
            Text(layer.name),
            _size(layer.output_shape),
            _size(layer.window),
            _size(layer.stride),
            _count(layer.parameters),
            _count(layer.multiply_adds),
            as_percent(layer.share) if layer.parameters else "",
        )
    print_table(table)


def _size(shape: list[int] | None) -> str:
    return " × ".join(map(str, shape or []))


def _count(number: int) -> str:
    """Layers that cost nothing leave their cell empty, so that those that cost stand out."""
    return f"{number:,}" if number else ""


def _print_argument(argument: dict[str, Any]) -> None:
    dense, convolution = argument["fully_connected"], argument["convolution"]
    say("\nWhy convolution is cheap, on a grey image:")
    for row in dense["at"]:
        say(
            f"  {_size(row['image'])} fully connected to {dense['neurons']} neurons: {row['weights']:,} weights "
            f"({row['weights_a_neuron']:,} for a single neuron)."
        )
    for row in convolution["at"]:
        say(
            f"  {_size(row['image'])} under {convolution['windows']} windows of {_size(convolution['window'])}: "
            f"{row['weights']:,} weights."
        )

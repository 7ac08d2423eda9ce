"""beholder look DATA: a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from beholder.cli.console import print_json, print_notes, screen
from beholder.cli.options import colour_option, data_argument, fit_option, json_option, reading_options, seed_option
from beholder.cli.values import POSITIVE
from beholder.schema import SCHEMA

if TYPE_CHECKING:
    from beholder.data.images.colour import Colour
    from beholder.data.images.fitting import ImageFit


@click.command(short_help="Draw a contact sheet of random labelled images.")
@data_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("examples.png"),
    show_default=True,
    help="The image to write (.png or .jpg).",
)
@click.option("--rows", type=POSITIVE, default=4, show_default=True, help="Images from top to bottom.")
@click.option("--columns", type=POSITIVE, default=4, show_default=True, help="Images from left to right.")
@click.option(
    "--as-seen", is_flag=True, help="As a network gets them: in its size, cropped, padded or stretched as --fit says."
)
@click.option("--cleaned", is_flag=True, help="As the chapter's network sees them: grey, cropped, standardised.")
@click.option("--class", "class_name", help="Show this class only.")
@seed_option
@colour_option
@fit_option
@reading_options
@json_option
def look(
    data: str,
    out: Path,
    labels: Literal["fine", "coarse"] | None,
    cache: Path | None,
    colour: Colour,
    fit: ImageFit | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Draw a contact sheet of random labelled training images of DATA, whole, or with --as-seen as a network gets them.

    What a network gets is said too, where much of the images is cut, padded or stretched.
    """
    from beholder.api.look import look as draw
    from beholder.data.opening import open_source
    from beholder.figures.sheet import save

    with screen() as shown:
        source = open_source(data, labels=labels or "fine", cache=cache, colour=colour, fit=fit, progress=shown.tell)
        sheet = draw(source, fit=fit, progress=shown.tell, **given)
    save(sheet, out)
    notes = list(source.told())
    if as_json:
        print_json({"schema": SCHEMA, "out": str(out), "width": sheet.width, "height": sheet.height, "notes": notes})
    else:
        print_notes(notes)
        click.echo(f"Wrote {out}.")

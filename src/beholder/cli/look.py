"""beholder look DATA: a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from beholder.cli.console import print_json, print_notes, say, screen
from beholder.cli.options import (
    augmentation_option,
    colour_option,
    data_argument,
    fit_option,
    json_option,
    reading_options,
    seconds_option,
    seed_option,
)
from beholder.cli.values import POSITIVE, LocalPath
from beholder.schema import SCHEMA

if TYPE_CHECKING:
    from beholder.data.images.fitting import ImageFit

# What decides about the sheet; all other options say how DATA is read.
_OF_SHEET = ("rows", "columns", "as_seen", "cleaned", "augmented", "augmentation", "class_name", "seed")


@click.command(short_help="Draw a contact sheet of random labelled images.")
@data_argument
@click.option(
    "--out",
    type=LocalPath(dir_okay=False),
    default=Path("examples.png"),
    show_default=True,
    help="The image to write (.png or .jpg).",
)
@click.option("--rows", type=POSITIVE, default=4, show_default=True, help="Images from top to bottom.")
@click.option("--columns", type=POSITIVE, default=4, show_default=True, help="Images from left to right.")
@click.option(
    "--as-seen",
    is_flag=True,
    help="Show images as a network receives them: in its size, cropped, padded or stretched as --fit says.",
)
@click.option(
    "--cleaned", is_flag=True, help="Show images as the chapter's network receives them: grey, cropped, standardised."
)
@click.option(
    "--augmented", is_flag=True, help="Show in each row an image as a network receives it, then as training varies it."
)
@augmentation_option
@click.option("--class", "class_name", help="Show this class only.")
@seed_option
@colour_option
@fit_option
@seconds_option
@reading_options
@json_option
def look(
    data: str,
    out: Path,
    labels: Literal["fine", "coarse"] | None,
    fit: ImageFit | None,
    seconds: float | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Draw a contact sheet of random labelled training images of DATA, whole or as a network receives them.

    Where a network would receive much of the images cut, padded or stretched, a note says so. Sounds are drawn as a
    network receives them, as images of time and pitch, with seconds and hertz.
    """
    from beholder.api.look import look as draw
    from beholder.data.opening import open_source
    from beholder.figures.sheet import save

    with screen() as shown:
        of_sheet = {name: given.pop(name) for name in _OF_SHEET}
        reading = {"labels": labels or "fine", "fit": fit, "seconds": seconds, **given}
        source = open_source(data, progress=shown.tell, **reading)
        sheet = draw(source, fit=fit, progress=shown.tell, **of_sheet)
    save(sheet, out)
    notes = list(source.told())
    if as_json:
        print_json({"schema": SCHEMA, "out": str(out), "width": sheet.width, "height": sheet.height, "notes": notes})
    else:
        print_notes(notes)
        say(f"Wrote {out}.")

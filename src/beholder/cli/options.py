"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from beholder.arguments import CLIP_SECONDS
from beholder.cli.values import PATH, POSITIVE, ClassShare, LocalPath, Seed
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
    help="Vary the training images, and mirror them where that is safe.  [default: by model]",
)
augmentation_option = click.option(
    "--augmentation",
    metavar="NAME[,DETAIL=…]",
    help="How images are varied: small moves them by a sixteenth, photo cuts up to half off and changes brightness, "
    "contrast and colour; details of shift, crop, rotate (degrees), brightness, contrast, colour and erase say how "
    "strongly, such as photo,crop=0.3,rotate=5. Sounds are varied by sound, with details of shift (in time), stretch, "
    "pitch, level (decibels), noise and mask, such as sound,mask=0.3.  [default: small; sound for sounds]",
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
seconds_option = click.option(
    "--seconds",
    type=click.FloatRange(*CLIP_SECONDS),
    help="If DATA are sounds: the length of a clip that the network hears; longer sounds become several.  [default: "
    "longer than 95 % of the training sounds, at most 10]",
)
mirror_option = click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Whether a mirrored image means the same.  [default: judged from the images, and reported]",
)


def target_options(command: Command) -> Command:
    """The recall or precision of one class that is to be promised."""
    return _decorated(
        command,
        click.option(
            "--target-recall",
            type=ClassShare(),
            multiple=True,
            callback=_one_target,
            metavar="CLASS=SHARE",
            help="As in --target-recall defective=95%: find at least this share of a class's images. The validation "
            "set decides from which probability on the class is answered; such an answer is never unsure.",
        ),
        click.option(
            "--target-precision",
            type=ClassShare(),
            multiple=True,
            callback=_one_target,
            metavar="CLASS=SHARE",
            help="As in --target-precision defective=90%: have at least this share of a class's answers right. The "
            "validation set decides from which probability on the class is answered.",
        ),
    )


def _one_target(
    context: click.Context, option: click.Parameter, given: tuple[tuple[str, float], ...]
) -> dict[str, float] | None:
    """The target as the public functions take it."""
    if len(given) > 1:
        raise click.BadParameter("one target is kept at a time; give one class with its share.", context, option)
    return dict(given) or None


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
            type=LocalPath(file_okay=False),
            help="Where downloads and decoded images are kept.  [default: your cache folder]",
        ),
        click.option(
            "--path-column",
            metavar="NAME",
            help="If DATA is a table: the column that names the image files.  [default: recognised by its name]",
        ),
        click.option(
            "--label-column",
            metavar="NAME",
            help="If DATA is a table: the column with the labels.  [default: recognised by its name]",
        ),
        click.option(
            "--split-column",
            metavar="NAME",
            help="If DATA is a table: the column that says train, validation or test.  "
            "[default: recognised by its name]",
        ),
        click.option(
            "--group-column",
            metavar="NAME",
            help="If DATA is a table: the column that says which images belong together (a patient, a video). No group "
            "is divided between sets.",
        ),
        click.option(
            "--image-root",
            type=PATH,
            metavar="DIR",
            help="If DATA is a table: the folder that its paths start from.  [default: the folder of the table]",
        ),
        click.option(
            "--group-pattern",
            metavar="REGEX",
            help="As in --group-pattern '(patient[0-9]+)': what the parentheses match in an image's path below DATA is "
            "its group. Images of one group stay in one set.",
        ),
    )


def server_options(port: int) -> Callable[[Command], Command]:
    """Where a page is served: `--host`, `--port`, which is `port` by default, `--allow-host` and `--root-path`."""
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
            help="Another name by which this server may be reached, such as that of a proxy in front; repeatable.",
        ),
        click.option(
            "--root-path",
            default="",
            metavar="PATH",
            help="The path prefix under which a proxy serves this, such as /photos; not needed if the proxy strips it.",
        ),
    )


def _decorated(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command

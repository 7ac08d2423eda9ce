"""The command line: one thin function a command; it composes, prints, and computes nothing."""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import click

from beholder.cli.audit import audit
from beholder.cli.compare import compare
from beholder.cli.console import say
from beholder.cli.evaluate import evaluate
from beholder.cli.explain import explain
from beholder.cli.look import look
from beholder.cli.parameters import parameters
from beholder.cli.predict import predict
from beholder.cli.serve import serve
from beholder.cli.streams import ReaderGoneError, prepare, print_anything
from beholder.cli.threshold import threshold
from beholder.cli.train import train
from beholder.cli.watch import watch
from beholder.errors import BeholderError

DONE, OUR_FAULT, PERSON_MUST_CHANGE, INTERRUPTED = 0, 1, 2, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="beholder")
def beholder() -> None:
    """Train an image classifier in the minutes you have, and see what it sees.

    \b
    DATA is the same everywhere:
      digits                 scikit-learn's handwritten digits, installed with the train extra
      cifar10, cifar100      the archives, from the cache, or downloaded when named here
      PATH                   an archive (.tar.gz or unpacked), a .npz file, a table of paths and labels (.csv,
                             .tsv, .jsonl, .parquet), or a folder of images, also as a .zip: <class>/… or
                             train/<class>/… with val/ and test/

    Exit status: 0 done, 2 something for you to change (one sentence says what), 1 a fault of ours.

    If standard output cannot be written, for example because the disk is full, the exit status is 2; if its reader has
    gone, the command ends quietly. Problems with standard error never stop the work.
    """


for _command in (look, audit, parameters, train, evaluate, compare, predict, threshold, explain, serve, watch):
    beholder.add_command(_command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; every way out goes through here."""
    prepare()
    status = _run(arguments)
    with suppress(ReaderGoneError, BeholderError):
        sys.stdout.flush()  # of an answer that an error cut short
    sys.exit(status)


def _run(arguments: list[str] | None) -> int:
    print_anything()
    os.environ["MPLBACKEND"] = "agg"  # no command opens a window, and what is named there may not exist
    try:
        status: Any = beholder.main(arguments, prog_name="beholder", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else DONE
    except BeholderError as error:
        say(f"Error: {error}", err=True)
        return PERSON_MUST_CHANGE
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.", err=True)
        return INTERRUPTED
    except ReaderGoneError:
        return DONE
    except Exception:  # noqa: BLE001 - the one place where a fault of ours ends
        traceback.print_exc()
        say("This is a fault of Beholder's, not yours: please report it with the lines above.", err=True)
        return OUR_FAULT


def _show(error: click.ClickException) -> None:
    """Say what click has to say, in lines that break between words."""
    text = io.StringIO()
    error.show(text)
    for line in text.getvalue().splitlines():
        say(line, err=True)

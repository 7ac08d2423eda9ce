"""The RUN folder and its documents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder import files
from beholder.errors import RunError
from beholder.schema import SCHEMA, why_unread

COMPARISON_FILE, COMPARISON_PAGE = "comparison.json", "comparison.html"  # in a folder of runs that were compared
CORRECTIONS_FILE = "corrections.csv"  # in a RUN or AUDIT folder

_CONFIG: dict[str, tuple[type, ...]] = {  # what commands rely on, and of which kinds it may be
    "data": (str,),
    "labels": (str,),
    "cache": (str, type(None)),
    "images": (int, type(None)),
    "seed": (int, type(None)),
    "budget": (int, float, type(None)),
    "corrections": (dict,),
    "settings": (dict,),
    "options": (dict,),
    "schedule": (list, type(None)),
    "forecast": (dict, type(None)),
}


class Within:
    """A path in a folder of ours, read from the object that stands for the folder."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: Any, _: type | None = None) -> Path:
        """The path, in the folder that `folder.path` is."""
        return Path(folder.path, self._name)


@dataclass(frozen=True)
class Run:
    """A RUN folder by its path; its files and folders by what they hold."""

    path: Path

    config_file = Within("config.json")  # what was asked for
    environment_file = Within("environment.json")  # the machine and the versions
    data_file = Within("data.json")  # classes, counts, fingerprints, notes, images that were skipped
    # sets.npz: which images are its training, validation and test set: hashes of pixels, labels, names
    events_file = Within("events.jsonl")  # everything that happened, a line each
    initial_file = Within("initial.keras")  # the earlier network that it started from, where there is one
    # initial.npz: which images that network had seen: hashes of pixels, groups
    checkpoint_file = Within("checkpoint.npz")  # where to go on
    earlier_checkpoint_file = Within("checkpoint-before.npz")  # should that one be damaged; until the run is finished
    folds_folder = Within("folds")  # of each fold's training its log, and what it answered; see `FoldRun`
    model_folder = Within("model")  # the artifact
    # neighbours.npz: some training images, and what the network makes of them, unless they were left out
    # sounds.npz: some sounds that the page plays, likewise
    # validation.npz: what the model says of the validation set
    # probabilities.npz: the probabilities of all classes there, by which a threshold is chosen
    watch_folder = Within("watch")  # a few validation images, and what was answered to them from epoch to epoch
    stop_file = Within("stop")  # there while somebody asks the training to stop
    corrections_file = Within(CORRECTIONS_FILE)  # of the data, that its page gathered for a next run, if any
    evaluation_file = Within("evaluation.json")  # the test set of its own data; evaluation-….json: of other data
    report_file = Within("report.html")  # all of it for people

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is one to go on from; a death while one is written may leave the earlier one alone."""
        return self.checkpoint_file.exists() or self.earlier_checkpoint_file.exists()

    def fold(self, number: int) -> FoldRun:
        """The folder of fold `number`, from 1."""
        return FoldRun(self.folds_folder / str(number))

    @property
    def has_folds(self) -> bool:
        """Whether there is a fold to go on with, or one that ended."""
        names = ("checkpoint.npz", "checkpoint-before.npz", "answers.npz")
        return any(any(self.folds_folder.glob(f"*/{name}")) for name in names)

    @property
    def has_test_set(self) -> bool:
        """Whether a test set stayed out, see `keeps_test_set`.

        Raises:
            RunError: what it says of its data is lost or damaged.
        """
        return keeps_test_set(read_document(self.data_file, missing=""))

    def write_config(self, config: dict[str, Any]) -> None:
        """Keep what was asked for; the schema number is ours to add."""
        files.write_json(self.config_file, {"schema": SCHEMA, **config})

    def update_config(self, **changes: Any) -> None:
        """Keep what was decided since, in the place of what stood there."""
        self.write_config({**read_document(self.config_file, missing=""), **changes})

    def clear_leftovers(self) -> None:
        """Delete what a kill in the middle of writing a file left beside it."""
        for left in self.path.glob(".*.part"):
            left.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder and all in it: a run that never began leaves nothing behind."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class FoldRun(Run):
    """The folder in which one fold's network is trained, within a RUN."""

    initial_file = Within("../../initial.keras")  # what the RUN starts from, each fold does
    answers_file = Within("answers.npz")  # what its network said of the fold's images, once it was trained


def keeps_test_set(data: Mapping[str, Any] | None) -> bool:
    """Whether a test set stays out of a run whose `data.json` holds `data`, None before they were read.

    It always does, but where all images were judged in folds and none was given.
    """
    folds = (data or {}).get("folds")
    return not isinstance(folds, dict) or bool(folds.get("test_given", True))


def create_run(path: Path) -> Run:
    """Make a new, empty RUN folder at `path`.

    Raises:
        RunError: something is there already.
        StorageError: the folder cannot be made.
    """
    with files.storage_errors(path):
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            # One that was killed in its first milliseconds cannot be resumed.
            began = Run(path).config_file.exists()
            instead = f"go on with it with --resume {path}" if began else "delete it if you do not need it"
            raise RunError(f"{str(path)!r} exists already; choose another --out, or {instead}.") from error
        except NotADirectoryError as error:
            raise RunError(f"{str(path)!r} lies below a file, not a folder; choose another --out.") from error
    return Run(path)


def open_run(path: Path) -> tuple[Run, dict[str, Any]]:
    """The RUN folder at `path` and its config.

    Raises:
        RunError: it is not a RUN folder, its config is damaged, or another version of Beholder made it.
    """
    run = Run(path)
    config = read_document(
        run.config_file,
        missing=f"{str(path)!r} is not a RUN folder (it has no config.json); give the --out of `beholder train`.",
    )
    lacking = [name for name in _CONFIG if name not in config]
    if lacking:
        raise RunError(
            f"{str(run.config_file)!r} is damaged (it has no {lacking[0]!r}); train again into a new folder."
        )
    other = [name for name, kinds in _CONFIG.items() if not isinstance(config[name], kinds)]
    if other:
        raise RunError(
            f"{str(run.config_file)!r} is damaged (its {other[0]!r} is of the wrong kind); train again into a new "
            "folder."
        )
    return run, config


def decided(config: dict[str, Any]) -> dict[str, Any]:
    """`config` with what was decided in the place of what the person left open."""
    settings = config.get("settings")
    if not isinstance(settings, dict) or not isinstance(settings.get("recipe"), dict):
        return config
    facts = {name: settings.get(name) for name in ("model", "seed", "options")}
    return {**config, **facts, **{name: settings["recipe"].get(name) for name in ("epochs", "batch_size")}}


def read_document(path: Path, missing: str, damaged: str = "train again into a new folder") -> dict[str, Any]:
    """The JSON document at `path`.

    Args:
        path: the file.
        missing: the message where it is not there.
        damaged: what to do where it is damaged.

    Raises:
        RunError: it is not there, cannot be read, is damaged, or of another version of Beholder.
    """
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(missing) from error
    except OSError as error:
        raise RunError(f"Cannot read {str(path)!r} ({error.strerror}); check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{str(path)!r} is damaged (it is not JSON); {damaged}.") from error
    if not isinstance(document, dict):
        raise RunError(
            f"{str(path)!r} is damaged (it is a JSON {type(document).__name__} and not an object); {damaged}."
        )
    unread = why_unread(document.get("schema", SCHEMA))
    if unread is not None:
        raise RunError(f"{str(path)!r} {unread}; {damaged}.")
    return document

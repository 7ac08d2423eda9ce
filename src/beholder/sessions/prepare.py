"""From what a RUN's config keeps to what training needs, the same way for a new run, a resumed one and a follower."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.correction_names import validation_note
from beholder.data.corrections import corrected
from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules
from beholder.data.folds import Folds, undivided
from beholder.data.groups.grouped import grouped_by_pattern
from beholder.data.images.decode import ImageRules
from beholder.data.images.fitting import DEFAULT_FIT
from beholder.data.images.refit import fitted_by, recoloured, refitted
from beholder.data.opening import Data, column_names, labels_as_before, open_source
from beholder.data.progress import Progress
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import RunError, UsageError
from beholder.evaluation.targets import check_target
from beholder.runs.earlier_images import read_earlier
from beholder.runs.kept_data import kept_data
from beholder.runs.run_folder import Run, read_document
from beholder.runs.sets import changes_in_words, read_sets, write_sets
from beholder.schema import SCHEMA
from beholder.sessions.folds import read_whole
from beholder.sessions.given_validation import Validation, with_validation
from beholder.sessions.kind_options import check_kind
from beholder.sessions.request import TrainRequest
from beholder.sessions.start_images import without_learned
from beholder.sessions.training_data import data_name, fingerprints, known_sets, read_training_sets
from beholder.training.initial import check_start
from beholder.training.settings import Initial, Settings
from beholder.training.steps.processes import current


@dataclass(frozen=True)
class Prepared:
    """What a run trains by and on.

    Attributes:
        request: what the person asked for.
        settings: what that came to, as far as it is decided by now.
        schedule: pairs of an earlier run's `Schedule`, to be followed exactly; None: the settings decide.
        split: where the sets are from.
        sets: `train` and `validation`; where images are dealt into folds all of them, as `train`.
        read: the same before any image was left out of them.
        told: sentences about those.
        folds: into which; None without.
        opened: the data before any correction.
        corrected: names of the images that a correction was for.
    """

    request: TrainRequest
    settings: Settings
    schedule: list[tuple[int, int]] | None
    split: Split
    sets: dict[str, Dataset]
    read: dict[str, Dataset]
    told: list[str]
    corrected: set[str]
    opened: Source
    folds: Folds | None = None

    @property
    def source(self) -> Source:
        """The opened data."""
        return self.split.source

    @property
    def judged(self) -> Dataset:
        """The images that the figures are of: the validation set, or all where each is judged out of fold."""
        return self.sets["train" if self.folds is not None else "validation"]

    def check_target(self) -> None:
        """Refuse, before training, what could not be promised afterwards of any network.

        Raises:
            UsageError: the target is of no class, or of one with too few validation images.
        """
        target, judged = self.request.target, self.judged
        if target is not None:
            files, set_name = judged.files, "validation" if self.folds is None else None
            check_target(target, files.class_names, files.labels, files.groups, files.file_kind, judged=set_name)

    def correction_notes(self) -> tuple[str, ...]:
        """What a person should know of their corrections.

        Raises:
            DataError: none of them is of an image of the data.
        """
        corrections, source = self.request.corrections, self.source
        told = corrections.notes(self.corrected, source.name, {"test"} & source.readers.keys())
        if self.folds is not None:  # all are learned from
            return tuple(told)
        return (*told, *validation_note(corrections.lines, self.sets["validation"].names))


def prepare(
    config: dict[str, Any],
    initial_file: Path,
    data: Data | Source | None,
    progress: Progress,
    rules: Rules | None,
    validation: Validation | None = None,
) -> Prepared:
    """Read the data as the config says, and divide them.

    Args:
        config: of the run.
        initial_file: where the run keeps the network that it starts from, if it does.
        data: where they lie now, or the data themselves; None: where the config says.
        progress: told how far reading is.
        rules: by which the run decoded files when it began; None: it begins now.
        validation: the validation set, where the person gave one beside the data and the run does not keep it.

    Raises:
        DataError: they are not there, or cannot be read.
        RunError: the network that training starts from is another by now.
        UsageError: it learned from all validation images.
    """
    request = TrainRequest.from_json(config)
    settings = Settings.from_json(config["settings"]).starting_from(initial_file)
    group = current()
    # Weights that come from an earlier run are read by process 0 alone; a network in a file is built from it by all.
    if settings.initial is not None and (group is None or group.leads or "file" in settings.options):
        check_start(initial_file, settings.initial)
    found: set[str] = set()
    if data is None and request.data == "arrays":
        data = kept_data(initial_file.parent)
    opened = _open(request, request.data if data is None else data, settings.initial, progress, rules, validation)
    if config.get("validation_given") and "validation" not in opened.readers:
        raise UsageError("The run was given a validation set, which it does not keep; give it again as `validation`.")
    if request.data == "arrays":  # also where the run kept a table of them
        opened = replace(opened, named=False)
    source, folds = corrected(opened, request.corrections, found), None
    source = source if request.folds is None else undivided(source)
    split = Split(source, settings.seed, progress, cache=request.kept_in)
    if request.folds is None:
        read = read_training_sets(split, request.images)
    else:
        whole, folds = read_whole(split, request.folds, request.images)
        read = {"train": whole}
    sets, told = read, list[str]()
    if settings.initial is not None and folds is None:
        earlier = read_earlier(initial_file.parent)
        start = str(request.start_from or settings.initial.source)
        sets, told = without_learned(read, earlier, start, source.name)
    schedule = None if config["schedule"] is None else [(step, steps) for step, steps in config["schedule"]]
    return Prepared(request, settings, schedule, split, sets, read, told, found, opened, folds)


def _open(
    request: TrainRequest,
    data: Data | Source,
    initial: Initial | None,
    progress: Progress,
    rules: Rules | None,
    validation: Validation | None,
) -> Source:
    """Open `data`, unless it is open already; its images become what the network that training starts from takes.

    They are fitted as the person said, else as for an earlier run that training starts from.
    """
    began, rules, colour = rules is not None, rules or _taken_by(initial, request), request.colour
    if isinstance(rules, ImageRules):
        colour = "grey" if rules.mode == "L" else "rgb"
    if not isinstance(data, Source):
        labels = labels_as_before(data, request.labels) if began else request.labels
        how: dict[str, Any] = {"labels": labels, "cache": request.cache}
        how |= {"colour": colour, "fit": request.fit}
        how |= {"seconds": request.seconds, **_table(request, data), "group_pattern": request.group_pattern}
        opened = open_source(data, **how, rules=rules, progress=progress)
        if initial is not None and rules is None and opened.kind == "image":  # a network in a file of the person's own
            size = initial.height, initial.width
            how |= {"colour": "grey" if initial.channels == 1 else "rgb", "canvas": None if None in size else size}
            opened = open_source(data, **how, progress=progress)
        data = opened
    else:
        fit = rules.fit if isinstance(rules, ImageRules) else request.fit
        data = grouped_by_pattern(fitted_by(data, fit), request.group_pattern)
        data = recoloured(data, colour) if initial is None else data
    check_kind(request, data, initial)
    if validation is not None:
        data = with_validation(data, validation, colour)
    if initial is None or data.kind == "sound":
        return data
    return refitted(data, initial.height, initial.width, initial.channels)


def _taken_by(initial: Initial | None, request: TrainRequest) -> Rules | None:
    """By what rules the earlier run that training starts from takes files; None where there is none.

    Files are decoded to that size and colour at once: nothing is lost on the way to another.
    """
    if initial is None or not initial.class_names or initial.height is None or initial.width is None:
        return None
    if initial.sound is not None:
        return SoundRules.from_json(initial.sound)
    fit = request.fit or initial.fit or DEFAULT_FIT
    return ImageRules(initial.height, initial.width, "L" if initial.channels == 1 else "RGB", fit)


def _table(request: TrainRequest, data: Data) -> dict[str, Any]:
    """What the person said of a table, as arguments of `open_source`; of data that were moved as far as it holds."""
    if data_name(data) == request.data:
        return request.table
    root = request.image_root if request.image_root is not None and request.image_root.is_dir() else None
    return {**request.table, "image_root": root} if column_names(data) else {}


def keep_data(run: Run, prepared: Prepared, checks: dict[str, Any]) -> None:
    """Keep in the run which images each set has, and in `data.json` what the data are and what `checks` found."""
    sets, source = prepared.sets, prepared.source
    write_sets(run.path, known_sets(prepared.split, prepared.read, prepared.request.images))
    classes = range(len(source.class_names))
    counts = {name: [int((one.files.labels == label).sum()) for label in classes] for name, one in sets.items()}
    document = {
        "schema": SCHEMA,
        "name": source.name,
        "class_names": list(source.class_names),
        "image_shape": list(sets["train"].image_shape),
        "rules": source.rules(sets["train"].image_shape).to_json(),
        "counts": counts,
        "fingerprint": fingerprints(sets),
        "groups": None if source.group_rule is None else source.group_rule.to_json(),
        "notes": [*source.told(), *checks["sentences"]],
        "checks": checks,
        "skipped": source.skipped,
        "left_out": {why: list(numbers) for why, numbers in source.left_out.items()},
    }
    if prepared.folds is not None:
        document["folds"] = {"count": len(prepared.folds), "test_given": "test" in source.readers}
    files.write_json(run.data_file, document)


def check_same(run: Run, prepared: Prepared) -> None:
    """Refuse data that are not what the run began with.

    Raises:
        RunError: they are not, or the run's own documents are damaged.
    """
    if read_document(run.data_file, missing="").get("fingerprint") != fingerprints(prepared.sets):
        before, now = read_sets(run.path), known_sets(prepared.split, prepared.read, prepared.request.images)
        changes = changes_in_words(before, now, prepared.source.file_kind)
        raise RunError(
            f"The data {prepared.source.name!r} are not those that {str(run.path)!r} began with "
            f"({changes}); give those with --data PATH, or train a new run instead."
        )

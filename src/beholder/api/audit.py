"""Audit: a doctor for a data set; nothing of the data is changed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from beholder.api.audit_result import AuditResult, undecided
from beholder.api.checkup import Checkup
from beholder.api.showing import shown
from beholder.arguments import checked_arguments, shown_progress
from beholder.data.cache_folder import default_cache
from beholder.data.corrections import corrected, read_corrections
from beholder.data.dataset import Dataset
from beholder.data.folders.how import refuse_other_options, refuse_other_seconds
from beholder.data.groups.grouped import grouped_by_pattern
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import ImageFit
from beholder.data.images.refit import fitted_by, recoloured
from beholder.data.opening import Data, open_source, refuse_beside_source
from beholder.data.progress import Progress, TimeIsUpError, ending
from beholder.data.source import Source
from beholder.data.tables.columns import TableOptions
from beholder.errors import DataError, UsageError
from beholder.figures.sound_clip import Player, sound_uri
from beholder.report.reproduction import asked_of
from beholder.runs.audit_folder import create_audit_folder
from beholder.runs.presence import alone
from beholder.sessions.training_data import data_name, default_folder
from beholder.training import limits

_CLOSING_SECONDS, _CLOSING_SHARE = 12.0, 0.1  # of the budget, the smaller one: to judge what was learned, and to write


@checked_arguments(progress=shown_progress)
def audit(
    data: Data | Source,
    *,
    out: str | Path | None = None,
    budget: float | None = None,
    seed: int = 0,
    corrections: str | Path | None = None,
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    seconds: float | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    image_root: str | Path | None = None,
    group_pattern: str | None = None,
    mirror: bool | None = None,
    progress: Progress | bool | None = None,
) -> AuditResult:
    """Look for what is wrong with `data`, in all its sets, and write what was found into a new folder.

    First come the checks of single images and files (of sounds: silent, clipped, very short, of another rate, humming),
    counts of classes, and duplicates within and across sets. Then
    labels are judged by networks that did not learn from them: of colour photographs, where the weights of `lite0` are
    installed, by a linear classifier on its features, otherwise by a few quick networks that the rest of the budget
    trains. Ctrl-C, a check that fails, and the end of the budget keep what was found until then; a note names the
    checks that are missing.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (images, labels), or a `Source` opened before.
        out: the AUDIT folder to make; `runs/DATA-audit-TIME` by default.
        budget: seconds from this call to the written page, 600 by default; a small data set takes less.
        seed: fixes every random choice.
        corrections: a CSV file with corrections that the data are audited with, `path,action,label`.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` or `grey`; by default a folder's images are grey where all of a sample are.
        fit: `crop` (the default), `pad` or `stretch` images of other proportions, see `train`.
        seconds: of sounds, the length of a clip, see `train`.
        path_column: of a table, the column that names the image files; like the next two told from its name by default.
        label_column: of a table, the column of labels.
        split_column: of a table, the column that says which set an image is of.
        group_column: of a table, the column that says which images belong together, see `train`.
        image_root: of a table, the folder that paths are relative to; by default that of the table.
        group_pattern: of images in files, what names the group in their paths, see `train`. Labels are judged by what
            learned from no image of the same group.
        mirror: whether a mirrored image means the same, for networks that the budget trains; by default told from the
            images. What `lite0` learned before included mirrored images, which a note then says.
        progress: as for `train`.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    progress, _ = shown(progress)
    started = time.monotonic()
    budget = limits.checked("budget", budget)
    time_given = limits.DEFAULT_BUDGET if budget is None else budget
    until = started + time_given - min(_CLOSING_SECONDS, _CLOSING_SHARE * time_given)
    seed = limits.checked_seed(seed)
    decisions = read_corrections(None if corrections is None else Path(corrections))
    found: set[str] = set()
    table = TableOptions(path_column, label_column, split_column, group_column, image_root)
    said: dict[str, Any] = {"labels": labels, "colour": colour, "fit": fit, "seconds": seconds}
    said |= {**vars(table), "group_pattern": group_pattern}
    if isinstance(data, Source):
        refuse_beside_source(table, labels)
        opened = grouped_by_pattern(recoloured(fitted_by(data, fit), colour), group_pattern)
        said |= {name: value for name, value in opened.said.items() if value is not None}
    else:
        opened = open_source(data, **said, cache=cache, for_audit=True, progress=progress)
    of_images = {"colour": colour != "auto", "fit": fit is not None, "mirror": mirror is not None}
    refuse_other_options(opened.name, opened.file_kind, of_images, {"seconds": seconds is not None})
    refuse_other_seconds(opened.name, opened.sound, seconds)
    source = corrected(opened, decisions, found)
    name = data_name(data)
    folder = create_audit_folder(Path(out) if out is not None else default_folder(data, "audit"), name)
    with alone(folder.path, "audited"):
        with folder.removed_on_error():
            sets = _read(source, progress, time_given, started + time_given)
            told = decisions.notes(found, source.name)
        checkup = Checkup(sets, cache or default_cache(), seed, mirror, until, progress)

        def result() -> AuditResult:
            return AuditResult(
                out=folder.path,
                data=name,
                class_names=source.class_names,
                images={set_name: len(dataset.files) for set_name, dataset in sets.items()},
                kind=source.kind,
                options=_as_train_takes({**said, "cache": cache, "mirror": mirror}),
                findings=undecided(checkup.findings, decisions),
                seed=seed,
                budget=budget,
                seconds=time.monotonic() - started,
                notes=(*source.told(), *told, *checkup.notes),
                decisions=decisions,
            )

        try:
            # The table alone: a kill leaves it, and without findings.json the folder can be audited into again.
            checkup.run(checkup.checks(source), lambda: result().write_table())
        except KeyboardInterrupt:  # as in training: what is there is kept
            pass
        except Exception as error:
            result().write(sets, player_of(source))
            error.add_note(f"{checkup.notes[-1]} What was found before that is kept in {str(folder.path)!r}.")
            raise
        finished = result()
        finished.write(sets, player_of(source))
    return finished


def _as_train_takes(said: dict[str, Any]) -> dict[str, Any]:
    """What was `said` of the data, and not left as it is, with paths that mean the same from any folder."""
    paths = {name: said[name] for name in ("cache", "image_root") if said[name] is not None}
    return asked_of({**said, **{name: str(Path(path).resolve()) for name, path in paths.items()}})


def player_of(source: Source) -> Player | None:
    """What gives the sounds of `source` by their names; None where they are no sounds in files."""
    place = source.place
    return None if source.sound is None or place is None else lambda name: sound_uri(place.image(name))


def _read(source: Source, progress: Progress, seconds: float, until: float) -> dict[str, Dataset]:
    """All sets of `source` that have images, the test set too: what it shares with others flatters its figures."""
    progress = ending(progress, until)
    try:
        sets = {set_name: read(progress) for set_name, read in source.readers.items()}
    except TimeIsUpError:
        raise UsageError(
            f"The budget of {seconds:g} s ended before the {source.file_kind.plural} of {source.name!r} were read; "
            "give a longer --budget."
        ) from None
    sets = {set_name: dataset for set_name, dataset in sets.items() if len(dataset)}
    if not sets:
        raise DataError(f"{source.name!r} has no {source.file_kind.plural}; add some.")
    return sets

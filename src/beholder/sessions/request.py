"""What a person asked of a training: one frozen request, made once, kept in the RUN, handed to other processes whole.

The defaults of a training are here. What a network brings itself (epochs, batch size, learning rate, label smoothing)
is its recipe in `beholder.models`; the risk that is tolerated is `RISK` in `beholder.evaluation.abstention`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from beholder.data.cache_folder import default_cache
from beholder.data.corrections import Corrections, read_corrections
from beholder.data.groups.rule import compiled
from beholder.data.images.colour import Colour, check_colour
from beholder.data.images.fitting import ImageFit, check_fit
from beholder.data.opening import Data, refuse_beside_source
from beholder.data.source import Source
from beholder.data.tables.columns import TABLE_OPTIONS, TableOptions
from beholder.errors import RunError, UsageError
from beholder.evaluation.targets import Target, target_of
from beholder.schema import why_damaged
from beholder.sessions.training_data import data_name
from beholder.training import limits
from beholder.training.settings import Balance

SEED = 0
INPUT_RANGE = (0.0, 255.0)  # of the pixels that a network in a file sees

Labels = Literal["fine", "coarse"]
_PATHS = ("out", "plan", "start_from", "cache", "image_root")
_NEW = ("group_pattern", "augmentation", "target_recall", "target_precision", "seconds", "folds")


@dataclass(frozen=True)
class TrainRequest:
    """The arguments of `beholder.train`, which explains them; None was not said.

    Attributes:
        data: by name, or the whole path; `arrays` have none.
        corrections: as they were read from the person's file.
        options: the network's own (window, stride, padding, dropout, widths, side).
    """

    data: str
    out: Path | None = None
    model: str = "auto"
    budget: float | None = None
    epochs: float | None = None
    seed: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    augment: bool | None = None
    augmentation: str | None = None
    mirror: bool | None = None
    early_stop: int | None = None
    folds: int | None = None
    balance: Balance | None = None
    risk: float | None = None
    target_recall: dict[str, float] | None = None
    target_precision: dict[str, float] | None = None
    plan: Path | None = None
    start_from: Path | None = None
    input_range: tuple[float, float] | None = None
    images: int | None = None
    corrections: Corrections = field(default_factory=Corrections)
    neighbours: bool = True
    precision: Literal["auto", "float32", "bfloat16"] | None = None
    labels: Labels = "fine"
    cache: Path | None = None
    colour: Colour = "auto"
    fit: ImageFit | None = None
    seconds: float | None = None
    path_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    image_root: Path | None = None
    group_pattern: str | None = None
    command: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Data | Source, *, corrections: str | Path | None = None, **given: Any) -> TrainRequest:
        """The request of somebody who gave these arguments, each of them checked for itself.

        Raises:
            UsageError: a value that is none, or a budget beside epochs.
            DataError: the `corrections`, a file, cannot be read.
        """
        values = {name: limits.checked(name, value) for name, value in given.items()}
        if isinstance(data, Source):  # or data that are opened again could come otherwise
            table = TableOptions(*(values.get(name) for name in TABLE_OPTIONS))
            refuse_beside_source(table, values.get("labels"))
            unsaid = {one.name: one.default for one in fields(cls)}
            opened = {name: value for name, value in data.said.items() if value is not None}
            values |= {name: value for name, value in opened.items() if values.get(name) in (None, unsaid[name])}
        for name in _PATHS:
            values[name] = None if values.get(name) is None else Path(values[name])
        for name in ("cache", "image_root"):  # means the same from any folder
            values[name] = None if values[name] is None else values[name].resolve()
        values["options"] = {name: limits.checked(name, value) for name, value in given.get("options", {}).items()}
        lines = read_corrections(None if corrections is None else Path(corrections))
        request = cls(data_name(data), corrections=lines, **values)
        check_colour(request.colour)
        if request.group_pattern is not None:
            compiled(request.group_pattern)
        if request.fit is not None:
            check_fit(request.fit)
        limits.check_one_length(request.budget, request.epochs)
        target_of(request.target_recall, request.target_precision)
        if request.model == "auto" and request.plan is None and request.budget is None and request.epochs is None:
            return replace(request, budget=limits.DEFAULT_BUDGET)
        return request

    @property
    def automatic(self) -> bool:
        """Whether a budget chooses the network's widths and resolution: nothing and nobody else did."""
        chosen = self.plan is not None or self.start_from is not None or {"widths", "side"} & self.said_options.keys()
        return self.model == "auto" and not chosen

    @property
    def table(self) -> dict[str, Any]:
        """What the person said of a table, as arguments of `open_source`."""
        return {name: getattr(self, name) for name in TABLE_OPTIONS}

    @property
    def target(self) -> Target | None:
        """The recall or precision of a class that is to be promised; None where the person asked for none."""
        return target_of(self.target_recall, self.target_precision)

    @property
    def kept_in(self) -> Path:
        """The folder for what is downloaded, decoded, measured or found in the data."""
        return self.cache or default_cache()

    @property
    def said_options(self) -> dict[str, Any]:
        """The network's own options that the person chose."""
        return {name: value for name, value in self.options.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """As the config keeps it."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> TrainRequest:
        """From a config, which holds other things too.

        Raises:
            RunError: what it keeps is no request.
        """
        try:
            # Those of runs from before there were tables, groups, kinds of augmentation, targets, sounds and folds.
            document = {**dict.fromkeys((*TABLE_OPTIONS, *_NEW)), **document}
            values = {one.name: limits.checked(one.name, document[one.name]) for one in fields(cls)}
            for name in _PATHS:
                values[name] = None if values[name] is None else Path(values[name])
            values["options"] = {name: limits.checked(name, value) for name, value in values["options"].items()}
            values["corrections"] = Corrections.from_json(values["corrections"]["lines"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError, UsageError) as error:
            raise RunError(
                f"What config.json keeps is damaged ({why_damaged(error)}); train again into a new folder."
            ) from error

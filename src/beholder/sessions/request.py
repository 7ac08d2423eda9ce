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
from beholder.data.images.colour import Colour, check_colour
from beholder.data.images.fitting import ImageFit, check_fit
from beholder.data.opening import Data
from beholder.data.source import Source
from beholder.errors import RunError, UsageError
from beholder.sessions.training_data import data_name
from beholder.training import limits
from beholder.training.settings import Balance

SEED = 0
INPUT_RANGE = (0.0, 255.0)  # of the pixels that a network in a file sees

Labels = Literal["fine", "coarse"]
_PATHS = ("out", "plan", "start_from", "cache")


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
    mirror: bool | None = None
    early_stop: int | None = None
    balance: Balance | None = None
    risk: float | None = None
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
        for name in _PATHS:
            values[name] = None if values.get(name) is None else Path(values[name])
        if values["cache"] is not None:
            values["cache"] = values["cache"].resolve()
        values["options"] = {name: limits.checked(name, value) for name, value in given.get("options", {}).items()}
        lines = read_corrections(None if corrections is None else Path(corrections))
        if isinstance(data, Source) and values.get("fit") is None:
            values["fit"] = data.fit  # or data that are opened again could come fitted otherwise
        request = cls(data_name(data), corrections=lines, **values)
        check_colour(request.colour)
        if request.fit is not None:
            check_fit(request.fit)
        limits.check_one_length(request.budget, request.epochs)
        if request.model == "auto" and request.plan is None and request.budget is None and request.epochs is None:
            return replace(request, budget=limits.DEFAULT_BUDGET)
        return request

    @property
    def automatic(self) -> bool:
        """Whether a budget chooses the network's widths and resolution: nothing and nobody else did."""
        chosen = self.plan is not None or self.start_from is not None or {"widths", "side"} & self.said_options.keys()
        return self.model == "auto" and not chosen

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
            values = {one.name: limits.checked(one.name, document[one.name]) for one in fields(cls)}
            for name in _PATHS:
                values[name] = None if values[name] is None else Path(values[name])
            values["options"] = {name: limits.checked(name, value) for name, value in values["options"].items()}
            values["corrections"] = Corrections.from_json(values["corrections"]["lines"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError, UsageError) as error:
            raise RunError(f"What config.json keeps is damaged ({error!r}); train again into a new folder.") from error

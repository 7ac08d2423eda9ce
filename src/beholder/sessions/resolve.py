"""From what was asked for to complete settings: a recipe, an earlier network, or the plan of an earlier run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from beholder.data.progress import Progress, silent
from beholder.errors import UsageError
from beholder.models import PRETRAINED
from beholder.models.weights.finding import check_weights, fetch_weights
from beholder.runs.run_folder import Run
from beholder.sessions.logged_plan import logged_plan
from beholder.sessions.request import INPUT_RANGE, SEED, TrainRequest
from beholder.training.initial import Start, open_start
from beholder.training.settings import Settings, choose, precision_of

_CHANGES = ("epochs", "batch_size", "learning_rate", "weight_decay", "augment", "augmentation", "mirror")  # to a recipe
_OF_A_PLAN = (*_CHANGES, "budget", "early_stop", "balance", "seed", "precision", "start_from", "input_range")


Resolved = tuple[Settings, list[tuple[int, int]] | None, Path | None]


def resolve(request: TrainRequest, progress: Progress = silent) -> Resolved:
    """What `request` comes to, before anything is known of the data.

    Weights of a network that it names are fetched here where they are not on this machine; `progress` hears of that.

    Returns:
        The settings, not yet fitted to the data; pairs of an earlier run's `Schedule` to be followed exactly, or None
        where the settings decide; and the Keras file of the network that training starts from, or None.

    Raises:
        UsageError: it contradicts itself, or names what is not there.
        DownloadError, StorageError: the weights could not be fetched or kept.
        RunError, ArtifactError: the earlier run that it starts from is damaged.
    """
    if request.plan is not None:
        return _of_plan(request, request.plan, progress)
    start = _start(request)
    settings = settings_for(request, "fast" if request.model == "auto" else request.model, start)
    _check(request, settings, progress)
    return settings, None, None if start is None else start.file


def settings_for(request: TrainRequest, model: str, start: Start | None = None) -> Settings:
    """The settings of `request` for `model`, or for the network of `start`.

    Raises:
        UsageError: an option that it does not have, or a value out of its range.
    """
    options = request.options
    if start is not None:
        model, options = start.model, start.options
    return choose(
        model,
        seed=SEED if request.seed is None else request.seed,
        precision=precision_of(model, request.precision or "auto"),
        early_stop=request.early_stop,
        changes={name: getattr(request, name) for name in _CHANGES},
        options=options,
        initial=None if start is None else start.initial,
        balance=request.balance or "none",
    )


def _of_plan(request: TrainRequest, plan: Path, progress: Progress) -> Resolved:
    """What the run of a logged `plan` did; what the person chose beside it would make it another run."""
    said = [name for name in _OF_A_PLAN if getattr(request, name) is not None] + list(request.said_options)
    said += [] if request.model == "auto" else ["model"]
    if said:
        option = said[0].replace("start_from", "from").replace("_", "-")
        raise UsageError(f"A plan decides everything but the data; leave --{option} out with --plan {plan}.")
    settings, schedule = logged_plan(plan)
    _check(request, settings, progress)
    return settings, schedule, None if settings.initial is None else Run(plan.parent).initial_file


def _start(request: TrainRequest) -> Start | None:
    """The earlier network that the person wants to start from; it is what it is, but for its dropout."""
    path, said = request.start_from, dict(request.said_options)
    if request.model != "auto":
        said["model"] = request.model
    if path is None:
        if request.input_range is not None:
            raise UsageError(
                "--input-range says what your own network expects; give it together with --from FILE.keras."
            )
        if request.model == PRETRAINED:
            raise UsageError(f"Model {request.model!r} is a network of your own; give it with --from FILE.keras.")
        return None
    dropout = {name: said.pop(name) for name in ("dropout",) if name in said}
    if said:
        raise UsageError(f"The network of {str(path)!r} cannot be changed; leave --{min(said)} out with --from.")
    if path.is_dir() and request.input_range is not None:
        raise UsageError(
            f"{str(path)!r} scales its images itself; leave --input-range out, which is for networks of your own."
        )
    start = open_start(path, request.input_range or INPUT_RANGE)
    return replace(start, options={**start.options, **dropout})


def _check(request: TrainRequest, settings: Settings, progress: Progress) -> None:
    """Say before any data are read what cannot be trained."""
    if settings.recipe.weights is not None and settings.initial is None:
        if request.model == settings.model:
            fetch_weights(settings.model, request.kept_in, progress)
        else:  # a plan names it, the person did not
            check_weights(settings.model, request.kept_in)
    if settings.initial is not None and request.colour != "auto":
        kind = "grey" if settings.initial.channels == 1 else "colour"
        raise UsageError(f"The network of {settings.initial.source!r} takes {kind} images; leave --colour out.")

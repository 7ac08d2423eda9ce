"""Out-of-fold answers: a few quick trainings, so that each image is judged by a network that never saw it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.pool import Pool, pooled
from beholder.data.progress import Progress, silent
from beholder.data.recordings import numbered
from beholder.data.split import stratified_order
from beholder.evaluation.mirror_images import Mirroring, measure_mirroring
from beholder.evaluation.nearest import nearest
from beholder.evaluation.recordings import by_recording
from beholder.models.resolution import shrink_factor
from beholder.runs.events import Event, EventLog
from beholder.runs.run_folder import create_run
from beholder.training.budget.allocation import CALIBRATION_SHARE, rates
from beholder.training.budget.forecast import GroupWidths, choose_network
from beholder.training.budget.machine_speed import calibrate
from beholder.training.fit import Fit
from beholder.training.settings import Settings, choose, resolve_precision
from beholder.training.shares import Share, deal, known
from beholder.training.views import FeatureView

FOLDS = 4
WIDEST: GroupWidths = (48, 128, 192)  # a wider network knows little more about labels, and takes twice the time
NEIGHBOURS = 10  # of each image, as cleanlab's own distance takes
MOST_REFERENCES = 10_000  # images that neighbours are looked for among: the time stays in proportion to the images
_JUDGED = 1000  # held-out images that are looked at after each epoch, for the log
_COMPILING_SECONDS = 5.0  # of one training
_LOOKING_SPEED = 3.0  # images looked at in the time of training on one


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What networks that never saw an image say of it, for N images and K classes."""

    pool: Pool  # the images, as the networks saw them
    probabilities: NDArray[np.float32]  # (N, K) float32
    # (N, n) int64, the rows of the most similar images among those that its network learned from, nearest first
    neighbours: NDArray[np.int64]
    # (N, n) float32, their cosine distances, in units of the median of the network's own, so that those of several
    # networks compare
    distances: NDArray[np.float32]
    # (N,) whether others of the image's class were learned from; elsewhere its label cannot be judged
    known: NDArray[np.bool_]
    mirrored: bool  # whether mirrored images were learned from too
    mirroring: Mirroring | None  # what the images that were learned from tell about mirroring; None: not asked
    judge: str = "quick networks"  # who answered, for people
    strict: bool = False  # whether the nearest images must doubt a label too, see `wrong_labels`

    @classmethod
    def blank(
        cls, pool: Pool, shares: Sequence[Share], *, mirrored: bool, mirroring: Mirroring | None, **others: Any
    ) -> OutOfFold:
        """To be filled, share by share; what nobody judges stays as it is here."""
        classes, count = len(pool.dataset.class_names), min(NEIGHBOURS, *(len(one.learned) for one in shares))
        return cls(
            pool,
            np.full((len(pool), classes), 1 / classes, np.float32),
            np.zeros((len(pool), count), np.int64),
            np.ones((len(pool), count), np.float32),
            known(pool, shares),
            mirrored,
            mirroring,
            **others,
        )

    def by_file(self) -> OutOfFold:
        """The same of files: of sounds the means over their windows, with the neighbours of the first."""
        recordings = self.pool.dataset.recordings
        if recordings is None:
            return self
        probabilities, first = by_recording(self.probabilities, recordings)
        pool = Pool(self.pool.dataset.files, self.pool.sets[first])
        neighbours = numbered(recordings)[self.neighbours[first]]
        distances, _ = by_recording(self.distances, recordings)
        return replace(
            self,
            pool=pool,
            probabilities=probabilities,
            neighbours=neighbours,
            distances=distances,
            known=self.known[first],
        )


@dataclass(frozen=True)
class FoldPlan:
    """How the trainings are made."""

    settings: Settings  # of each
    folds: int  # how many there are
    factor: int  # by which images are shrunk before
    most_epochs: float  # of each, where the machine turns out faster than planned
    until: float | None  # when the last one has been looked at, on the clock of `time.monotonic`; None: epochs decide


def plan_folds(
    sets: Mapping[str, Dataset],
    cache: Path,
    *,
    until: float,
    seed: int = 0,
    mirror: bool | None = None,
    folds: int = FOLDS,
) -> FoldPlan:
    """Spend the time until `until` on `folds` trainings of the network that is expected to be best.

    Args:
        sets: all images.
        cache: where the machine's speed is kept.
        until: on the clock of `time.monotonic`.
        seed: fixes every random choice.
        mirror: whether a mirrored image means the same; None: told from the images.
        folds: how many trainings.

    Raises:
        UsageError: the time is too short.
    """
    shape = next(iter(sets.values())).image_shape
    learned = sum(len(dataset) for set_name, dataset in sets.items() if set_name != "test") * (folds - 1) // folds
    changes = {"mirror": mirror}
    settings = choose("fast", seed=seed, precision=resolve_precision("auto"), changes=changes).fitted(learned, shape)
    started = time.monotonic()
    calibration = calibrate(cache, shape, settings.dtype, seconds=CALIBRATION_SHARE * (until - started))
    seconds = (until - time.monotonic()) / folds - _COMPILING_SECONDS
    # As many images are looked at as are learned from, two views of each.
    seconds /= 1 + 2 / (_LOOKING_SPEED * settings.recipe.epochs)
    choice = choose_network(seconds, learned, min(shape[:2]), rates(calibration, shape), WIDEST)
    settings = replace(settings, options={"widths": choice.widths, "side": choice.side}).fitted(learned, shape)
    most = settings.recipe.epochs  # more only learn the wrong labels too
    settings = replace(settings, recipe=replace(settings.recipe, epochs=min(choice.epochs, most)))
    return FoldPlan(settings, folds, shrink_factor(shape, choice.side), most, until)


def out_of_fold(
    sets: Mapping[str, Dataset],
    groups: Sequence[int] | None,
    plan: FoldPlan,
    progress: Progress = silent,
) -> OutOfFold:
    """Answers for all images of `sets`, or all sounds, each by a network that learned from none of its group.

    The images are dealt into shares, stratified by class. For each share one network learns from the others,
    the test set left out, and then looks at this share, its test images included. All follow from the plan's seed,
    but for the number of steps where a clock decides it.

    Args:
        sets: from set name to its images.
        groups: one number an image, in the order of the sets, equal for those that belong together; None: none do.
        plan: of each training.
        progress: told how far it is, in steps.

    Raises:
        UsageError: training diverged, or too little can be judged, see `deal`.
        StorageError: the disk for temporary files is full.
    """
    pool = pooled(sets, plan.factor)
    dataset, learnable = pool.dataset, pool.sets != "test"
    seed = plan.settings.seed
    shares = deal(pool, groups, count=plan.folds, seed=seed)
    plan = replace(plan, folds=len(shares))
    mirroring = None
    if dataset.sound is None:
        mirroring = measure_mirroring(dataset.select(np.flatnonzero(learnable)), seed=seed)
        plan = replace(plan, settings=plan.settings.mirroring(mirroring.mirror))
    else:
        plan = replace(plan, settings=plan.settings.for_sounds())
    mirrored = plan.settings.mirrors(dataset.image_shape[2])
    answers = OutOfFold.blank(pool, shares, mirrored=mirrored, mirroring=mirroring)
    looking = 0.0
    for number, share in enumerate(shares):
        until = plan.until
        if until is not None:
            now = time.monotonic()
            until = now + (until - now) / (len(shares) - number) - looking
        judged = dataset.select(share.held_out[:_JUDGED])
        network = _train(dataset.select(share.learned), judged, plan, until, progress, number)
        began = time.monotonic()
        _look(network, answers, share.held_out, share.learned, seed)
        looking = time.monotonic() - began
    return answers.by_file()


def _train(
    learned: Dataset, held_out: Dataset, plan: FoldPlan, until: float | None, progress: Progress, number: int
) -> FeatureView:
    """Network `number` (from 0), trained on `learned`; `held_out` decides nothing."""

    def tell(event: Event) -> None:
        if event["event"] in ("step", "epoch"):
            steps = fit.position.schedule.steps
            done = number * steps + min(fit.position.done, steps)
            progress(f"Training {plan.folds} networks", done, plan.folds * steps)

    with tempfile.TemporaryDirectory(prefix="beholder-") as folder:
        run = create_run(Path(folder) / "run")
        log = EventLog(run.events_file, tell)
        fit = Fit(learned, held_out, plan.settings, run, log, lambda: False, until=until, most_epochs=plan.most_epochs)
        fit.run_to_end()
    return FeatureView(fit.model, mirrored=plan.settings.mirrors(learned.image_shape[2]))


def _look(
    network: FeatureView, answers: OutOfFold, held_out: NDArray[np.int64], learned: NDArray[np.int64], seed: int
) -> None:
    """Let `network` fill the rows `held_out` of `answers`; neighbours come from the rows `learned`."""
    dataset = answers.pool.dataset
    order = stratified_order(dataset.labels[learned], seed=seed)
    references = np.sort(learned[order[:MOST_REFERENCES]])
    features = network.features(dataset.images, held_out)
    answers.probabilities[held_out] = network.probabilities(features)
    rows, distances = nearest(features, network.features(dataset.images, references), answers.neighbours.shape[1])
    answers.neighbours[held_out] = references[rows]
    answers.distances[held_out] = distances / max(float(np.median(distances)), 1e-12)

"""Train: from a data set to a RUN folder with a model and a report in it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from beholder.api.showing import shown
from beholder.arguments import checked_arguments, shown_progress
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import ImageFit
from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.runs.events import Listener
from beholder.sessions.begin import begin
from beholder.sessions.given_validation import Validation
from beholder.sessions.launch import launch, process_group
from beholder.sessions.request import TrainRequest
from beholder.sessions.trained import Trained
from beholder.training.settings import Balance


@checked_arguments(progress=shown_progress)
def train(
    data: Data | Source,
    *,
    validation: Validation | None = None,
    out: str | Path | None = None,
    model: str = "auto",
    budget: float | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    augment: bool | None = None,
    augmentation: str | None = None,
    mirror: bool | None = None,
    early_stop: int | None = None,
    folds: int | None = None,
    balance: Balance | None = None,
    risk: float | None = None,
    target_recall: dict[str, float] | None = None,
    target_precision: dict[str, float] | None = None,
    plan: str | Path | None = None,
    start_from: str | Path | None = None,
    input_range: tuple[float, float] | None = None,
    images: int | None = None,
    corrections: str | Path | None = None,
    neighbours: bool = True,
    precision: Literal["auto", "float32", "bfloat16"] | None = None,
    labels: Literal["fine", "coarse"] = "fine",
    cache: str | Path | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    seconds: float | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    image_root: str | Path | None = None,
    group_pattern: str | None = None,
    processes: int | None = None,
    coordinator: str | None = None,
    process: int | None = None,
    command: str | None = None,
    listener: Listener | None = None,
    progress: Progress | bool | None = None,
    **options: Any,
) -> Trained:
    """Train a classifier on the training set of `data`, judge it on the validation set, and leave the test set alone.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (images, labels), or a `Source` opened before. A path may be
            that of a folder or a table of sounds, which become images of time and pitch.
        validation: images to choose by, a `Dataset` or a pair of arrays (images, labels), where the data bring none; by
            default a tenth of the data.
        out: the RUN folder to make; `runs/DATA-MODEL-TIME` by default.
        model: `linear`, `dense`, `book`, `fast`, `lite0`, or `auto`: `fast` in the widths that the budget allows, or in
            those of `options`, and for few images in colour `lite0`.
        budget: seconds from this call to the written report; 600 for `auto` where neither this nor `epochs` is given.
        plan: the event log of an earlier run, whose settings, seed and schedule, re-plans included, are followed.
        start_from: an earlier RUN, or a `.keras` file of a network: its weights, a new head, its own size of images.
        input_range: what 0 and 255 become before the network in such a file sees them; (0, 255) by default.
        epochs: times that each image is seen; the model's own by default, like the next four.
        seed: fixes every random choice; 0 by default.
        batch_size: images a step.
        learning_rate: its peak.
        weight_decay: in units of the learning rate.
        augment: vary training images, and mirror them where `mirror` allows.
        augmentation: how they are varied: `small` moves them, `photo` cuts, lights and colours them, and details such
            as `photo,rotate=5,erase=0.3` say how strongly; `small` by default. Sounds are varied by `sound`, or with
            details such as `sound,mask=0.3,pitch=0`.
        mirror: whether a mirrored image means the same; by default told from the images.
        early_stop: epochs without a better validation accuracy after which to stop and keep the best.
        folds: judge every image that is not of a given test set by a network that never saw it: images are dealt into
            so many shares, for each a network learns from the others, and in the end the one that is kept learns from
            all. The budget is shared among these; thresholds are estimates, since the judged networks are other ones.
        balance: make small classes count as much as large ones: `weights` multiplies their losses, `sampling` shows
            their images more often; `none` by default.
        risk: the share of wrong answers that is tolerated, between 0 and 1; the model promises it of the answers that
            are not unsure. By default 5 %, where the validation set is large enough to promise that.
        target_recall: one class name with the least share of its images that are to be found, such as
            {"defective": 0.95}; it is then answered from a threshold on that is chosen on the validation set so that
            this is promised, see `beholder.threshold`.
        target_precision: likewise the least share of the answers of a class that are to be right.
        images: learn from so many images of the training set, a stratified choice; from all by default.
        corrections: a CSV file of corrections, `path,action,label`: images to drop and labels to change, in all sets.
        neighbours: keep some training images beside the model, for the page to show the nearest.
        precision: of multiplications in training; `auto`, the default, is bfloat16 where the processor has it, and on
            an accelerator.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` gives every image three channels and `grey` one; by default they keep what they have, and those
            of a folder get one where all images of a sample are grey.
        fit: how images of other proportions get into the size that the network takes, in training and in answering:
            `crop` cuts what stands over, `pad` adds grey, `stretch` gives up proportions. By default as for the RUN
            that it starts from, else `crop`.
        seconds: of sounds, the length of a clip that the network hears, from 0.1 to 60; longer sounds become several.
            By default it is chosen from the training set: its 95th percentile, at most 10.
        path_column: of a table, the column that names the files; like the next two told from its name by default.
        label_column: of a table, the column of labels.
        split_column: of a table, the column that says which set an image is of.
        group_column: of a table, the column that says which images belong together (a patient, a video); no group lies
            in two of the sets that are made.
        image_root: of a table, the folder that paths are relative to; by default that of the table.
        group_pattern: the same of images in files: a regular expression that is searched for in the path of each below
            the data, whose first capture group is the group. Arrays have theirs in a `Dataset`.
        processes: train in so many together, on JAX; all are started here, unless `coordinator` says otherwise.
        coordinator: host and port of process 0, where the processes run on several hosts.
        process: which of them this one is, from 0; what process 0 does not know of, the others return as they know it.
        command: how to reproduce the run, for the report.
        listener: told each event as it happens.
        progress: told how far reading is; True shows all of the training, and False does not. By default it is shown
            where a notebook runs this.
        **options: the model's own (window, stride, padding, dropout, widths, side).

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    arguments = dict(locals())  # by name: the fields of a request, then how to go about it
    group = process_group(processes, coordinator, process)
    request = TrainRequest.of(**{one.name: arguments[one.name] for one in fields(TrainRequest)})
    tell, hear = shown(progress, listener)
    if group is not None:
        return launch(request, data, group, hear, tell, validation)
    return begin(request, data, hear, tell, validation)


__all__ = ["Trained", "train"]

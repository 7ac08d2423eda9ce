"""What is told of steps while a network trains, and how often."""

from __future__ import annotations

import math
from typing import Any

from beholder.training.checkpoint import Position
from beholder.training.steps.batches import Batches

STEP_EVENT_SECONDS = 0.5
STEP_EVENT_SHARE = 1e-4  # of the time trained so far, where that is more


def step_event_seconds(trained: float) -> float:
    """How far apart the events of steps are after so many seconds: the log of a run of days is read at once too."""
    return max(STEP_EVENT_SECONDS, STEP_EVENT_SHARE * trained)


def step_facts(position: Position, batches: Batches, steps: int, a_step: float, ahead: float) -> dict[str, Any]:
    """What the event of a step says.

    Args:
        position: where the run stands.
        batches: of its epochs.
        steps: of the run in all.
        a_step: seconds that one takes now.
        ahead: what a step to come costs on average, in steps of now.
    """
    return {
        "epoch": position.epoch + 1,
        "epochs": math.ceil(steps / batches.steps),
        "step": position.step,
        "steps": batches.steps,
        "loss": round(position.loss_sum / position.seen, 5),
        "train_accuracy": round(position.correct / position.seen, 5),
        "images_per_second": round(batches.batch_size / a_step, 1),
        "eta_seconds": round((steps - position.done) * a_step * ahead, 1),
    }

"""The stages of a run: the first steps look at smaller images, the others at whole ones, in the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.models import Recipe
from beholder.models.smaller import smaller
from beholder.training.budget.stage_costs import cost_ahead
from beholder.training.steps.processes import Group
from beholder.training.steps.step import Step, compile_step


class Stages:
    """Which compiled step trains, and what the steps to come cost.

    Args:
        model: the network over whole images.
        optimizer: of its variables.
        recipe: what to do.
        whole: look at whole images from the first step on, whatever the recipe says.
        class_weights: what the loss of an image of each class is multiplied by, (K,) float32; None: all weigh 1.
        group: the processes that train together; None: this one trains alone.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        recipe: Recipe,
        *,
        whole: bool = False,
        class_weights: NDArray[np.float32] | None = None,
        group: Group | None = None,
    ) -> None:
        self._compile: Callable[[Any], Step] = lambda network: compile_step(
            network, optimizer, label_smoothing=recipe.label_smoothing, class_weights=class_weights, group=group
        )
        self._model = model
        small = None if whole or not recipe.small_share else smaller(model)
        self.small_share = 0.0 if small is None else recipe.small_share
        self._small_steps = small is not None
        self.step: Step = self._compile(model if small is None else small)

    def at(self, progress: float) -> bool:
        """Make `step` that of a moment `progress` (0 to 1) into the run; True where it is another than before."""
        if not self._small_steps or progress < self.small_share:
            return False
        self.step.sync()
        self.step, self._small_steps = self._compile(self._model), False
        return True

    @property
    def whole(self) -> bool:
        """Whether steps look at whole images by now."""
        return not self._small_steps

    def ahead(self, progress: float) -> float:
        """What a step costs on average from `progress` on, in steps of now."""
        return 1.0 if self.whole else cost_ahead(self.small_share, progress)

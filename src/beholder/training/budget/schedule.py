"""How many steps a run has, re-planned or not, and the learning rate of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from beholder.models import Recipe


@dataclass
class Schedule:
    """The steps of a run: planned at its start, and again whenever the machine turns out faster or slower.

    Attributes:
        pairs: (step, steps): from `step` (from 0) on, the run was meant to have `steps` steps in all. The first
            begins at step 0. All of it is a function of these pairs, so a run that follows them again is the same run.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """How many steps the run has in all, by its latest plan."""
        return self.pairs[-1][1]

    def replan(self, step: int, steps: int) -> None:
        """From `step` on, the run has `steps` steps in all, at least one of them to come."""
        self.pairs.append((step, max(steps, step + 1)))

    def progress(self, step: float) -> float:
        """How far `step` is into the run, from 0 at its start to 1 at its end; never jumps, whatever was re-planned."""
        done = 0.0
        for (start, steps), following in zip(self.pairs, [*self.pairs[1:], None], strict=True):
            end = step if following is None else min(step, following[0])
            if end > start:
                done += (1 - done) * (end - start) / (steps - start)
        return min(done, 1.0)

    def learning_rate(self, recipe: Recipe, step: int) -> float:
        """The learning rate of `step` (from 0): up in a line over the warm-up, then down in a line to zero."""
        done = self.progress(step + 0.5)
        if done < recipe.warmup:
            return recipe.learning_rate * done / recipe.warmup
        return recipe.learning_rate * (1 - done) / (1 - recipe.warmup)

"""The learning rate of a step: up in a line over the warm-up, then down in a line to zero."""

from __future__ import annotations

from beholder.models import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of `step` (from 0) of `steps` in the whole run; that after the last step would be zero."""
    done = (step + 0.5) / steps
    if done < recipe.warmup:
        return recipe.learning_rate * done / recipe.warmup
    return recipe.learning_rate * (1 - done) / (1 - recipe.warmup)

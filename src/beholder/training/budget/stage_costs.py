"""What a step costs, where the first ones look at smaller images and the others at whole ones."""

from __future__ import annotations

from beholder.models import Recipe
from beholder.models.resolution import small_side

SMALL_COST = 0.6  # of a step over whole images, as measured; of its products it has SCALE² = 0.56


def cost_ahead(small_share: float, progress: float) -> float:
    """What a step costs on average from `progress` (0 to 1) on, in steps over small images.

    A plan may end among these, as one of a single step does; what would follow are whole ones.
    """
    if progress >= small_share:
        return 1 / SMALL_COST
    small = (small_share - progress) / (1 - progress)
    return (small * SMALL_COST + (1 - small)) / SMALL_COST


def mean_cost(recipe: Recipe, side: int) -> float:
    """What a step costs on average in a run over images of a short `side`, in steps over whole images."""
    return 1 - recipe.small_share * (1 - SMALL_COST) if small_side(side) is not None else 1.0

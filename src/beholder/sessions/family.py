"""Which family of networks `auto` trains: `fast` from scratch, or one that has seen other images.

How the limits were chosen stands in docs/lab-notebook.md.
"""

from __future__ import annotations

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.models.weights.finding import check_weights
from beholder.sessions.request import TrainRequest
from beholder.sessions.resolve import settings_for
from beholder.training.settings import Settings

LEARNED = "lite0"
_LEAST_SIDE = 32  # pixels; smaller images are drawings or digits, of which ImageNet knows nothing
_SMALL_SIDE = 64  # pixels; of more images below this size a network of their own learns more
# How many training images at most: of a second of the budget, since features take their time, and in all
_IMAGES_A_SECOND, _MOST_IMAGES, _MOST_SMALL_IMAGES = 60, 20_000, 10_000
_LEAST_BUDGET = 60.0  # seconds


def choose_family(request: TrainRequest, settings: Settings, train: Dataset) -> tuple[Settings, str | None]:
    """`settings` of the family that suits the `train` set and the budget, and why, for people; None where all is said.

    Nothing is chosen where the person did.
    """
    if not request.automatic or request.plan is not None or not _suits(request, train):
        return settings, None
    few = f"{len(train):,} images of {len(train.class_names)} classes"
    try:
        check_weights(LEARNED, request.kept_in)
    except UsageError as error:
        return settings, f"For {few} {LEARNED}, which has seen ImageNet, would be better. {error}"
    told = f"For {few} training starts from {LEARNED}, which has seen ImageNet; --model fast starts from nothing."
    return settings_for(request, LEARNED), told


def from_scratch(request: TrainRequest, settings: Settings, train: Dataset) -> Settings:
    """What `auto` trains where the budget is too short for the family of `settings` on this machine."""
    fitted = settings_for(request, "fast").fitted(len(train), train.image_shape)
    return fitted if settings.recipe.mirror is None else fitted.mirroring(settings.recipe.mirror)


def suits(shape: tuple[int, int, int], images: int) -> bool:
    """Whether images of `shape` are in colour, large enough, and so few that a network of their own learns no more."""
    height, width, channels = shape
    if channels == 1 or min(height, width) < _LEAST_SIDE:
        return False
    return images <= (_MOST_SMALL_IMAGES if min(height, width) < _SMALL_SIDE else _MOST_IMAGES)


def _suits(request: TrainRequest, train: Dataset) -> bool:
    """Whether images are of that kind, and the budget leaves time to look at all of them."""
    budget = request.budget or 0.0  # so many epochs are for the network that they were said for: `fast`
    few = len(train) <= _IMAGES_A_SECOND * budget
    return budget >= _LEAST_BUDGET and few and suits(train.image_shape, len(train))

"""What a budget buys of a network that learned from other images: at which size it looks, and how far it is tuned.

The features of all images are computed once, for a first answer; the rest of the time tunes the whole network. How the
limits were chosen stands in docs/lab-notebook.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from beholder.models import Recipe
from beholder.training.budget.forecast import MOST_EPOCHS, Forecast

SIDES = (224, 192, 160, 128, 96)  # pixels that images are brought to on their short side, largest first
FEATURES_SHARE = 0.25  # of what a step of training takes for an image, its features take
COMPILING_SECONDS = 10.0  # until a first step is done; with less time left none is begun
_HEAD_SECONDS = 5.0  # to fit the first answer's last layer, and to judge it
_MOST_FEATURES, _MOST_ANSWERING = 0.5, 0.9  # of the time may go into a first answer before tuning, or alone
# Epochs, and images in them, of tuning at a larger size; with fewer a smaller one gains more
_ENOUGH_EPOCHS, _ENOUGH_IMAGES = 2.7, 4000
_LITTLE_EPOCHS, _LITTLE_IMAGES = 1.0, 2500  # with fewer tuning unsettles, and the first answer stays
_WORTH_AN_EPOCH = 1.5  # times the pixels of the side: what a first answer gains by them


def sides_of(recipe: Recipe) -> tuple[int, ...]:
    """Of `SIDES` those that the learned weights of `recipe` know; its own where they know none of them."""
    least, most = (0, SIDES[0]) if recipe.weights is None else recipe.weights.sides
    return tuple(side for side in SIDES if least <= side <= most) or (recipe.side or SIDES[0],)


def fewest_epochs(images: int) -> float:
    """Of tuning on so many `images`, below which it unsettles more than it gains."""
    return max(_LITTLE_EPOCHS, _LITTLE_IMAGES / images)


@dataclass(frozen=True)
class Tuning:
    """What there is to do.

    Attributes:
        images: of the training set.
        judged: of the validation set.
        an_image: seconds an image of training takes where the short side is `side` pixels.
        side: see above.
        sides: that may be chosen, largest first.
        trainings: that share the features of these images, which are computed once.
    """

    images: int
    judged: int
    an_image: float
    side: int
    sides: tuple[int, ...] = SIDES
    trainings: int = 1

    def seconds_an_image(self, side: int) -> float:
        """Of training at another `side`: they grow with the pixels."""
        return self.an_image * (side / self.side) ** 2

    def first_seconds(self, side: int) -> float:
        """Until the first answer."""
        looking = (self.images + self.judged) * FEATURES_SHARE * self.seconds_an_image(side)
        return looking / self.trainings + _HEAD_SECONDS

    @property
    def least_seconds(self) -> float:
        """That the least run takes: a first answer at the smallest size."""
        return self.first_seconds(self.sides[-1])

    def forecast(self, seconds: float) -> Forecast:
        """What so many `seconds`, `least_seconds` or more, buy."""
        bought = {side: self._epochs(side, seconds) for side in self.sides}
        affordable = [side for side in self.sides if self.first_seconds(side) <= _MOST_FEATURES * seconds]
        enough, little = (
            [side for side in affordable if bought[side] >= min(max(epochs, images / self.images), MOST_EPOCHS)]
            for epochs, images in ((_ENOUGH_EPOCHS, _ENOUGH_IMAGES), (_LITTLE_EPOCHS, _LITTLE_IMAGES))
        )
        # With too little time to tune there is a first answer alone, best at the largest size.
        answered = [side for side in self.sides if self.first_seconds(side) <= _MOST_ANSWERING * seconds]
        largest = next(iter(answered), self.sides[-1])
        tuned = enough or [side for side in little if _WORTH_AN_EPOCH * side >= largest]
        side = next(iter(tuned), largest)
        epochs = bought[side] if tuned else 0.0
        tuning = COMPILING_SECONDS + epochs * self.images * self.seconds_an_image(side) if tuned else 0.0
        return Forecast(None, side, round(epochs, 2), self.first_seconds(side) + tuning)

    def _epochs(self, side: int, seconds: float) -> float:
        """That are left to tune at `side`."""
        left = max(seconds - self.first_seconds(side) - COMPILING_SECONDS, 0.0)
        return min(left / (self.images * self.seconds_an_image(side)), MOST_EPOCHS)

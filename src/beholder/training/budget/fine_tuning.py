"""What a budget buys of a network that learned from other images: at which size it looks, and how far it is tuned.

The features of all images are computed once, for a first answer; the rest of the time tunes the whole network. How the
limits were chosen stands in docs/lab-notebook.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from beholder.training.budget.forecast import FEWEST_EPOCHS, MOST_EPOCHS, Forecast

SIDES = (224, 192, 160, 128, 96)  # pixels that images are brought to on their short side, largest first
FEATURES_SHARE = 0.25  # of what a step of training takes for an image, its features take
_HEAD_SECONDS = 5.0  # to fit the first answer's last layer, and to judge it
_MOST_FEATURES, _MOST_ANSWERING = 0.5, 0.8  # of the time may go into a first answer before tuning, or alone
# Epochs, and images in them, of tuning at a larger size; with fewer a smaller one gains more
_ENOUGH_EPOCHS, _ENOUGH_IMAGES = 3.0, 4000
_LITTLE_EPOCHS, _LITTLE_IMAGES = 2.0, 3000  # with fewer tuning hardly helps, and the first answer counts


@dataclass(frozen=True)
class Tuning:
    """What there is to do.

    Attributes:
        images: of the training set.
        judged: of the validation set.
        an_image: seconds an image of training takes where the short side is `side` pixels.
        side: see above.
        sides: that may be chosen, largest first.
    """

    images: int
    judged: int
    an_image: float
    side: int
    sides: tuple[int, ...] = SIDES

    def seconds_an_image(self, side: int) -> float:
        """Of training at another `side`: they grow with the pixels."""
        return self.an_image * (side / self.side) ** 2

    def first_seconds(self, side: int) -> float:
        """Until the first answer."""
        return (self.images + self.judged) * FEATURES_SHARE * self.seconds_an_image(side) + _HEAD_SECONDS

    @property
    def least_seconds(self) -> float:
        """That the least run takes: a first answer at the smallest size."""
        return self.first_seconds(self.sides[-1])

    def forecast(self, seconds: float) -> Forecast:
        """What so many `seconds`, `least_seconds` or more, buy."""
        bought = {side: self._epochs(side, seconds) for side in self.sides}
        affordable = [side for side in self.sides if self.first_seconds(side) <= _MOST_FEATURES * seconds]
        enough, little = (
            [side for side in affordable if bought[side] >= max(epochs, images / self.images)]
            for epochs, images in ((_ENOUGH_EPOCHS, _ENOUGH_IMAGES), (_LITTLE_EPOCHS, _LITTLE_IMAGES))
        )
        # With too little time to tune, the first answer is best at the largest size.
        answered = [side for side in self.sides if self.first_seconds(side) <= _MOST_ANSWERING * seconds]
        side = next(iter(enough or little or answered), self.sides[-1])
        epochs = max(round(bought[side], 2), FEWEST_EPOCHS)
        tuning = bought[side] * self.images * self.seconds_an_image(side)
        return Forecast(None, side, epochs, self.first_seconds(side) + tuning)

    def _epochs(self, side: int, seconds: float) -> float:
        """That are left to tune at `side`."""
        left = max(seconds - self.first_seconds(side), 0.0)
        return min(left / (self.images * self.seconds_an_image(side)), MOST_EPOCHS)

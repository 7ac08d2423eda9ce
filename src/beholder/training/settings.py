"""What a run was asked to do, complete: the recipe with the person's changes in it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from beholder.arguments import one_of
from beholder.data.images.fitting import ImageFit
from beholder.errors import RunError, UsageError
from beholder.models import PRETRAINED, Recipe, recipe
from beholder.models.resolution import LARGEST_SIDE, looked_at, resized, small_side
from beholder.runs.environment import has_bfloat16
from beholder.schema import why_damaged
from beholder.training import limits
from beholder.training.augmentation import SOUND
from beholder.training.steps import framework

LEAST_STEPS, LEAST_STEPS_AN_EPOCH = 300, 16
SMALLEST_BATCH = 16  # images; batch normalisation needs company

Precision = Literal["float32", "bfloat16"]
Balance = Literal["none", "weights", "sampling"]


@dataclass(frozen=True)
class Initial:
    """The earlier network that a run starts from, as its config keeps it; the run holds a copy of the weights.

    Attributes:
        source: path of the RUN or the file.
        sha256: of the Keras file.
        class_names: of its head; empty where they are not known.
        height: of the images that it takes, pixels; None where it takes any.
        width: likewise.
        channels: of those images, 1 or 3.
        fit: how images got into that size for it; None where that is not known, or it takes sounds.
        sound: the rules of the sounds that it takes, as JSON; None: it takes images.
    """

    source: str
    sha256: str
    class_names: tuple[str, ...]
    height: int | None
    width: int | None
    channels: int
    fit: ImageFit | None
    sound: dict[str, Any] | None = None


@dataclass(frozen=True)
class Settings:
    """All that decides what a run does, apart from the data.

    Attributes:
        model: a key of `MODELS`.
        recipe: its recipe, with the person's changes.
        seed: fixes every random choice.
        precision: of the multiplications while training; answers are always float32.
        early_stop: epochs without a better validation accuracy after which to stop and keep the best; None never does.
        options: what the model's `build` takes beyond shape, classes and dtype.
        said: fields of the recipe that the person chose; the others may be fitted to the data.
        initial: the earlier network that training starts from; None: weights are drawn, or those that the recipe names.
        balance: what makes small classes count as much as large ones: `weights` of the loss, or `sampling`.
    """

    model: str
    recipe: Recipe
    seed: int
    precision: Precision
    early_stop: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    initial: Initial | None = None
    balance: Balance = "none"

    @property
    def dtype(self) -> str:
        """The Keras dtype policy while training."""
        return "float32" if self.precision == "float32" else "mixed_bfloat16"

    def sides(self, shape: tuple[int, int, int]) -> tuple[int, int | None]:
        """The short side in pixels at which the network looks at images of `shape`, and at first; None: the same."""
        seen = shape[:2]
        if self.model == "fast" or self.recipe.side is not None:
            seen = _looked_at(self.recipe, shape, self.options.get("side"))
        side, begins_small = min(seen), self.recipe.small_share > 0 and not self.fine_tuning
        return side, small_side(side) if begins_small else None

    def fitted(self, images: int, shape: tuple[int, int, int]) -> Settings:
        """These settings for a training set of so many `images` of `shape` (H, W, C).

        Few images get smaller batches and more epochs, since a network needs some hundred steps whatever it learns
        from; large ones get smaller batches, so that a step's memory stays what it is. What the person chose stays.
        """
        few = max(SMALLEST_BATCH, images // LEAST_STEPS_AN_EPOCH)
        fitted = self._in_batches_of(min(few, largest_batch(recipe(self.model), shape, self.options.get("side"))))
        if "epochs" in self.said:
            return fitted
        steps = math.ceil(images / fitted.recipe.batch_size)
        epochs = max(self.recipe.epochs, math.ceil(LEAST_STEPS / steps))
        return replace(fitted, recipe=replace(fitted.recipe, epochs=epochs))

    def _in_batches_of(self, size: int) -> Settings:
        """These settings with batches of `size` images, unless the person chose their size.

        The learning rate goes with the square root of the batch size, as it does among the recipes.
        """
        if "batch_size" in self.said:
            return self
        usual, rate = recipe(self.model), self.recipe.learning_rate
        if "learning_rate" not in self.said:
            rate = usual.learning_rate * math.sqrt(size / usual.batch_size)
        return replace(self, recipe=replace(self.recipe, batch_size=size, learning_rate=rate))

    def shared_by(self, devices: int) -> Settings:
        """These settings with batches that divide among so many `devices`, unless the person chose their size."""
        if "batch_size" in self.said:
            return self
        batch_size = math.ceil(self.recipe.batch_size / devices) * devices
        return replace(self, recipe=replace(self.recipe, batch_size=batch_size))

    @property
    def fine_tuning(self) -> bool:
        """Whether training starts from learned weights, of an earlier network or those that the recipe names."""
        return self.initial is not None or self.recipe.weights is not None

    @property
    def own_file(self) -> str | None:
        """SHA-256 of the file of the person's own that the network itself comes from; None: it is one of `MODELS`."""
        return self.initial.sha256 if self.initial is not None and self.model == PRETRAINED else None

    @property
    def head_is_new(self) -> bool:
        """Whether the last layer of a network that learned from other images is drawn: no earlier run brings it."""
        return self.starts_with != "" and (self.initial is None or "file" in self.options)

    @property
    def starts_with(self) -> str:
        """What tells the weights that training starts from: the SHA-256 of their file; "" where they are drawn."""
        if self.initial is not None:
            return self.initial.sha256
        return "" if self.recipe.weights is None else self.recipe.weights.sha256

    @property
    def packed_like(self) -> str | None:
        """What networks that take as long to pack have in common; None: it is one of the small ones of `MODELS`."""
        return self.own_file or (None if self.recipe.weights is None else self.model)

    def starting_from(self, file: Path) -> Settings:
        """These settings where the network that training starts from lies at `file`, in the run."""
        if "file" not in self.options:
            return self
        return replace(self, options={**self.options, "file": str(file.resolve())})

    def steps(self, images: int) -> int:
        """Steps of the whole run on a training set of so many `images`, at least one; 0 of a first answer alone."""
        if not self.recipe.epochs:
            return 0
        return max(1, round(self.recipe.epochs * math.ceil(images / self.recipe.batch_size)))

    def mirroring(self, mirror: bool) -> Settings:
        """These settings with images mirrored or not, unless the person said."""
        if self.recipe.mirror is not None:
            return self
        return replace(self, recipe=replace(self.recipe, mirror=mirror))

    def for_sounds(self) -> Settings:
        """These settings for sounds: never mirrored, and varied as sounds are, unless the person said how."""
        varied = self.recipe.augmentation if "augmentation" in self.said else SOUND
        return replace(self, recipe=replace(self.recipe, mirror=False, augmentation=varied))

    def mirrors(self, channels: int) -> bool:
        """Whether images of so many `channels` are mirrored, in training and in the answer's second view.

        Where nobody decided, those of three channels are.
        """
        mirror = self.recipe.mirror
        return self.recipe.augment and (channels == 3 if mirror is None else mirror)

    def to_json(self) -> dict[str, Any]:
        """As it stands in a run's config: of learned weights the name of the network alone."""
        document = asdict(self)
        document["recipe"]["weights"] = None if self.recipe.weights is None else self.model
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Settings:
        """From a run's config.

        Raises:
            RunError: a setting is missing, or one that this Beholder does not know.
        """
        try:
            kept = dict(document["recipe"])
            weights = None if kept["weights"] is None else recipe(kept["weights"]).weights
            own = Recipe(**{**kept, "options": tuple(kept["options"]), "weights": weights})
            initial = document["initial"]
            if initial is not None:
                initial = Initial(**{**initial, "class_names": tuple(initial["class_names"])})
            options = {name: limits.checked(name, value) for name, value in document["options"].items()}
            said = tuple(document["said"])
            return cls(**{**document, "recipe": own, "said": said, "initial": initial, "options": options})
        except (KeyError, TypeError, AttributeError, UsageError) as error:
            raise RunError(
                f"The settings in config.json are damaged ({why_damaged(error)}); train again into a new folder."
            ) from error


def largest_batch(recipe: Recipe, shape: tuple[int, int, int], side: int | None = None) -> int:
    """How many images of `shape` (H, W, C) a step of `recipe` takes, where the network looks at a short `side`."""
    if recipe.step_pixels is None:
        return recipe.batch_size
    height, width = _looked_at(recipe, shape, side)
    return min(recipe.batch_size, max(SMALLEST_BATCH, recipe.step_pixels // (height * width)))


def _looked_at(recipe: Recipe, shape: tuple[int, int, int], side: int | None) -> tuple[int, int]:
    """Height and width in pixels at which a network of `recipe`, with the option `side`, looks at images of `shape`."""
    if recipe.side is not None:
        return resized(shape, side or recipe.side)
    return looked_at(shape, side or LARGEST_SIDE)


def choose(
    model: str,
    *,
    seed: int,
    precision: Precision,
    early_stop: int | None = None,
    changes: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    initial: Initial | None = None,
    balance: Balance = "none",
) -> Settings:
    """The settings for `model`: its recipe with `changes` (fields of `Recipe`) and the model's own `options`.

    A None in `changes` or `options` means that the person did not say.

    Raises:
        UsageError: an unknown model, a value out of its range, or an option that this model does not have.
    """
    base = recipe(model)
    said = {name: limits.checked(name, value) for name, value in (changes or {}).items() if value is not None}
    changed = replace(base, **said)
    if "augmentation" in said:
        if said.get("augment") is False:
            raise UsageError(f"--no-augment varies nothing; leave --augmentation {said['augmentation']} out.")
        changed = replace(changed, augment=True)
    seed, early_stop = limits.checked_seed(seed), limits.checked("early_stop", early_stop)
    if not one_of(balance, get_args(Balance)):
        raise UsageError(f"Expected a balance of {', '.join(get_args(Balance))}. Received: {balance!r}.")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name, value in given.items():
        if name not in base.options:
            fitting = ", ".join(f"--{option}" for option in base.options) or "none"
            raise UsageError(f"Model {model!r} has no option --{name}; its own options: {fitting}.")
        given[name] = limits.checked(name, value)
    if base.weights is not None and "side" in given:
        least, most = base.weights.sides
        if not least <= given["side"] <= most:
            raise UsageError(
                f"Model {model!r} takes images of {least} to {most} pixels; choose a --side between these. "
                f"Received: {given['side']}."
            )
    return Settings(model, changed, seed, precision, early_stop, given, tuple(said), initial, balance)


def precision_of(model: str, asked: Literal["auto", "float32", "bfloat16"]) -> Precision:
    """What `asked` means for `model`; see `resolve_precision`.

    Raises:
        UsageError: an unknown model, or as there.
    """
    if asked == "auto" and (model == PRETRAINED or recipe(model).weights is not None):
        # Most have depthwise convolutions, which TensorFlow computes at half the speed in bfloat16.
        return "float32"
    return resolve_precision(asked)


def resolve_precision(asked: Literal["auto", "float32", "bfloat16"]) -> Precision:
    """What `auto` means here: bfloat16 on an accelerator, and where TensorFlow has a processor that multiplies it.

    On a processor JAX is faster in float32, whatever the processor can do (docs/lab-notebook.md).

    Raises:
        UsageError: not one of these, or KERAS_BACKEND names a backend that cannot train or is not installed.
    """
    if not one_of(asked, ("auto", *get_args(Precision))):
        raise UsageError(f"Expected a precision of auto, float32 or bfloat16. Received: {asked!r}.")
    if asked == "auto":
        fast = has_bfloat16() if framework.backend() == "tensorflow" else framework.accelerator() is not None
        return "bfloat16" if fast else "float32"
    return asked

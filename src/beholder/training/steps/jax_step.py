"""The training step on JAX: a pure function of all values, compiled by XLA, for accelerators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from numpy.typing import NDArray

from beholder.training.steps.processes import Group

# The values of the model's trainable variables, of its other ones, and of the optimizer's, in their order.
_State = tuple[list[Any], list[Any], list[Any]]


class JaxStep:
    """Trains a network on one batch at a time, in values that stay on the device.

    The values go from step to step without the Keras variables, which hold none between the first step and `sync`:
    the step gives their memory to its results. In a group all processes have the values of process 0. Arguments are as
    for `compile_objective`.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        objective: Callable[..., Any],
        generators: list[Any],
        group: Group | None = None,
    ) -> None:
        self._group = group
        self._variables = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        self._state: _State | None = None
        others, held = self._variables[1:]
        seeds = [_position(others, generator.state) for generator in generators]
        rate = _position(held, optimizer.learning_rate)

        def step(state: _State, images: Any, labels: Any, learning_rate: Any, seed: Any) -> tuple[_State, Any, Any]:
            trainable, others, held = (list(values) for values in state)
            for number, position in enumerate(seeds):
                others[position] = jnp.stack([seed, number]).astype(others[position].dtype)
            held[rate] = learning_rate

            def loss_of(trainable: list[Any]) -> tuple[Any, tuple[Any, list[Any]]]:
                logits, updated = model.stateless_call(trainable, others, images, training=True)
                loss, correct = objective(logits, labels)
                return loss, (correct, updated)

            (loss, (correct, others)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
            trainable, held = optimizer.stateless_apply(held, gradients, trainable)
            return (trainable, others, held), loss, correct

        laid = {} if group is None else {"out_shardings": group.everywhere}
        self._compiled = jax.jit(step, donate_argnums=0, **laid)

    def __call__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], learning_rate: float, seed: int
    ) -> tuple[float, int]:
        """As `beholder.training.steps.step.Step`; a process in a group gives the images of its share alone."""
        state = self._first_state() if self._state is None else self._state
        numbers: Any = labels.astype(np.int32)
        shared: Any = images
        if self._group is not None:
            count = len(labels)
            numbers = self._group.spread(numbers[self._group.share(count)], count)
            shared = self._group.spread(images, count)
        self._state, loss, correct = self._compiled(state, shared, numbers, np.float32(learning_rate), np.int32(seed))
        loss, correct = jax.device_get((loss, correct))
        return float(loss) * len(labels), int(correct)

    def sync(self) -> None:
        """Give the values back to the Keras variables; the next step takes them from there again.

        A process in a group gives a copy of them: the next step goes on with what all have.
        """
        if self._state is None:
            return
        for variables, values in zip(self._variables, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value if self._group is None else np.array(value))
        if self._group is None:
            self._state = None

    def _first_state(self) -> _State:
        values: _State = _values(self._variables)
        return values if self._group is None else self._group.repeated(values)


def compile_look(model: Any) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """As `beholder.training.steps.step.compile_look`."""
    variables = (model.trainable_variables, model.non_trainable_variables)

    @jax.jit
    def look(trainable: list[Any], others: list[Any], images: Any) -> Any:
        return model.stateless_call(trainable, others, images, training=False)[0]

    def call(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = np.asarray(look(*_values(variables), images))
        return logits

    return call


def _values(groups: tuple[list[Any], ...]) -> Any:
    return tuple([variable.value for variable in group] for group in groups)


def _position(variables: list[Any], wanted: Any) -> int:
    return next(position for position, variable in enumerate(variables) if variable is wanted)

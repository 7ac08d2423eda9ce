"""Several processes that train one network together: who they are, what each reads, and what they agree on.

Each holds the whole network and reads its share of every batch. A step is one computation over the devices of all: XLA
takes its means and sums over the whole batch, those of batch normalisation too, so that it comes to what one process
would come to. `jax.distributed` joins the processes, and `keras.distribution` says what lies where. Keras's variables
stay each process's own, since process 0 judges and packs the network alone: `keras.distribution.set_distribution`
would make all of these a matter of all processes.
"""

from __future__ import annotations

import functools
import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.errors import ClusterError
from beholder.training.steps import framework

JOIN_SECONDS = 300  # that the first process waits for the last
HEARTBEAT_SECONDS = 20  # without a sign of life after which a process counts as lost
_KEPT = 100  # agreements; every process has heard the ones before, for a step of all lies between
_WAITING_MS = 24 * 3600 * 1000  # for process 0, which may judge a large validation set


class Group:
    """The processes that train together, seen from one of them; process 0 decides, writes and judges.

    There are `count`, this one is `index`, and `local` tells whether all run on this machine. The `client` is one of
    JAX's coordination service.
    """

    def __init__(self, count: int, index: int, client: Any, *, local: bool) -> None:
        self.count, self.index, self.local = count, index, local
        self._client = client
        self._agreements = 0
        self._layouts: dict[tuple[int, int], Any] = {}

    @property
    def leads(self) -> bool:
        """Whether this is process 0."""
        return self.index == 0

    @property
    def devices(self) -> int:
        """Devices of all processes."""
        import keras

        return len(keras.distribution.list_devices())

    def meet(self) -> None:
        """Wait until all processes are here."""
        self._client.wait_at_barrier(f"beholder/meeting/{self._agreements}", _WAITING_MS)

    def agree(self, value: Any) -> Any:
        """The JSON-ready `value` that process 0 gives, in every process; the others wait for it, and theirs is ignored.

        It goes through the coordination service, where waiting may last: a sum over processes that one of them enters
        late is given up.
        """
        number, self._agreements = self._agreements, self._agreements + 1
        key = f"beholder/agreement/{number}"
        if not self.leads:
            return json.loads(self._client.blocking_key_value_get(key, _WAITING_MS))
        text = json.dumps(value)
        self._client.key_value_set(key, text)
        if number >= _KEPT:
            self._client.key_value_delete(f"beholder/agreement/{number - _KEPT}")
        return json.loads(text)

    def share(self, batch: int) -> slice:
        """Which rows of a `batch` of so many images this process reads.

        They are an equal part of it. Of a batch that cannot be divided among all, several read the same part.
        """
        places = self._layout(1, batch).addressable_devices_indices_map((batch,)).values()
        bounds = [place[0].indices(batch)[:2] for place in places]
        return slice(min(start for start, _ in bounds), max(stop for _, stop in bounds))

    def spread(self, rows: NDArray[Any], batch: int) -> Any:
        """One array of the whole `batch` over all devices, of which each process gives the `rows` of its share."""
        import jax

        first = self.share(batch).start

        def part(index: tuple[slice, ...]) -> NDArray[Any]:
            start, stop, _ = index[0].indices(batch)
            return rows[start - first : stop - first]

        return jax.make_array_from_callback((batch, *rows.shape[1:]), self._layout(rows.ndim, batch), part)

    def repeated(self, values: Any) -> Any:
        """Arrays in lists and tuples as process 0 has them, whole on every device of every process."""
        import jax
        from jax.experimental import multihost_utils

        def lay(value: Any) -> Any:
            array = np.asarray(value)
            return jax.make_array_from_callback(array.shape, self.everywhere, lambda index: array[index])

        return jax.tree.map(lay, multihost_utils.broadcast_one_to_all(values))

    @property
    def everywhere(self) -> Any:
        """The layout of what lies whole on every device."""
        return self._layout(0, self.devices)

    def _layout(self, dimensions: int, batch: int) -> Any:
        """Of an array with so many `dimensions`, the first of which is the `batch`; its equal parts on devices."""
        if (dimensions, batch) not in self._layouts:
            from keras.distribution import DeviceMesh, TensorLayout, list_devices

            devices = list_devices()
            parts = math.gcd(batch, len(devices))
            mesh = DeviceMesh((parts, len(devices) // parts), ("part", "copy"), devices)
            axes = ("part", *[None] * (dimensions - 1)) if dimensions else ()
            self._layouts[dimensions, batch] = TensorLayout(axes, mesh).backend_layout
        return self._layouts[dimensions, batch]


_joined: list[Group] = []  # one at most: JAX is joined once a process


def current() -> Group | None:
    """The group that this process trains in; None where it trains alone."""
    return _joined[0] if _joined else None


def join(coordinator: str, count: int, index: int, *, local: bool) -> Group:
    """Become process `index` of `count`, before anything else uses JAX; waits for the others.

    Args:
        coordinator: host and port, `10.0.0.1:8476`, at which process 0 listens.
        count: how many processes there are.
        index: which one this is, from 0.
        local: all of them run on this machine: nothing listens beyond it, and each takes one accelerator.

    Raises:
        UsageError: JAX is not installed.
        ClusterError: the others are not there.
    """
    jax = framework.import_jax()
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if local:
        _sum_over_loopback()
    try:
        jax.distributed.initialize(
            coordinator,
            count,
            index,
            local_device_ids=[index] if local else None,
            cluster_detection_method="deactivate",
            coordinator_bind_address=coordinator if local else None,
            initialization_timeout=JOIN_SECONDS,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        )
        jax.devices()  # all processes tell each other theirs, and wait for the last one
    except jax.errors.JaxRuntimeError as error:
        raise ClusterError(
            f"Process {index} of {count} did not meet the others at {coordinator} within {JOIN_SECONDS} s; check that "
            "all were started, with the same --coordinator and --processes, and that its port is open."
        ) from error
    # JAX's own door to this service is not public; libraries for checkpoints use the same.
    from jax._src.distributed import global_state

    _joined.append(Group(count, index, global_state.client, local=local))
    return _joined[0]


def _sum_over_loopback() -> None:
    """Gloo would look up this machine's own name and listen at its address, and JAX has no public setting for that."""
    from jax._src.lib import xla_client

    make = xla_client._xla.make_gloo_tcp_collectives
    xla_client._xla.make_gloo_tcp_collectives = functools.partial(make, hostname="127.0.0.1")


def leave() -> None:
    """Part from the others, who do the same now; what follows is each process's own."""
    if _joined:
        import jax

        jax.distributed.shutdown()
        _joined.clear()


def is_loss(error: BaseException) -> bool:
    """Whether `error` may come of another process that was lost."""
    import jax

    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error)

"""A program relies on: requests share a run of the network, none waits without bound, each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from beholder.errors import BusyError, ImageError
from beholder.server.guard.request_limits import Limits
from beholder.server.prometheus import Metrics
from beholder.server.served import Served
from beholder.server.workers import Answered, Workers


@contextmanager
def one_thread(served: Served, limits: Limits | None = None) -> Iterator[tuple[Workers, Metrics]]:
    metrics = Metrics()
    workers = Workers(served.classifier, limits or Limits(), metrics, threads=1)
    yield workers, metrics
    workers.close()


async def hold(workers: Workers) -> tuple[asyncio.Task[bool], threading.Event]:
    """Keep the one thread from working until the event is set."""
    begun, release = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return release.wait()

    task = asyncio.create_task(workers.call(wait))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    return task, release


def test_answers_are_the_network_s(served: Served, images: list[bytes]) -> None:
    outcomes = asyncio.run(served.workers.answer([*images, b"junk"]))
    assert isinstance(outcomes[-1], ImageError)
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answered)]
    assert len(answers) == len(images)
    pixels = np.stack([answer.pixels for answer in answers])
    reference = served.classifier.artifact.graph(pixels)
    for name in ("probabilities", "features"):
        given = np.stack([getattr(answer, name) for answer in answers])
        np.testing.assert_allclose(given, getattr(reference, name), atol=1e-4)


def test_what_waits_goes_through_the_network_together(served: Served, images: list[bytes]) -> None:
    async def story() -> list[int]:
        holding, release = await hold(workers)
        asked = [asyncio.create_task(workers.answer(images[:count])) for count in (1, 2, 3)]
        while workers.waiting < 6:
            await asyncio.sleep(0.001)
        release.set()
        await holding
        return [len(answers) for answers in await asyncio.gather(*asked)]

    with one_thread(served) as (workers, metrics):
        assert asyncio.run(story()) == [1, 2, 3]
        assert metrics.registry.get_sample_value("beholder_batch_images_count") == 1
        assert metrics.registry.get_sample_value("beholder_batch_images_sum") == 6


def test_a_full_queue_refuses_and_answers_what_it_took(served: Served, images: list[bytes]) -> None:
    async def story() -> tuple[int, int]:
        holding, release = await hold(workers)
        accepted = asyncio.create_task(workers.answer(images[:3]))
        while workers.waiting < 3:
            await asyncio.sleep(0.001)
        with pytest.raises(BusyError) as refused:
            await workers.answer(images[:2])
        release.set()
        await holding
        return len(await accepted), refused.value.retry_after

    with one_thread(served, Limits(waiting=4)) as (workers, _):
        count, retry_after = asyncio.run(story())
    assert count == 3
    assert retry_after >= 1


def test_who_leaves_while_waiting_disturbs_nobody(served: Served, images: list[bytes]) -> None:
    async def story() -> int:
        holding, release = await hold(workers)
        leaving = asyncio.create_task(workers.answer(images[:1]))
        staying = asyncio.create_task(workers.answer(images[:2]))
        calling = asyncio.create_task(workers.call(int))
        await asyncio.sleep(0)
        leaving.cancel()
        calling.cancel()
        await asyncio.sleep(0)
        release.set()
        await holding
        return len(await staying)

    with one_thread(served) as (workers, _):
        assert asyncio.run(story()) == 2
        assert workers.alive


def test_a_call_gives_back_what_it_returns_or_raises(served: Served) -> None:
    def fails() -> None:
        raise ValueError("no")

    with one_thread(served) as (workers, _):
        assert asyncio.run(workers.call(divmod, 7, 2)) == (3, 1)
        with pytest.raises(ValueError, match="no"):
            asyncio.run(workers.call(fails))
        assert workers.alive


def test_a_fault_of_the_network_reaches_who_asked_and_ends_no_thread(
    served: Served, images: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with one_thread(served) as (workers, _):
        with monkeypatch.context() as patched:
            patched.setattr(type(served.classifier.artifact.graph), "__call__", lambda *_: 1 / 0)
            for many in (images[:2], images * 20):  # the second in more than one batch
                with pytest.raises(ZeroDivisionError):
                    asyncio.run(workers.answer(many))
        assert len(asyncio.run(workers.answer(images[:2]))) == 2


def test_closed_it_has_finished_what_waited(served: Served, images: list[bytes]) -> None:
    async def story() -> int:
        holding, release = await hold(workers)
        waiting = asyncio.create_task(workers.answer(images))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(workers.close))
        release.set()
        await closing
        await holding
        with pytest.raises(BusyError):
            await workers.answer(images)
        return len(await waiting)

    with one_thread(served) as (workers, _):
        assert asyncio.run(story()) == len(images)
        assert not workers.alive

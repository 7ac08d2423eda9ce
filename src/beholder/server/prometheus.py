"""Counts and times for Prometheus, a registry for each server."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format


class Metrics:
    """What `/metrics` tells.

    Attributes:
        requests: by route, method and status.
        seconds: from the first byte of a request's head to the last byte of its answer, by route.
        images: that were answered, or could not be read.
        batches: how many images one run of the network took.
        waiting: images that wait for an answer.
        refused: requests that were told to come back later.
    """

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        labels = ("route", "method", "status")
        self.requests = Counter("beholder_requests", "Requests that were answered.", labels, registry=own)
        about = "Seconds from a request to the end of its answer."
        self.seconds = Histogram("beholder_request_seconds", about, ("route",), registry=own)
        self.images = Counter(
            "beholder_images", "Images or sounds, by what became of them.", ("outcome",), registry=own
        )
        sizes, about = (1, 2, 4, 8, 16, 32, 64), "Images or sounds in one run of the network."
        self.batches = Histogram("beholder_batch_images", about, buckets=sizes, registry=own)
        self.waiting = Gauge("beholder_waiting_images", "Images or sounds that wait for an answer.", registry=own)
        about = "Requests that were told to come back later."
        self.refused = Counter("beholder_refused_requests", about, registry=own)
        ProcessCollector(registry=own)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


class Measured:
    """Middleware that counts requests and their seconds.

    Args:
        app: what is served below it.
        metrics: hears of each request.
        paths: the paths of the routes; whatever else is asked for counts as one, so that nobody can fill the memory.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        start = time.perf_counter()

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watching)
        finally:
            route = scope["path"] if scope["path"] in self.paths else "other"
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - start)

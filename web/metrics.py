"""Metrics: what this process counts and times, and what Redis knows, as Prometheus reads it."""

import time
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from typing import Final

import redis
from flask import Blueprint, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rq import Queue

from domain.store import tallies
from domain.store.database import Stage
from domain.store.settings import Settings
from web.services import services

# A second series for each, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

REQUEST_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
STORE_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 10)

REGISTRY: Final = CollectorRegistry()
"""Of this process alone: the library's own one may hold what other packages put there."""

_counter: Final = partial(Counter, namespace="dakhl", registry=REGISTRY)
_histogram: Final = partial(Histogram, namespace="dakhl", registry=REGISTRY)

REQUESTS: Final = _counter("requests", "Requests answered", ["route", "method", "status"])
REQUEST_SECONDS: Final = _histogram(
    "request_seconds", "From request to answer", ["route", "method"], buckets=REQUEST_BUCKETS
)
COMMANDS: Final = _counter("commands", "Commands asked for", ["command", "outcome"])
PROBLEMS: Final = _counter("problems", "Problems answered", ["code"])
SIGN_INS: Final = _counter("sign_ins", "Steps of signing in", ["step", "outcome"])
STORE_SECONDS: Final[dict[Stage, Histogram]] = {
    "queue": _histogram(
        "queue_seconds", "From asking for a ledger to its turn in a group", buckets=STORE_BUCKETS
    ),
    "lock": _histogram(
        "lock_seconds", "From asking for a ledger to having it locked", buckets=STORE_BUCKETS
    ),
    "bracket": _histogram(
        "bracket_seconds", "From asking for a ledger to its commit", buckets=STORE_BUCKETS
    ),
    "commit": _histogram("commit_seconds", "COMMIT alone", buckets=STORE_BUCKETS),
}

# There from the start, so that an alert on their growth sees the first one.
for _code in (
    "internal_error",
    "store_unavailable",
    "outcome_unknown",
    "overloaded",
    "auth_unavailable",
):
    PROBLEMS.labels(_code)

blueprint: Final = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything that is measured, for Prometheus."""
    given = services()
    text = generate_latest(_counted(given.settings))
    return Response(text + generate_latest(_from_redis(given.redis)), content_type=CONTENT_TYPE)


def observe_store(stage: Stage, seconds: float) -> None:
    """Note how long a stage of recording took."""
    STORE_SECONDS[stage].observe(seconds)


def _counted(settings: Settings) -> CollectorRegistry:
    """What this process has counted; of several, what all of them have, the ended ones too."""
    if settings.prometheus_multiproc_dir is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(settings.prometheus_multiproc_dir))  # type: ignore[no-untyped-call]
    return registry


def _from_redis(client: redis.Redis) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(RedisCollector(client))
    return registry


class RedisCollector(Collector):
    """What Redis knows at this moment; only that it is away, when it is."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def collect(self) -> Iterator[Metric]:
        """Ask Redis."""
        up = GaugeMetricFamily("dakhl_redis_up", "Whether Redis answered")
        try:
            known = list(self._known())
        except redis.RedisError:
            known = []
        up.add_metric([], 1 if known else 0)
        yield from (up, *known)

    def _known(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("dakhl_queue_depth", "Jobs waiting", labels=["queue"])
        for queue in Queue.all(connection=self._client):
            depth.add_metric([queue.name], queue.count)
        yield depth
        yield self._tallied("jobs", "Jobs that ended", ["job", "outcome"])
        yield self._tallied("tended_ledgers", "Ledgers looked after", ["work", "outcome"])
        yield self._since_look()
        yield self._tallied("texts", "Notices handed on by SMS", ["provider", "outcome"])
        yield self._tallied("webhooks", "Tries to deliver to webhooks", ["outcome"])
        yield self._timed("webhook_seconds", "From trying to deliver to the answer")
        yield self._tallied("sms", "Sign-in codes handed on", ["provider", "outcome"])

    def _since_look(self) -> Metric:
        since = GaugeMetricFamily("dakhl_follower_seconds", "Since the follower looked last")
        looked_at = tallies.last_look(self._client)
        if looked_at is not None:
            since.add_metric([], max(0.0, time.time() - looked_at))
        return since

    def _timed(self, tally: tallies.Tally, meaning: str) -> Metric:
        counts = {label: number for [label], number in tallies.counted(self._client, tally)}
        family = HistogramMetricFamily(f"dakhl_{tally}", meaning)
        if counts:
            limits = [*map(str, tallies.BUCKETS_SECONDS), "+Inf"]
            sums = accumulate(counts.get(limit, 0) for limit in limits)
            took_ms = counts.get(tallies.SUM_MS, 0)
            family.add_metric([], list(zip(limits, sums, strict=True)), took_ms / 1000)
        return family

    def _tallied(self, tally: tallies.Tally, meaning: str, labels: list[str]) -> Metric:
        family = CounterMetricFamily(f"dakhl_{tally}", meaning, labels=labels)
        for values, number in tallies.counted(self._client, tally):
            family.add_metric(values, number)
        return family

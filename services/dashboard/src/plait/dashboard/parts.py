"""What the parts say of themselves: their health, and the metrics that they serve. Asked anew for each view."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families

_PATIENCE_S: Final = 2.0
_SHIPPER: Final = "plait.shipper"
"""Tells its state as consumers do, but reads the spool: what it has done is told there."""


@dataclass(frozen=True)
class Check:
    """One thing that a part looks after."""

    name: str
    status: str
    """As the part says it: `ok`, `running`, `paused`, `degraded`, …"""
    message: str

    @property
    def is_good(self) -> bool:
        """Whether nothing need be done about it."""
        return self.status in ("ok", "running")


@dataclass(frozen=True)
class Sample:
    """One figure of a part's metrics."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Part:
    """A process, as it answered."""

    name: str
    address: str
    status: str
    """`ok`, `degraded`, `unavailable`, or `silent`: it did not answer."""
    message: str = ""
    version: str = ""
    checks: Sequence[Check] = ()
    samples: Sequence[Sample] = field(default=(), repr=False)


def states(parts: Iterable[Part]) -> list[Part]:
    """The parts with their states alone: words and metrics count what happens in all domains."""
    return [
        replace(
            part, address="", message="", version="", samples=(), checks=[replace(c, message="") for c in part.checks]
        )
        for part in parts
    ]


async def ask(fronts: Mapping[str, str], tellers: Mapping[str, str]) -> list[Part]:
    """All parts side by side: of `fronts` (name and base address) the health, of `tellers` the metrics too."""
    async with httpx2.AsyncClient(timeout=_PATIENCE_S, trust_env=False, verify=_trusted()) as client:
        asked = [_part(client, name, url, False) for name, url in fronts.items() if name not in tellers]
        return await asyncio.gather(*asked, *(_part(client, name, url, True) for name, url in tellers.items()))


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to believe behind https: reading the certificates takes longer than all the rest."""
    return ssl.create_default_context()


async def _part(client: httpx2.AsyncClient, name: str, address: str, tells: bool) -> Part:
    address = address.rstrip("/")
    try:
        health = await client.get(f"{address}/health")
        metrics = await client.get(f"{address}/metrics") if tells else None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Part(name, address, "silent", f"It does not answer ({type(error).__name__}).")
    return read(name, address, health, metrics)


def read(name: str, address: str, health: httpx2.Response, metrics: httpx2.Response | None) -> Part:
    """A part from its answers, which may be anything."""
    try:
        told: dict[str, Any] = health.json()
        checks = [Check(n, str(c["status"]), str(c.get("message", ""))) for n, c in told["checks"].items()]
        status, version = str(told["status"]), str(told.get("version", ""))
        samples = list(_samples(metrics.text)) if metrics is not None and metrics.is_success else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return Part(name, address, "unavailable", f"Its answer ({health.status_code}) is none of a part of Plait.")
    return Part(name, address, status, "", version, checks, samples)


def _samples(text: str) -> Iterable[Sample]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield Sample(sample.name, sample.labels, sample.value)


@dataclass(frozen=True)
class Consumer:
    """A consumer group of one process, from its metrics."""

    group: str
    state: str
    lag: Mapping[str, int]
    """Records that wait, by topic."""
    records: int
    dead_letters: int
    batch_ms: float | None
    """Mean time of a batch; None before the first."""

    @property
    def waiting(self) -> int:
        """Records that wait in all topics."""
        return sum(self.lag.values())

    @property
    def is_good(self) -> bool:
        """Whether it works, and has put nothing aside."""
        return self.state == "running" and not self.dead_letters


def consumers(parts: Iterable[Part]) -> list[Consumer]:
    """All consumers that metrics tell of, by name."""
    by_group: defaultdict[str, list[Sample]] = defaultdict(list)
    for part in parts:
        for sample in part.samples:
            if sample.name.startswith("plait_consumer_") and sample.labels.get("group", _SHIPPER) != _SHIPPER:
                by_group[sample.labels["group"]].append(sample)
    return [_consumer(group, samples) for group, samples in sorted(by_group.items())]


def _consumer(group: str, samples: Sequence[Sample]) -> Consumer:
    lag: defaultdict[str, int] = defaultdict(int)
    for sample in samples:
        if sample.name == "plait_consumer_lag_records":
            lag[sample.labels.get("topic", "")] += int(sample.value)
    states = [s.labels.get("state", "") for s in samples if s.name == "plait_consumer_state" and s.value]
    batches = total(samples, "plait_consumer_batch_seconds_count")
    seconds = total(samples, "plait_consumer_batch_seconds_sum")
    return Consumer(
        group,
        next(iter(states), "unknown"),
        dict(sorted(lag.items())),
        int(total(samples, "plait_consumer_records_total")),
        int(total(samples, "plait_consumer_dead_letters_total")),
        1000 * seconds / batches if batches else None,
    )


@dataclass(frozen=True)
class Spool:
    """A spool as its shipper sees it."""

    name: str
    bytes: int
    behind_bytes: int
    behind_s: float
    """For how long it has not been shipped to its end."""
    running: int
    """Exchanges in it that have not ended."""


def spools(parts: Iterable[Part]) -> list[Spool]:
    """All spools that metrics tell of, by name."""
    by_name: defaultdict[str, list[Sample]] = defaultdict(list)
    for part in parts:
        for sample in part.samples:
            if "spool" in sample.labels:
                by_name[sample.labels["spool"]].append(sample)
    return [
        Spool(
            name,
            int(total(samples, "plait_spool_bytes")),
            int(total(samples, "plait_spool_behind_bytes")),
            total(samples, "plait_spool_behind_seconds"),
            int(total(samples, "plait_spool_running_exchanges")),
        )
        for name, samples in sorted(by_name.items())
    ]


def total(samples: Iterable[Sample], name: str) -> float:
    """The sum of all samples of that name."""
    return sum(sample.value for sample in samples if sample.name == name)

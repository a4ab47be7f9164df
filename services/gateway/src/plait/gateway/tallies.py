"""Counters and histograms for the hot path: plain numbers that become metrics when somebody asks.

prometheus_client's own take a lock and a look-up for each step, 0.4 to 1.5 µs; these take a tenth. They are for one
thread, the loop's: a scrape in between reads numbers that are each right, if not of one instant.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """A counter by labels. `name` as it is asked for, with `_total`."""

    def __init__(
        self, name: str, meaning: str, labels: Sequence[str] = (), registry: CollectorRegistry = REGISTRY
    ) -> None:
        self.counts: dict[tuple[object, ...], float] = {} if labels else {(): 0}
        """By the labels' values; None is told as `none`."""
        self._about = (name, meaning)
        self._labels = labels
        registry.register(self)

    def add(self, *labels: object, amount: float = 1) -> None:
        """Count under these labels' values."""
        counts = self.counts
        counts[labels] = counts.get(labels, 0) + amount

    def collect(self) -> Iterable[CounterMetricFamily]:
        """What a scrape gets."""
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for labels, count in list(self.counts.items()):
            family.add_metric(["none" if label is None else str(label) for label in labels], count)
        yield family


class Buckets:
    """One series of a histogram. Bounds in seconds, rising."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one event that took so long."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulated counts by upper bound, and the sum, as the exposition format wants them."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True)), self._sum


class Histogram(Collector):
    """A histogram with at most one label, whose values are all known beforehand."""

    def __init__(
        self,
        name: str,
        meaning: str,
        bounds: Sequence[float],
        *,
        label: str | None = None,
        values: Sequence[str] = ("",),
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._about = (name, meaning)
        self._labels = [label] if label else []
        self._series = {value: Buckets(bounds) for value in values}
        registry.register(self)

    def series(self, value: str = "") -> Buckets:
        """The series with this value of the label; to be kept by who observes, not asked for each time."""
        return self._series[value]

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What a scrape gets."""
        family = HistogramMetricFamily(*self._about, labels=self._labels)
        for value, series in self._series.items():
            buckets, total = series.told()
            family.add_metric([value] if self._labels else [], buckets, total)
        yield family

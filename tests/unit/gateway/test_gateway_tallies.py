"""Tallies as a scrape sees them: the same as prometheus_client's own would be."""

from __future__ import annotations

import prometheus_client
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from plait.gateway.tallies import Histogram, Tally

BOUNDS = (0.001, 0.1, 1, 10)


def told(registry: CollectorRegistry) -> list[str]:
    text = generate_latest(registry).decode()
    return sorted(line for line in text.splitlines() if "_created" not in line)


@given(st.lists(st.sampled_from([("200", "whole"), ("529", "whole"), ("200", "cut")])))
def test_a_tally_is_a_counter(seen: list[tuple[str, str]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally("x_total", "Meaning.", ["status", "ending"], ours)
    counter = prometheus_client.Counter("x_total", "Meaning.", ["status", "ending"], registry=theirs)
    for labels in seen:
        tally.add(*labels)
        counter.labels(*labels).inc()
    assert told(ours) == told(theirs)


@given(st.lists(st.floats(0, 20)))
def test_buckets_are_a_histogram(seconds: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Histogram("x", "Meaning.", BOUNDS, registry=ours).series()
    histogram = prometheus_client.Histogram("x", "Meaning.", buckets=BOUNDS, registry=theirs)
    for each in seconds:
        mine.observe(each)
        histogram.observe(each)
    assert told(ours) == told(theirs)


def test_series_are_apart_and_none_has_a_name() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("h", "Meaning.", BOUNDS, label="side", values=("up", "down"), registry=registry)
    histogram.series("up").observe(0.5)
    tally = Tally("t_total", "Meaning.", ["status"], registry)
    tally.add(None, amount=3)
    lines = told(registry)
    assert 'h_count{side="up"} 1.0' in lines
    assert 'h_count{side="down"} 0.0' in lines
    assert 't_total{status="none"} 3.0' in lines

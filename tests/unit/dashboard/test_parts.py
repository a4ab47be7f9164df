"""What parts say of themselves, read from their answers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from plait.common.metrics import CONSUMER_DEAD_LETTERS, CONSUMER_LAG, CONSUMER_STATE
from plait.dashboard import parts
from plait.dashboard.islands.render import render
from plait.dashboard.islands.words import bytes_of

METRICS = """\
# TYPE plait_consumer_lag_records gauge
plait_consumer_lag_records{group="plait.linker",partition="0",topic="plait.requests"} 3.0
plait_consumer_lag_records{group="plait.linker",partition="1",topic="plait.requests"} 4.0
plait_consumer_lag_records{group="plait.linker",partition="0",topic="plait.chunks"} 5.0
# TYPE plait_consumer_records counter
plait_consumer_records_total{group="plait.linker",topic="plait.requests"} 128.0
# TYPE plait_consumer_dead_letters counter
plait_consumer_dead_letters_total{group="plait.linker"} 2.0
# TYPE plait_consumer_batch_seconds histogram
plait_consumer_batch_seconds_bucket{group="plait.linker",le="+Inf"} 4.0
plait_consumer_batch_seconds_count{group="plait.linker"} 4.0
plait_consumer_batch_seconds_sum{group="plait.linker"} 0.5
# TYPE plait_consumer_state gauge
plait_consumer_state{group="plait.linker",state="running"} 0.0
plait_consumer_state{group="plait.linker",state="paused"} 1.0
# TYPE plait_spool_bytes gauge
plait_spool_bytes{spool="gateway"} 4096.0
# TYPE plait_spool_behind_bytes gauge
plait_spool_behind_bytes{spool="gateway"} 100.0
# TYPE plait_spool_behind_seconds gauge
plait_spool_behind_seconds{spool="gateway"} 61.5
"""


def answer(status: int = 200, json: Any = None, text: str = "") -> httpx2.Response:
    return httpx2.Response(status, json=json) if json is not None else httpx2.Response(status, text=text)


def worker() -> parts.Part:
    checks = {"plait.linker": {"status": "paused", "message": "Postgres does not answer."}}
    health = answer(503, {"status": "unavailable", "checks": checks})
    return parts.read("workers", "http://w", health, answer(text=METRICS))


def test_consumers_are_told_by_their_metrics() -> None:
    [linker] = parts.consumers([worker()])
    assert (linker.group, linker.state, linker.is_good) == ("plait.linker", "paused", False)
    assert linker.lag == {"plait.chunks": 5, "plait.requests": 7}
    assert (linker.waiting, linker.records, linker.dead_letters, linker.batch_ms) == (12, 128, 2, 125.0)


def test_spools_are_told_by_their_metrics() -> None:
    assert parts.spools([worker()]) == [parts.Spool("gateway", 4096, 100, 61.5, 0)]


def test_the_names_are_those_that_consumers_serve() -> None:
    served = {sample.name for metric in (CONSUMER_LAG, CONSUMER_STATE, CONSUMER_DEAD_LETTERS) for sample in _of(metric)}
    assert {"plait_consumer_lag_records", "plait_consumer_state", "plait_consumer_dead_letters_total"} <= served


def _of(metric: Any) -> list[Any]:
    labels = dict.fromkeys(metric._labelnames, "test-of-names")
    metric.labels(**labels)
    try:
        return [sample for family in metric.collect() for sample in family.samples]
    finally:
        metric.remove(*labels.values())


@pytest.mark.parametrize(
    "health",
    [
        answer(200, text="<html>"),
        answer(200, []),
        answer(200, {"status": "ok"}),
        answer(200, {"status": "ok", "checks": {"a": 1}}),
        answer(404, text=""),
    ],
)
def test_whatever_answers_in_a_parts_place_is_said_to_be_none(health: httpx2.Response) -> None:
    part = parts.read("api", "http://a", health, None)
    assert part.status == "unavailable"
    assert "none of a part of Plait" in part.message


def test_a_part_without_metrics_has_its_health() -> None:
    part = parts.read("gateway", "http://g", answer(200, {"status": "ok", "checks": {}}), answer(404, text="{}"))
    assert (part.status, part.samples) == ("ok", [])


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://", "http://[", "no address"])
def test_a_part_that_does_not_answer_is_silent(address: str) -> None:
    [part] = asyncio.run(parts.ask({"gateway": address}, {}))
    assert (part.name, part.status) == ("gateway", "silent")


def test_a_part_whose_metrics_are_known_is_asked_once() -> None:
    asked = asyncio.run(parts.ask({"api": "http://127.0.0.1:1"}, {"api": "http://127.0.0.1:1/"}))
    assert [part.address for part in asked] == ["http://127.0.0.1:1"]


def drawn(**changes: Any) -> str:
    values = {
        "parts": [worker()],
        "ill": 2,
        "tells": True,
        "whole": True,
        "consumers": parts.consumers([worker()]),
        "spools": parts.spools([worker()]),
        "broker_up": False,
        "size": bytes_of,
        "counted": {"dead": 2, "dropped": 0, "damaged": 0, "set_aside": 0, "shipped": 379},
        "failed": [],
        "latest": None,
        "days": 7,
    }
    return render("system.html", **{**values, **changes})


def test_the_page_says_what_waits_and_why() -> None:
    html = drawn()
    assert "2 things need a look" in html
    assert "Postgres does not answer." in html
    assert 'title="plait.chunks: 5; plait.requests: 7">12<' in html
    assert "1m 2s" in html
    assert '<span class="state bad">away</span>' in html
    assert "plait dead-letters" in html


def test_a_dashboard_that_knows_no_metrics_says_how_to_tell_it() -> None:
    html = drawn(tells=False, parts=[], ill=0)
    assert "METRICS_URLS" in html
    assert "Every part that was asked works" in html


def test_the_shipper_is_told_with_its_spool_not_as_a_consumer() -> None:
    text = 'plait_consumer_state{group="plait.shipper",state="running"} 1.0\n'
    assert (
        parts.consumers([parts.read("s", "http://s", answer(200, {"status": "ok", "checks": {}}), answer(text=text))])
        == []
    )
    assert ">379<" in drawn()


def test_to_a_key_of_some_domains_nothing_of_the_house_is_counted() -> None:
    [told] = parts.states([worker()])
    assert (told.name, told.status, told.samples) == ("workers", "unavailable", ())
    html = drawn(parts=[told], consumers=[], spools=[], whole=False)
    assert '<span class="state warn">paused</span>' in html
    assert "Your key opens some domains." in html
    for hidden in ("Postgres does not answer.", "http://w", "asked at", "Dead letters", "Spool", "379", "METRICS_URLS"):
        assert hidden not in html


def test_words_of_parts_are_text() -> None:
    evil = parts.Part("<b>", "http://a", "<i>", "<script>", "", [parts.Check("<u>", "bad", "<img src=x>")])
    html = drawn(parts=[evil])
    assert not any(mark in html for mark in ("<script>", "<img", "<b>", "<i>", "<u>"))

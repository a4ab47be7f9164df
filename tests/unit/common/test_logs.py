"""Log lines: their fields, and what must never get into them."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from plait.common import logs
from plait.common.errors import BadRecord, UserError

SECRET = "the weather in the user's prompt"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("info", service="gateway", stream=stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_event_service_and_what_was_given(stream: io.StringIO) -> None:
    structlog.get_logger().info("exchange ended", exchange_id="e1", size=3)
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "event": "exchange ended", "service": "gateway", "exchange_id": "e1", "size": 3,
    }  # fmt: skip


def test_a_part_of_a_shared_process_logs_under_its_own_name(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(service="ledger"):
        structlog.get_logger().info("started")
        logging.getLogger("aiokafka.consumer").warning("heartbeat failed")
    assert [line["service"] for line in lines(stream)] == ["ledger", "ledger"]


def test_the_standard_library_is_cut_to_its_first_line(stream: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task %s>", SECRET)
    (line,) = lines(stream)
    assert line["event"] == "Task exception was never retrieved"


def test_a_foreign_exception_tells_its_type_and_place_but_not_its_message(stream: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        structlog.get_logger().exception("part failed")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert SECRET not in stream.getvalue()
    for line in lines(stream):
        assert line["error"] == "ValueError"
        assert "test_logs.py" in line["where"][-1]


@pytest.mark.parametrize("error", [BadRecord("no domain"), OSError(111, "Connection refused")])
def test_our_own_and_the_systems_messages_are_told(stream: io.StringIO, error: Exception) -> None:
    structlog.get_logger().error("failed", exc_info=error)
    assert str(error) in lines(stream)[0]["error"]


def test_less_than_the_level_is_not_logged(stream: io.StringIO) -> None:
    structlog.get_logger().debug("small")
    logging.getLogger("aiokafka").info("joined")
    logging.getLogger("aiokafka").debug("step")
    assert stream.getvalue() == ""


def test_warnings_are_logged(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert lines(stream)[0]["level"] == "warning"


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UserError, match="LOG_LEVEL=loud is not a level: use debug"):
        logs.configure("loud")


def test_a_foreign_library_repeats_itself_once_in_a_while() -> None:
    now = 0.0
    repeats = logs.Repeats(pause=30, clock=lambda: now)

    def passes(text: str, *arguments: object) -> bool:
        return repeats.filter(logging.LogRecord("aiokafka", logging.WARNING, "f", 1, text, arguments, None))

    assert [passes("cannot connect to %s", 1), passes("cannot connect to %s", 2), passes("other")] == [
        True,
        False,
        True,
    ]
    now = 31.0
    assert passes("cannot connect to %s", 1)


def test_texts_that_are_never_the_same_do_not_pile_up() -> None:
    repeats = logs.Repeats(clock=lambda: 0.0)

    def passes(n: int) -> bool:
        return repeats.filter(logging.LogRecord("a", logging.WARNING, "f", 1, f"cannot connect to {n}", (), None))

    assert all(passes(n) for n in range(50_000))
    assert not passes(49_999), "the latest are remembered"
    assert passes(0), "the oldest are forgotten"

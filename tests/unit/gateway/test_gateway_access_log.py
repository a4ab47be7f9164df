"""The access log: the shape of its lines, many at once, and a stderr that nobody reads."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from plait.common import logs
from plait.gateway import access_log
from plait.gateway.access_log import AccessLog, Line, RefusalLine

EXCHANGE = UUID("0190a7c2-1111-7222-8333-444455556666")
LINE = Line(
    ended_at=1_790_000_000.25,
    exchange=EXCHANGE.bytes,
    domain="claude.example.com",
    key_name="ci",
    method="POST",
    path='/v1/mess"ages',
    status=200,
    ending="whole",
    bytes_in=12,
    bytes_out=3456,
    first_byte_ms=1.5,
    duration_ms=20.125,
)


REFUSAL = RefusalLine(1_790_000_000.25, EXCHANGE.bytes, 401, "wrong_key", "a.example", "POST", "/v1/messages")


class Stderr(io.StringIO):
    """Counts writes, and takes none while its gate is closed."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.writes = 0
        self.gate = threading.Event()
        self.gate.set()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        self.gate.wait(60)
        self.writes += 1
        return super().write(text)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def logging_to(stderr: Stderr, level: str = "info") -> Stderr:
    logs.configure(level, service="gateway", stream=stderr)
    return stderr


async def test_a_line_has_the_shape_of_all_others_and_no_content() -> None:
    stderr = logging_to(Stderr())
    log = AccessLog()
    log.note(LINE)
    await log.close()
    assert stderr.lines() == [
        {
            "time": "2026-09-21T14:13:20.250000Z", "level": "info", "event": "exchange", "service": "gateway",
            "exchange_id": str(EXCHANGE), "domain": "claude.example.com", "key": "ci", "method": "POST",
            "path": '/v1/mess"ages', "status": 200, "ending": "whole", "bytes_in": 12, "bytes_out": 3456,
            "first_byte_ms": 1.5, "duration_ms": 20.125,
        }
    ]  # fmt: skip


async def test_many_lines_are_few_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = logging_to(Stderr())
    monkeypatch.setattr(access_log, "_PAUSE_SECONDS", 0.01)
    log = AccessLog()
    for _ in range(5000):
        log.note(LINE)
    async with asyncio.timeout(60):
        while len(stderr.getvalue().splitlines()) < 5000:
            await asyncio.sleep(0.01)
    assert stderr.writes == 1
    await log.close()
    assert stderr.writes == 1


async def test_a_stderr_that_is_not_read_holds_nothing_up_and_the_loss_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = logging_to(Stderr())
    monkeypatch.setattr(access_log, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(access_log, "_MOST_WAITING", 10)
    log = AccessLog()
    stderr.gate.clear()
    log.note(LINE)
    async with asyncio.timeout(60):
        while log._writing is None:
            await asyncio.sleep(0.01)
    for _ in range(15):
        log.note(LINE)
    stderr.gate.set()
    async with asyncio.timeout(60):
        while "were lost" not in stderr.getvalue():
            await asyncio.sleep(0.01)
    await log.close()
    told = stderr.lines()
    assert len([line for line in told if line["event"] == "exchange"]) == 11
    assert [line["lines"] for line in told if line["level"] == "warning"] == [5]


async def test_a_flood_of_refusals_is_counted_and_pushes_no_exchange_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = logging_to(Stderr())
    monkeypatch.setattr(access_log, "_PAUSE_SECONDS", 0.01)
    log = AccessLog()
    for _ in range(1000):
        log.refused(REFUSAL)
    log.note(LINE)
    async with asyncio.timeout(60):
        while "one by one" not in stderr.getvalue() or '"exchange"' not in stderr.getvalue():
            await asyncio.sleep(0.01)
    log.refused(REFUSAL)
    await log.close()
    told = stderr.lines()
    assert [line["event"] for line in told if line["level"] == "info"] == ["refusal"] * 20 + ["exchange", "refusal"]
    assert [line["refusals"] for line in told if line["level"] == "warning"] == [980]


@pytest.mark.parametrize(("on", "level"), [(False, "info"), (True, "warning")])
async def test_nothing_is_written_where_it_is_off_or_below_the_level(on: bool, level: str) -> None:
    stderr = logging_to(Stderr(), level)
    log = AccessLog(on=on)
    log.note(LINE)
    log.refused(REFUSAL)
    await log.close()
    assert stderr.getvalue() == ""


async def test_on_a_terminal_it_is_made_for_reading() -> None:
    stderr = logging_to(Stderr(terminal=True))
    log = AccessLog()
    log.note(LINE)
    await log.close()
    assert "exchange_id" in stderr.getvalue()
    assert not stderr.getvalue().startswith("{")

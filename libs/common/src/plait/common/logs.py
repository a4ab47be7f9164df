"""Logs: one JSON object a line on stderr (`time`, `level`, `event`, `service`, …), made for reading on a terminal.

Content and secrets never get into a log. What we log ourselves is chosen by name; what others log through the standard
library is cut to its first line, and of an exception that is not ours only the type and the places in the code are
told: its message may quote what it choked on.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from plait.common.errors import PlaitError, UserError

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_QUIETER: Final = {
    "aiokafka": logging.WARNING,  # tells every step of joining a group
    "asyncio": logging.WARNING,
    "httpx2": logging.WARNING,  # tells every request
    "uvicorn.access": logging.ERROR,  # the services log their own requests, without queries
}
_LONGEST: Final = 300
_DEEPEST: Final = 12
_MOST_SAID: Final = 1000
"""Texts that are remembered; a library that puts its arguments in itself says something new each time."""


def configure(level: str = "info", service: str | None = None, stream: TextIO | None = None) -> None:
    """Log from `level` on to `stream` (stderr), under the name `service` where no part of its own name is running.

    Raises:
        UserError: there is no such level.
    """
    if level.lower() not in LEVELS:
        raise UserError(f"LOG_LEVEL={level} is not a level: use {', '.join(LEVELS)}.")
    out = stream or sys.stderr
    shared = _shared(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level.lower()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_first_line, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(pretty=out.isatty())],
        )
    )
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level.lower()])
    for name, least in _QUIETER.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(capture=True)


def write_rendered(lines: str) -> None:
    """Write lines that are JSON already, in one piece among those of others: for logs too many for structlog's cost.

    Blocks as long as stderr does.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            text = _pretty(lines) if handler.stream.isatty() else lines
            handler.acquire()
            try:
                with contextlib.suppress(OSError):  # stderr is gone, and there is nobody else to tell
                    handler.stream.write(text)
                    handler.flush()
            finally:
                handler.release()


def _pretty(lines: str) -> str:
    render = _renderer(pretty=True)
    told = (msgspec.json.decode(line) for line in lines.splitlines())
    return "".join(f"{render(None, event['level'], event)!s}\n" for event in told)


class Repeats(logging.Filter):
    """Lets a foreign library say the same thing once in `pause` seconds: a broker outage is one line, not thousands."""

    def __init__(self, pause: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._pause = pause
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a record whose text, before its arguments are put in, was let through lately."""
        if not isinstance(record.msg, str):  # our own: structlog hands over a mapping
            return True
        key, now = (record.name, record.msg), self._clock()
        if now - self._said.get(key, -self._pause) < self._pause:
            return False
        self._said.pop(key, None)
        self._said[key] = now  # behind the others: the dictionary is in the order of time
        if len(self._said) > _MOST_SAID:
            del self._said[next(iter(self._said))]
        return True


def _shared(service: str | None) -> list[Processor]:
    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _describe_exception,
    ]


def _renderer(*, pretty: bool) -> Processor:
    if pretty:
        return structlog.dev.ConsoleRenderer(timestamp_key="time")
    return _as_json


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    first = {name: event.pop(name, None) for name in ("time", "level", "event", "service")}
    return msgspec.json.encode({**first, **event}, enc_hook=str).decode()


def _first_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """asyncio and others put reprs of results and exceptions into the lines below the first."""
    event["event"] = str(event["event"]).split("\n", 1)[0][:_LONGEST]
    return event


def _describe_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = describe(error)
        event["where"] = _places(error)
    return event


def describe(error: BaseException) -> str:
    """An exception's type, with its message if it is one of ours or the operating system's."""
    known = isinstance(error, PlaitError | OSError)
    return f"{type(error).__name__}: {error}"[:_LONGEST] if known else type(error).__name__


def _places(error: BaseException) -> list[str]:
    frames: list[Any] = list(traceback.extract_tb(error.__traceback__))[-_DEEPEST:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]

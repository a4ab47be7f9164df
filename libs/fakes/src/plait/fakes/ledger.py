"""What the scripted Claude notes of each call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plait.fakes.answers import Answer
from plait.fakes.http1 import Header, header


@dataclass
class Call:
    """One call as it came, and what became of its answer. Times are `time.monotonic()` seconds."""

    method: str
    target: str
    headers: list[Header]
    body: bytes
    arrived: float
    answer: Answer = field(default_factory=Answer)
    writes: list[tuple[float, int]] = field(default_factory=list)
    """When a piece of the answer's body was written, and its size."""
    ended: float | None = None
    client_gone: float | None = None
    """When the client closed the connection, if it did so before the answer's end."""
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when the answer has ended, however it ended."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.split("?")[0]

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """First value of a header, whatever its spelling."""
        return header(self.headers, name)


Rule = Callable[[Call], Answer | None]
"""An answer for the calls it is meant for, None for all others."""

"""Pages run in the tests' own process: who looks at them, and what they read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plait.common.access.grants import Grant
from plait.dashboard import database, visitor
from plait.dashboard.visitor import Visitor

ADMINISTRATOR = Visitor(Grant("tests", "admin"))


@contextmanager
def reading_from(address: str, who: Visitor = ADMINISTRATOR) -> Iterator[None]:
    """Pages read that database, for `who`."""
    reading = database.Database(address)
    database.attach(reading)
    visitor.attach(lambda _: who)
    try:
        yield
    finally:
        visitor.attach(None)
        database.attach(None)
        reading.close()

"""Pages run in the tests' own process: who looks at them, and what they read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

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
        st.cache_data.clear()  # what pages keep for some seconds is of this database
        visitor.attach(None)
        database.attach(None)
        reading.close()

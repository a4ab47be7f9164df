"""Streamlit's logs go the way of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from streamlit import logger as streamlit_logger

from plait.dashboard.logs import take_over_logs


@pytest.fixture(autouse=True)
def own_formatter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give Streamlit its own ways back afterwards."""
    monkeypatch.setattr(streamlit_logger, "setup_formatter", streamlit_logger.setup_formatter)
    monkeypatch.setattr(streamlit_logger, "_loggers", {})
    yield
    for name in ("plait.test.before", "plait.test.after"):
        logging.getLogger(name).handlers.clear()


def test_loggers_that_exist_and_those_to_come_print_nothing_themselves(caplog: pytest.LogCaptureFixture) -> None:
    before = streamlit_logger.get_logger("plait.test.before")
    assert before.handlers
    take_over_logs()
    after = streamlit_logger.get_logger("plait.test.after")
    for logger in (before, after):
        assert not logger.handlers
        logger.error("told")
    assert [record.name for record in caplog.records] == ["plait.test.before", "plait.test.after"]

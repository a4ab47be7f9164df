"""Streamlit's logs go the way of ours: one line each, and never the text of what a page choked on."""

from __future__ import annotations

import logging

from streamlit import logger as streamlit_logger


def take_over_logs() -> None:
    """Make Streamlit's loggers, those that exist and those to come, hand on what they have to the root logger.

    It gives each a handler of its own, which would print whole tracebacks; there is no setting against it.
    """
    streamlit_logger.setup_formatter = _hand_on
    streamlit_logger.update_formatter()


def _hand_on(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.propagate = True

"""The whole of a text that a page shows the beginning of, found by its place in the exchange.

A place is what a page says in `data-whole`: `request` or `answer`, then keys and numbers, with dots between them.
"""

from __future__ import annotations

from typing import Any

from plait.common.queries.records import Exchange
from plait.common.texts import said
from plait.dashboard.islands.blocks import text_of
from plait.dashboard.islands.tools import as_json
from plait.dashboard.islands.unseen import written


def find(exchange: Exchange, at: str) -> str | None:
    """The text at a place, as it was written; None: there is none.

    Of a message it is all that is in it, of a block what it says, of any other value its JSON.
    """
    side, *keys = at.split(".")
    value = {"request": exchange.request_body, "answer": exchange.response_body}.get(side)
    found = _down(value, keys)
    return None if found is None else written(_told(found))


def _down(value: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif not (isinstance(value, str) and key == "0"):  # a text in place of blocks is the only one
            return None
    return value


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "content" in value and "role" in value:
        return "\n\n".join(part.text for part in said(value))
    return text_of(value) if isinstance(value, dict) and "type" in value else as_json(value)

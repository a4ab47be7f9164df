"""Which thread an exchange belongs to: read off the request alone, cheap, and the same for every turn of a session."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

SESSION_HEADER = "x-claude-code-session-id"
LONGEST_THREAD = 200
"""Of a longer session id no more is looked at."""
_LEGACY_USER = re.compile(r"_session_([0-9a-fA-F-]{36})$")


def session_id(headers: Iterable[tuple[str, str]], body: Any) -> str | None:
    """The client's own session id: its header, else `metadata.user_id` as JSON, else the older `…_session_<uuid>`.

    Returns None for clients that send none. A claim of the client: a label, never an authorisation (wire.md).
    """
    for name, value in headers:
        if name.lower() == SESSION_HEADER and value:
            return value
    user = _user_id(body)
    if user.startswith("{"):
        try:
            claimed = msgspec.json.decode(user)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        found = claimed.get("session_id") if isinstance(claimed, dict) else None
        return found if isinstance(found, str) and found else None
    legacy = _LEGACY_USER.search(user)
    return legacy[1] if legacy else None


def _user_id(body: Any) -> str:
    metadata = body.get("metadata") if isinstance(body, dict) else None
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    return user if isinstance(user, str) else ""


def thread_of(headers: Iterable[tuple[str, str]], body: Any, exchange_id: object) -> str:
    """Session id, else a hash of the first user message's texts, else the exchange id."""
    session = session_id(headers, body)
    if session:
        return session[:LONGEST_THREAD]
    texts = _first_user_texts(body)
    if not texts:
        return str(exchange_id)
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _first_user_texts(body: Any) -> list[str]:
    messages = body.get("messages") if isinstance(body, dict) else None
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return [content]
            blocks = content if isinstance(content, list) else []
            return [b["text"] for b in blocks if isinstance(b, dict) and isinstance(b.get("text"), str)]
    return []

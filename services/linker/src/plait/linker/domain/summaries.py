"""Summaries of compactions: in the answer that gives one, and in the message that goes on from one.

Clients wrap and reflow summaries, so both are compared by letters and digits alone, lower-case.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from plait.linker.domain.canonical import Message

CONTINUED: Final = "This session is being continued from a previous conversation that ran out of context"
_BEGINS: Final = CONTINUED[:31]
"""Sought first: without the rare letters of the rest it is passed over in larger steps."""
_SUMMARY: Final = re.compile(r"<summary>(.*?)(?:</summary>|\Z)", re.DOTALL)
_TRANSCRIPT: Final = re.compile(r"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\.jsonl")
_MOST_SESSIONS: Final = 8
"""Transcripts that a message may name; a summary may tell of others."""
_REST: Final = re.compile(r"[\W_]+")


class Standing(Struct, frozen=True):
    """The last message of a request that says it continues a summarised conversation."""

    text: str
    sessions: tuple[str, ...]
    """The sessions whose transcripts it names, the last named first: clients name theirs after the summary."""
    turns_after: int
    """Assistant messages after it."""


def standing_on(messages: list[Message]) -> Standing | None:
    """The summary a request may stand on."""
    turns = 0
    for message in reversed(messages):
        turns += message.role == "assistant"
        if message.role == "user" and any(_BEGINS in text and CONTINUED in text for text in message.texts):
            text = "\n".join(message.texts)
            named = dict.fromkeys(reversed(_TRANSCRIPT.findall(text)))
            return Standing(text, tuple(named)[:_MOST_SESSIONS], turns)
    return None


def summary_in(text: str) -> str:
    """The letters of the summary that an answer gives: what stands inside `<summary>`, else all of it."""
    inside = _SUMMARY.search(text)
    return letters(inside[1] if inside else text)


@lru_cache(maxsize=64)
def letters(text: str) -> str:
    """Only letters and digits, lower-case. Remembered: every turn after a compaction sends the same text."""
    return _REST.sub("", text.lower())

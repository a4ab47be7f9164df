"""The cache doctor's finding on one exchange as a sentence (docs/cache.md)."""

from __future__ import annotations

from typing import Final

from plait.common.queries.cache import CacheFinding

_CAUSES: Final = {
    "first_use": "Nothing was in the cache yet that begins alike.",
    "lifetime_over": "The cache had not been used for longer than it lives.",
    "compaction": "The conversation was compacted: it goes on with another history.",
    "model": "The turn before was answered by another model.",
    "tools": "The list of tools is another than in the turn before, or in another order.",
    "system": "The system prompt is another than in the turn before.",
    "message": "A message that had been sent before is another.",
    "settings": "Tool choice, thinking or speed is set otherwise than in the turn before.",
    "breakpoint_moved": "The mark up to which the prompt is kept stands further ahead than before.",
    "unexplained": "The prompt begins as before and yet was not read: dropped, or not looked for so far back.",
}


def tell_cause(found: CacheFinding) -> str:
    """Why less was read than could have been, or that all was."""
    if found.cause is None:
        return "All that was in the cache was read."
    return _CAUSES.get(found.cause, found.cause)

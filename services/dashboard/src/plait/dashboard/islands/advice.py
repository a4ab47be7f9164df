"""What broke the prompt cache, in lists of sums: what to call it, and what one can do about it (docs/cache.md)."""

from __future__ import annotations

from typing import Final

_SUMMED: Final = {
    "lifetime_over": ("Too long a pause", "Ask for an hour where people think longer than five minutes."),
    "compaction": ("Compaction", "Expected: it makes later turns cheaper."),
    "model": ("Another model", "Change models between tasks, not within one."),
    "tools": ("Other tools", "Connect servers of tools before the session, and keep their order."),
    "system": ("Another system prompt", "Keep times and counters out of it."),
    "message": ("A changed message", "Append to the history, and rewrite nothing in it."),
    "settings": ("Other settings", "Set tool choice, thinking and speed once for a session."),
    "breakpoint_moved": ("Breakpoint moved", "Mark the last message of every request."),
    "unexplained": ("Unexplained", "Claude drops caches at times."),
}


def sum_up_cause(cause: str | None) -> tuple[str, str]:
    """What to call a cause in a list of sums, and what one can do about it."""
    return _SUMMED.get(cause or "", (cause or "unknown", ""))

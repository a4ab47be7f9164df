"""From the provider's usage object to what an exchange used: pure, and total (any JSON object gives figures).

Rules (wire.md, "Answers"): the figures are the last ones seen. Tokens read from and written to the prompt cache are not
part of `input_tokens`. A cache write lives 5 minutes unless the request asked for an hour, so writes whose lifetime is
not told count as 5 minutes: that is also how the provider charges them by default. The lifetimes can be older than
the total, which grows late when server tools write to the cache; the difference is 5-minute writes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

MOST_TOKENS: Final = 2**53
"""No figure is larger: beyond it JSON numbers are no longer exact, and no exchange has that many tokens."""
MOST_CALLS: Final = 2**31 - 1
"""Server tool calls are kept as 32-bit numbers."""

Json: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True)
class Usage:
    """Tokens and server tool calls of one exchange; none is negative."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_creation_5m_tokens: int
    cache_creation_1h_tokens: int
    web_search_requests: int
    web_fetch_requests: int
    service_tier: str | None

    @property
    def cache_creation_tokens(self) -> int:
        """Written to the cache, for 5 minutes or an hour."""
        return self.cache_creation_5m_tokens + self.cache_creation_1h_tokens


def parse(usage: Json) -> Usage:
    """What a usage object says. A figure that is missing, or that no count can be, is 0."""
    by_lifetime = _object(usage, "cache_creation")
    hour = _count(by_lifetime, "ephemeral_1h_input_tokens")
    five = _count(by_lifetime, "ephemeral_5m_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    tools = _object(usage, "server_tool_use")
    tier = usage.get("service_tier")
    return Usage(
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cache_read_tokens=_count(usage, "cache_read_input_tokens"),
        cache_creation_5m_tokens=max(five, written - hour),
        cache_creation_1h_tokens=hour,
        web_search_requests=_count(tools, "web_search_requests", MOST_CALLS),
        web_fetch_requests=_count(tools, "web_fetch_requests", MOST_CALLS),
        service_tier=tier if isinstance(tier, str) and tier else None,
    )


def _object(holder: Json, name: str) -> Json:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _count(holder: Json, name: str, most: int = MOST_TOKENS) -> int:
    found = holder.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        return 0
    return found if 0 <= found <= most else 0

"""A made-up provider whose prompt cache works as the real one's is documented: beginnings, breakpoints, lifetimes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]
_MINUTES_S: Final = 300
_HOUR_S: Final = 3600
_SHORTEST: Final = 1024
"""Tokens of the shortest prefix that is kept."""
PER_PART: Final = 1500
"""Tokens of each block, tool list and system prompt."""


@dataclass
class Provider:
    """Answers with the usage of each request."""

    kept: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    """By account and model: prefixes, and when their lives end."""

    def usage(self, account: str, body: Json, at: float) -> Json:
        """What a request that begins at this second reads from the cache and writes to it."""
        known = self.kept.setdefault((account, body["model"]), {})
        prefixes = list(_prefixes(body))
        last = max((n for n, (_, mark) in enumerate(prefixes, 1) if mark), default=0)
        read = max((n for n, (name, _) in enumerate(prefixes[:last], 1) if known.get(name, 0) > at), default=0)
        usable = read if read * PER_PART >= _SHORTEST else 0
        hours = [n for n, (_, mark) in enumerate(prefixes, 1) if mark and mark.get("ttl") == "1h"]
        hour = max(0, max(hours, default=0) - usable)
        written = max(0, last - usable)
        for n, (name, mark) in enumerate(prefixes, 1):
            if mark or (n <= usable and known.get(name, 0) > at):
                life = _HOUR_S if mark and mark.get("ttl") == "1h" else _MINUTES_S
                known[name] = max(known.get(name, 0), at + life)
        return {
            "input_tokens": PER_PART * (len(prefixes) - usable - written) + 7,
            "output_tokens": 20,
            "cache_read_input_tokens": PER_PART * usable,
            "cache_creation_input_tokens": PER_PART * written,
            "cache_creation": {
                "ephemeral_1h_input_tokens": PER_PART * min(hour, written),
                "ephemeral_5m_input_tokens": PER_PART * (written - min(hour, written)),
            },
        }


def _prefixes(body: Json) -> Iterator[tuple[str, Json | None]]:
    """Each beginning of a prompt by name, and the breakpoint at its end."""
    settings = {name: body[name] for name in ("tool_choice", "thinking") if name in body}
    said: list[Any] = []
    for part, mark in _parts(body):
        said.append(part)
        yield json.dumps([said, settings if part[0] == "message" else None], sort_keys=True), mark


def _parts(body: Json) -> Iterator[tuple[list[Any], Json | None]]:
    yield ["tools", [_bare(tool) for tool in body.get("tools", [])]], None
    for block in body["system"]:
        yield ["system", _bare(block)], _mark(block)
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            yield ["message", message["role"], _bare(block)], _mark(block)


def _bare(block: Json) -> Json:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _mark(block: Json) -> Json | None:
    mark: Json | None = block.get("cache_control")
    return mark

"""Which call a tool's result belongs to, and where the result of a call stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_NO_ARGUMENTS: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Call:
    """A call of a tool; with no name where it is not in the request."""

    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    index: int = 0
    """The message that holds it, from 1; 0: none."""


_NO_CALL: Final = Call()


@dataclass(frozen=True)
class Pairs:
    """Calls and results of a request, by the calls' ids."""

    calls: Mapping[str, Call]
    results: Mapping[str, int]
    """Messages that bring results, from 1."""

    def call_of(self, number: object) -> Call:
        """The call that a result names."""
        return self.calls.get(number, _NO_CALL) if isinstance(number, str) else _NO_CALL

    def result_of(self, number: object) -> int:
        """The message that brings a call's result; 0: none."""
        return self.results.get(number, 0) if isinstance(number, str) else 0


NO_PAIRS: Final = Pairs({}, {})


def pair(messages: Sequence[Any]) -> Pairs:
    """Calls and results of the messages of a request; of several with one id the first."""
    calls: dict[str, Call] = {}
    results: dict[str, int] = {}
    for index, message in enumerate(messages, start=1):
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if not isinstance(block, dict):
                continue
            if isinstance(called := block.get("tool_use_id"), str):
                results.setdefault(called, index)
            elif isinstance(own := block.get("id"), str) and "input" in block:
                calls.setdefault(own, Call(_name(block), _arguments(block), index))
    return Pairs(calls, results)


def _name(block: Mapping[str, Any]) -> str:
    name = block.get("name")
    return name if isinstance(name, str) else ""


def _arguments(block: Mapping[str, Any]) -> Mapping[str, Any]:
    given = block["input"]
    return given if isinstance(given, dict) else _NO_ARGUMENTS

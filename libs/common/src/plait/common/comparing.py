"""Two requests beside each other: which messages came, went or changed, and the same as a text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from plait.common.differences import Change, changes, unified
from plait.common.queries.records import Prompt
from plait.common.texts import Said, as_json, role_of, said, said_in


class PlacedMessage(Struct, frozen=True, rename="camel"):
    """A message and its place in its request."""

    index: int
    """From 0."""
    message: Any
    """Without `cache_control`, its text as one block: clients move both from turn to turn."""


class ChangedMessage(Struct, frozen=True, rename="camel"):
    """A message in the place of another one."""

    before: PlacedMessage
    after: PlacedMessage


class ChangedValue(Struct, frozen=True, rename="camel"):
    """A value that differs; null where there is none."""

    before: Any
    after: Any


class MessageDifference(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of the messages of `a` in `b`."""

    unchanged: int
    added: list[PlacedMessage]
    removed: list[PlacedMessage]
    changed: list[ChangedMessage]


class ToolDifference(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of the tools of `a` in `b`, by their names."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class Comparison(Struct, frozen=True, kw_only=True, rename="camel"):
    """How request `b` differs from request `a`."""

    a: UUID
    b: UUID
    messages: MessageDifference
    system: ChangedValue | None
    """Null: the same system prompt."""
    tools: ToolDifference
    settings: dict[str, ChangedValue]
    """The other fields that differ: model, max_tokens, thinking, metadata, …"""
    diff: str
    """All of it as a unified diff of texts; empty: nothing differs."""


def compare(ids: tuple[UUID, UUID], a: Prompt, b: Prompt) -> Comparison:
    """How `b` differs from `a`."""
    names = (f"a/{ids[0]}", f"b/{ids[1]}")
    return Comparison(
        a=ids[0],
        b=ids[1],
        messages=_messages(a.messages, b.messages),
        system=None if a.system == b.system else ChangedValue(_value(a.system), _value(b.system)),
        tools=_tools(_by_name(a.tools), _by_name(b.tools)),
        settings=_settings(a, b),
        diff="\n".join(unified(list(_lines(a)), list(_lines(b)), names)),
    )


def _messages(a: Sequence[bytes], b: Sequence[bytes]) -> MessageDifference:
    added: list[PlacedMessage] = []
    removed: list[PlacedMessage] = []
    changed: list[ChangedMessage] = []
    found = changes(a, b)
    for change in found:
        for before, after in _pairs(a, b, change):
            if before and after:
                changed.append(ChangedMessage(before, after))
            elif after:
                added.append(after)
            elif before:
                removed.append(before)
    unchanged = len(a) - sum(change.a_end - change.a for change in found)
    return MessageDifference(unchanged=unchanged, added=added, removed=removed, changed=changed)


def _pairs(
    a: Sequence[bytes], b: Sequence[bytes], change: Change
) -> Iterator[tuple[PlacedMessage | None, PlacedMessage | None]]:
    """Messages in each other's place, in order; a message of another role takes nobody's place."""
    before = [PlacedMessage(n, _value(a[n])) for n in range(change.a, change.a_end)]
    after = [PlacedMessage(n, _value(b[n])) for n in range(change.b, change.b_end)]
    for one, other in zip_longest(before, after):
        if one and other and role_of(one.message) != role_of(other.message):
            yield one, None
            yield None, other
        else:
            yield one, other


def _value(text: bytes | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _by_name(tools: bytes | None) -> dict[str, Any]:
    """Tools by their names; one without a name by its place."""
    return {_name(tool) or f"tool {n}": tool for n, tool in enumerate(_value(tools) or [])}


def _name(tool: Any) -> str | None:
    name = tool.get("name") if isinstance(tool, dict) else None
    return name if isinstance(name, str) else None


def _tools(a: Mapping[str, Any], b: Mapping[str, Any]) -> ToolDifference:
    return ToolDifference(
        added=[name for name in b if name not in a],
        removed=[name for name in a if name not in b],
        changed=[name for name in a if name in b and a[name] != b[name]],
    )


def _settings(a: Prompt, b: Prompt) -> dict[str, ChangedValue]:
    before, after = _fields(a), _fields(b)
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: ChangedValue(before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    }


def _fields(prompt: Prompt) -> Mapping[str, Any]:
    """A body that was not taken apart is a field by itself."""
    return prompt.rest if prompt.whole is None else {"body": prompt.whole}


def _lines(prompt: Prompt) -> Iterator[str]:
    """A request as the lines of a text."""
    for name, value in sorted(_fields(prompt).items()):
        yield from _paragraph(name, value if isinstance(value, str) else as_json(value))
    for name, tool in _by_name(prompt.tools).items():
        yield from _paragraph(f"tool {name}", as_json(tool))
    for part in said_in(_value(prompt.system)):
        yield from _part("system", part)
    for text in prompt.messages:
        message = _value(text)
        for part in said(message):
            yield from _part(role_of(message), part)


def _part(who: str, part: Said) -> Iterator[str]:
    return _paragraph(f"{who}, {part.label}" if part.label else who, part.text)


def _paragraph(head: str, text: str) -> Iterator[str]:
    yield f"[{head}]"
    yield from text.split("\n")

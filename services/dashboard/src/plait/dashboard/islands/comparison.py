"""Two requests beside each other, as people read it: what each said that the other did not, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec
from markupsafe import Markup

from plait.common.comparing import ChangedMessage, Comparison, MessageDifference, PlacedMessage
from plait.common.differences import unified
from plait.common.queries.records import Prompt
from plait.common.texts import as_json, role_of, said, said_in
from plait.dashboard.islands.texts import one_line
from plait.dashboard.islands.unseen import written

_MOST_LINES: Final = 400
"""Lines of one difference that are shown."""
_LONGEST_LINE: Final = 2_000
_SHOWN: Final = 100
"""Messages that are shown; of a request that has nothing in common with another there may be thousands."""
_KINDS: Final = {"+": "ins", "-": "del"}


@dataclass(frozen=True)
class Said:
    """A message that is added, removed or changed."""

    change: str
    """added, removed or changed."""
    role: str
    before: int | None
    """Its place in the first request, and in the second, from 0."""
    after: int | None
    headline: str
    lines: Markup


@dataclass(frozen=True)
class Named:
    """A setting or tool by its name, with what became of it."""

    name: str
    lines: Markup


@dataclass(frozen=True)
class Beside:
    """What `compare.html` draws."""

    unchanged: int
    added: int
    removed: int
    changed: int
    messages: Sequence[Said]
    left_out: int
    """Messages that are not among them, because they are too many."""
    system: Markup | None
    settings: Sequence[Named]
    tools_added: Sequence[str]
    tools_removed: Sequence[str]
    tools_changed: Sequence[Named]

    @property
    def alike(self) -> bool:
        """Nothing differs."""
        parts = (self.messages, self.system, self.settings, self.tools_added, self.tools_removed, self.tools_changed)
        return not any(parts)


def beside(found: Comparison, a: Prompt, b: Prompt) -> Beside:
    """How `b` differs from `a`; `found` is what `compare` found of the two."""
    messages = found.messages
    every = sorted(_differing(messages), key=lambda one: (_place(one[1]), one[0] != "removed"))
    return Beside(
        unchanged=messages.unchanged,
        added=len(messages.added),
        removed=len(messages.removed),
        changed=len(messages.changed),
        messages=[_drawn(change, one) for change, one in every[:_SHOWN]],
        left_out=max(len(every) - _SHOWN, 0),
        system=None if found.system is None else line_difference(_text(found.system.before), _text(found.system.after)),
        settings=[
            Named(written(name), line_difference(_setting(value.before), _setting(value.after)))
            for name, value in found.settings.items()
        ],
        tools_added=[written(name) for name in found.tools.added],
        tools_removed=[written(name) for name in found.tools.removed],
        tools_changed=_tools(found.tools.changed, a, b),
    )


def line_difference(before: str, after: str) -> Markup:
    """The lines that differ, each in its colour, with a few around them; no more than `_MOST_LINES`."""
    lines = unified(_split(before), _split(after), ("a", "b"))
    shown = list(islice(lines, 2, _MOST_LINES + 2))
    rest = sum(1 for _ in lines)
    drawn = Markup("").join(_line(line) for line in shown)
    if rest:
        drawn += Markup('<div class="where">… {} more lines</div>').format(f"{rest:,}")
    return Markup('<div class="lines" dir="auto">{}</div>').format(drawn)


def _line(line: str) -> Markup:
    if line.startswith("@"):
        return _where(line)
    more = len(line) - _LONGEST_LINE
    cut = line if more <= 0 else f"{line[:_LONGEST_LINE]}… {more:,} more characters"
    return Markup('<div class="{}">{}</div>').format(_KINDS.get(line[:1], ""), cut)


def _where(head: str) -> Markup:
    """Where a run of lines stands: nothing at the text's beginning, else the number of its first line."""
    start = int(head.split()[2].removeprefix("+").partition(",")[0])
    return Markup('<div class="where">line {}</div>').format(f"{start:,}") if start > 1 else Markup("")


def _split(text: str) -> list[str]:
    return written(text).split("\n") if text else []


def _differing(messages: MessageDifference) -> Iterator[tuple[str, PlacedMessage | ChangedMessage]]:
    """What became of each, undrawn: of those that are too many nothing is drawn."""
    yield from (("added", one) for one in messages.added)
    yield from (("removed", one) for one in messages.removed)
    yield from (("changed", pair) for pair in messages.changed)


def _place(one: PlacedMessage | ChangedMessage) -> int:
    """Where it stands among the others: both requests begin alike, as a rule."""
    return one.after.index if isinstance(one, ChangedMessage) else one.index


def _drawn(change: str, one: PlacedMessage | ChangedMessage) -> Said:
    return _turned(one) if isinstance(one, ChangedMessage) else _alone(change, one)


def _alone(change: str, one: PlacedMessage) -> Said:
    text = _told(one.message)
    if change == "added":
        return Said(change, _role(one), None, one.index, one_line(text), line_difference("", text))
    return Said(change, _role(one), one.index, None, one_line(text), line_difference(text, ""))


def _role(one: PlacedMessage) -> str:
    return written(role_of(one.message))


def _turned(pair: ChangedMessage) -> Said:
    before, after = _told(pair.before.message), _told(pair.after.message)
    if before == after:  # only what is no text differs: an image, a field that nobody reads
        before, after = as_json(pair.before.message), as_json(pair.after.message)
    lines = line_difference(before, after)
    return Said("changed", _role(pair.after), pair.before.index, pair.after.index, one_line(after), lines)


def _told(message: Any) -> str:
    return "\n".join(f"[{part.label}]\n{part.text}" if part.label else part.text for part in said(message))


def _text(system: Any) -> str:
    return "\n".join(part.text for part in said_in(system))


def _setting(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else as_json(value)


def _tools(names: Sequence[str], a: Prompt, b: Prompt) -> list[Named]:
    if not names:
        return []
    before, after = _by_name(a.tools), _by_name(b.tools)
    pairs = ((name, _setting(before.get(name)), _setting(after.get(name))) for name in names)
    return [Named(written(name), line_difference(one, other)) for name, one, other in pairs]


def _by_name(tools: bytes | None) -> Mapping[str, Any]:
    found = msgspec.json.decode(tools) if tools else []
    named = [tool for tool in found if isinstance(tool, dict)] if isinstance(found, list) else []
    return {str(tool.get("name")): tool for tool in named}

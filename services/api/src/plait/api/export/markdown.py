"""A conversation as Markdown.

What people and models said is quoted as it is: it is Markdown itself, most often. What tools were told and gave back
stands in fences that nothing in it can close.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from plait.api.export.telling import chapters, facts_of, opening_of, summary_of, turns
from plait.common.queries.conversations import Conversation
from plait.common.queries.transcript import Teller, Turn
from plait.common.texts import Said, as_json, role_of, said, said_in

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~&])")
_LINE_END: Final = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""All that some reader takes for one: the text must not get out of its quotation."""
_TICKS: Final = re.compile(r"`{3,}")


async def told(conversation: Conversation, teller: Teller) -> AsyncIterator[str]:
    """The file in pieces."""
    yield f"# {_plain(conversation.title or 'Conversation')}\n\n"
    yield "".join(f"- {name}: {_plain(value)}\n" for name, value in summary_of(conversation))
    async for chapter, turn in turns(teller, chapters(conversation)):
        if chapter:
            yield f"\n## {_plain(chapter.heading)}\n"
            if opening := opening_of(chapter):
                yield f"\n{opening}\n"
        yield await asyncio.to_thread(_turn, turn)


def _turn(turn: Turn) -> str:
    """In a thread of its own: a message may have millions of lines."""
    return "".join(_parts(turn))


def _parts(turn: Turn) -> Iterator[str]:
    yield f"\n### {turn.exchange.request_id}\n\n{_plain(facts_of(turn.exchange))}\n"
    for part in said_in(turn.system):
        yield from _part("system", part)
    for message in turn.messages:
        for part in said(message):
            yield from _part(role_of(message), part)
    if turn.body is not None:
        yield from _part("request", _value(turn.body))
    if turn.answer is not None:
        for part in said(turn.answer):
            yield from _part("answer", part)


def _part(who: str, part: Said) -> Iterator[str]:
    yield f"\n**{_plain(who)}**{f', {_plain(part.label)}' if part.label else ''}\n\n"
    if part.sort in ("text", "thinking"):
        yield "> " + _LINE_END.sub("\n> ", part.text) + "\n"
    elif part.sort == "image":
        yield f"![{part.text}](data:{part.media_type};base64,{part.data})\n"
    else:
        fence = "`" * max(3, *(len(run) + 1 for run in _TICKS.findall(part.text)), 3)
        yield f"{fence}\n{part.text}\n{fence}\n"


def _value(body: Any) -> Said:
    return Said("other", "", body if isinstance(body, str) else as_json(body))


def _plain(text: str) -> str:
    """One line that means nothing in Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))

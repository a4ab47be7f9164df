"""A conversation as one web page that loads nothing and runs nothing.

All that anybody said is text in it: nothing of a prompt, an answer or a tool's result is taken for HTML. Images are
shown where their type is one of four that run nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from html import escape
from typing import Any, Final

from plait.api.export.telling import Chapter, chapters, facts_of, opening_of, summary_of, turns
from plait.common.queries.conversations import Conversation
from plait.common.queries.transcript import Teller, Turn
from plait.common.texts import Said, as_json, role_of, said, said_in

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Stands in the page too: who opens the file has no header of ours."""
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 3rem; border-top: 1px solid #8884; padding-top: 1rem }
h3 { margin: 2rem 0 0; font-size: 0.8rem; font-weight: normal }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.4rem 0 }
pre.text { font: inherit }
code, pre { font: 0.9em/1.4 ui-monospace, monospace }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem }
dd { margin: 0; overflow-wrap: anywhere }
section { border-left: 3px solid #8886; padding-left: 0.8rem; margin: 0.8rem 0 }
section.user { border-color: #2b7de9 }
section.answer { border-color: #c96442 }
section > strong, summary, .facts { font-size: 0.85rem; opacity: 0.75 }
img { max-width: 100% }
"""
_FOLDED: Final = ("thinking", "call", "result", "other")
"""Shown when they are opened."""


async def told(conversation: Conversation, teller: Teller) -> AsyncIterator[str]:
    """The page in pieces."""
    parts = chapters(conversation)
    yield _head(conversation, parts)
    async for chapter, turn in turns(teller, parts):
        if chapter:
            heading, opening = escape(chapter.heading), escape(opening_of(chapter))
            yield f'<h2 id="part-{parts.index(chapter)}">{heading}</h2><p>{opening}</p>\n'
        yield await asyncio.to_thread(_turn, turn)
    yield "</main></body></html>\n"


def _head(conversation: Conversation, parts: list[Chapter]) -> str:
    title = escape(conversation.title or "Conversation")
    facts = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in summary_of(conversation))
    ways = "".join(f'<li><a href="#part-{n}">{escape(part.heading)}</a></li>' for n, part in enumerate(parts))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1><dl>{facts}</dl><ul>{ways}</ul>\n"
    )


def _turn(turn: Turn) -> str:
    """In a thread of its own: a message may have millions of lines."""
    return "".join(_parts(turn))


def _parts(turn: Turn) -> Iterator[str]:
    one = turn.exchange
    yield f'<article id="{one.request_id}"><h3><code>{one.request_id}</code></h3>'
    yield f'<div class="facts">{escape(facts_of(one))}</div>'
    for part in said_in(turn.system):
        yield _part("system", part, folded=True)
    for message in turn.messages:
        for part in said(message):
            yield _part(role_of(message), part)
    if turn.body is not None:
        yield _part("request", _value(turn.body))
    for part in said(turn.answer):
        yield _part("answer", part)
    yield "</article>\n"


def _part(who: str, part: Said, *, folded: bool = False) -> str:
    kind = who if who in ("user", "answer") else "other"
    name = escape(f"{who}, {part.label}" if part.label else who)
    if folded or part.sort in _FOLDED:
        return f'<section class="{kind}"><details><summary>{name}</summary>{_content(part)}</details></section>'
    return f'<section class="{kind}"><strong>{name}</strong>{_content(part)}</section>'


def _content(part: Said) -> str:
    if part.sort == "image":
        return f'<br><img alt="{escape(part.text)}" src="data:{part.media_type};base64,{part.data}">'
    kind = ' class="text"' if part.sort in ("text", "thinking") else ""
    return f"<pre{kind}>{escape(part.text)}</pre>"


def _value(body: Any) -> Said:
    return Said("other", "", body if isinstance(body, str) else as_json(body))

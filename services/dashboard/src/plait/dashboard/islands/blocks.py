"""The blocks of a message as people read them: prose as prose, everything else in one line that unfolds.

Nothing in a block is trusted to have the shape that it should have; one of a type we do not know is shown as its JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from markupsafe import Markup

from plait.common.reminders import without_reminders
from plait.dashboard.islands import tools
from plait.dashboard.islands.markdown import markdown, outside, plain
from plait.dashboard.islands.pairs import Call, Pairs
from plait.dashboard.islands.texts import clip, cut_off, is_long, one_line
from plait.dashboard.islands.words import bytes_of

_OPEN: Final = "<system-reminder>"
_CLOSE: Final = "</system-reminder>"
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_LARGEST_PICTURE: Final = 2_000_000
_CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_NOTHING: Final = Markup("")

Block = Mapping[str, Any]
Prose = Callable[[str], Markup]
"""Draws a text that is folded."""
_PROSE: Final[dict[bool, Prose]] = {True: markdown, False: plain}
"""By whether there are colours."""


@dataclass(frozen=True)
class Part:
    """A piece of a message: prose, or one line (`name`, `headline`) that unfolds to `body`, or a picture."""

    kind: str
    """prose, reminder, thinking, call, result, failed, picture, sources, chip or other."""
    body: Markup = _NOTHING
    name: str = ""
    headline: str = ""
    icon: str = "document"
    open: bool = False
    size: int = 0
    """Characters of its text, where they are more than fill a screen; else 0."""
    is_cut: bool = False
    """Whether `body` shows the beginning alone; `at` tells where the whole is."""
    at: str = ""
    """Its place in the exchange, for `whole.find`."""
    pair: int = 0
    """Of a call the message that brings its result, of a result the one that called; 0: none."""


def parts_of(blocks: Iterable[Block], pairs: Pairs, at: str, *, colours: bool = True) -> list[Part]:
    """All parts of blocks, which stand at `at` in the exchange; without colours what is folded is plain text."""
    return [replace(part, at=f"{at}.{n}") for n, block in enumerate(blocks) for part in _parts(block, pairs, colours)]


def blocks_of(content: Any) -> list[Block]:
    """The blocks of a message's content, which may be one text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b if isinstance(b, dict) else {"value": b} for b in content] if isinstance(content, list) else []


def is_result(block: Block) -> bool:
    """Whether it brings what a tool gave."""
    return str(block.get("type", "")).endswith("tool_result")


def is_reminder(block: Block) -> bool:
    """Whether it is a text that clients put in, and nothing else."""
    return block.get("type") == "text" and not without_reminders(_text_in(block, "text")).strip()


def folded(name: str, text: str, at: str) -> Part:
    """A text in one line that unfolds."""
    return replace(_long(Part("reminder", markdown(clip(text)), name, one_line(text)), text), at=at)


def text_of(block: Block) -> str:
    """What the block says, whole, as it was written."""
    kind = str(block.get("type", ""))
    if kind in {"text", "thinking"} and isinstance(block.get(kind), str):
        return str(block[kind])
    if is_result(block):
        return _result_text(block)
    return tools.as_json(block.get("input", block) if kind in _CALLS else block)


def _parts(block: Block, pairs: Pairs, colours: bool) -> Iterator[Part]:
    kind = str(block.get("type", ""))
    if kind == "text":
        yield from _text(_text_in(block, "text"), _PROSE[colours])
        yield from _citations(block.get("citations"))
    elif kind in _CALLS:
        yield _call(block, pairs, colours)
    elif is_result(block):
        yield from _result(block, pairs, colours)
    else:
        yield _READERS.get(kind, _unknown)(block, colours)


def _text_in(block: Block, key: str) -> str:
    value = block.get(key, "")
    return value if isinstance(value, str) else tools.as_json(value)


def _long(part: Part, text: str) -> Part:
    return replace(part, size=len(text), is_cut=bool(cut_off(text))) if is_long(text) else part


def _text(text: str, prose: Prose) -> Iterator[Part]:
    """Prose, with the reminders that clients put into it folded away."""
    for reminds, piece in _pieces(text):
        told = piece.strip()
        if told and reminds:
            part = Part("reminder", prose(clip(told)), "System reminder", one_line(told), "alert")
            yield _long(part, told)
        elif told:
            yield _long(Part("prose", markdown(clip(told))), told)


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Reminders and what stands between; looked for by hand, for an expression would look to the end for each."""
    at = 0
    while (begin := text.find(_OPEN, at)) >= 0 and (end := text.find(_CLOSE, begin)) >= 0:
        yield False, text[at:begin]
        yield True, text[begin + len(_OPEN) : end]
        at = end + len(_CLOSE)
    yield False, text[at:]


def _citations(cited: object) -> Iterator[Part]:
    """Where a text says that it has it from."""
    given = cited if isinstance(cited, list) else []
    found = [one for one in given if isinstance(one, dict) and isinstance(one.get("url"), str)]
    if found:
        yield _sources(found, "cited")


def _sources(found: Sequence[Mapping[str, Any]], name: str) -> Part:
    links = (outside(str(one.get("url", "")), one_line(str(one.get("title") or one.get("url", "")))) for one in found)
    listed = Markup('<ol class="sources">{}</ol>').format(
        Markup("").join(Markup("<li>{}</li>").format(a) for a in links)
    )
    titles = " · ".join(str(one.get("title", "")) for one in found[:5])
    return Part("sources", listed, f"{len(found)} {name}", one_line(titles), "search")


def _call(block: Block, pairs: Pairs, colours: bool) -> Part:
    name, arguments = _text_in(block, "name") or "tool", block.get("input")
    shown = arguments if isinstance(arguments, dict) else {"input": arguments}
    if "partial_json" in block:
        shown = {"cut off": block["partial_json"]}
    icon = "subtask" if name in tools.AGENTS else "tool"
    part = Part("call", tools.body(name, shown, colours=colours), one_line(name), tools.headline(name, shown), icon)
    return _long(replace(part, pair=pairs.result_of(block.get("id"))), text_of(block))


def _result(block: Block, pairs: Pairs, colours: bool) -> Iterator[Part]:
    call = pairs.call_of(block.get("tool_use_id"))
    failed = bool(block.get("is_error")) or _is_error(block.get("content"))
    if found := _searched(block.get("content")):
        yield replace(_sources(found, "found"), pair=call.index)
        return
    text = _result_text(block)
    part = Part(
        "failed" if failed else "result",
        tools.result(call.name, call.arguments, text, colours=colours),
        _result_name(call, failed=failed),
        _result_line(text, first_only=call.name == "Read"),
        "cross" if failed else "check",
        pair=call.index,
    )
    yield _long(part, text)
    yield from (_picture(b, colours) for b in blocks_of(block.get("content")) if b.get("type") == "image")


def _is_error(content: object) -> bool:
    return isinstance(content, dict) and str(content.get("type", "")).endswith("_error")


def _searched(content: object) -> list[Block]:
    """What a web search of the provider's found; empty if that is not what the content is."""
    blocks = content if isinstance(content, list) else []
    found: list[Block] = [b for b in blocks if isinstance(b, dict) and b.get("type") == "web_search_result"]
    return found if len(found) == len(blocks) else []


def _result_name(call: Call, *, failed: bool) -> str:
    if not call.name:
        return "Failed" if failed else "Result"
    return f"{one_line(call.name)} {'failed' if failed else 'result'}"


def _result_line(text: str, *, first_only: bool) -> str:
    lines = text.count("\n") + 1
    told = one_line(text.partition("\n")[0] if first_only else text)
    return f"{lines} lines · {told}" if lines > 1 else told or "empty"


def _result_text(block: Block) -> str:
    content = block.get("content")
    blocks = blocks_of(content) if isinstance(content, str | list) else [{"value": content}] if content else []
    return "\n".join(
        _text_in(b, "text") if b.get("type") == "text" else tools.as_json(b) for b in blocks if b.get("type") != "image"
    )


def _picture(block: Block, _: bool) -> Part:
    """A picture in the message itself, if it is one that browsers only draw; of one elsewhere the address."""
    source = _source(block)
    kind, data = str(source.get("media_type", "")), str(source.get("data", ""))
    drawable = source.get("type") == "base64" and kind in _PICTURES and len(data) < _LARGEST_PICTURE
    size = bytes_of(len(data) * 3 // 4)
    if drawable and _BASE64.fullmatch(data):
        drawn = Markup('<img class="picture" alt="picture in the message" loading="lazy" src="data:{};base64,{}">')
        return Part("picture", drawn.format(kind, data), "Image", f"{kind} · {size}", "image", open=True)
    where = source.get("url") or f"{kind or source.get('type', 'unknown')} · {size}"
    return Part("chip", name="Image", headline=one_line(str(where)), icon="image")


def _document(block: Block, _: bool) -> Part:
    source = _source(block)
    what = block.get("title") or source.get("url") or source.get("media_type") or source.get("type") or "document"
    if source.get("type") == "text" and isinstance(source.get("data"), str):
        text = source["data"]
        return _long(Part("other", plain(clip(text)), "Document", one_line(str(what))), text)
    return Part("chip", name="Document", headline=one_line(str(what)), icon="document")


def _source(block: Block) -> Block:
    source = block.get("source")
    return source if isinstance(source, dict) else {}


def _thinking(block: Block, colours: bool) -> Part:
    text = _text_in(block, "thinking")
    if not text.strip():
        return Part("chip", name="Thinking", headline="not shown by the provider", icon="thought")
    return _long(Part("thinking", _PROSE[colours](clip(text)), "Thinking", one_line(text), "thought"), text)


def _redacted(block: Block, _: bool) -> Part:
    size = bytes_of(len(str(block.get("data", ""))))
    return Part("chip", name="Thinking", headline=f"encrypted by the provider · {size}", icon="thought")


def _unknown(block: Block, colours: bool) -> Part:
    shown = tools.as_json(block)
    name = one_line(str(block.get("type", "unknown block")))
    return _long(
        Part("other", (tools.coloured if colours else tools.uncoloured)(shown, "json"), name, one_line(shown)), shown
    )


_READERS: Final = {
    "image": _picture,
    "document": _document,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
}

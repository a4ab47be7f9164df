"""Messages as Claude gives them, and the event streams that build them (wire.md, "Answers")."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from plait.fakes.answers import dump, error_value

Json = dict[str, Any]
PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
_MODEL: Final = "claude-opus-5-5"


def text(words: str) -> Json:
    """A text block."""
    return {"type": "text", "text": words}


def thinking(words: str, signature: str = "c2lnbmF0dXJl") -> Json:
    """A thinking block with its signature."""
    return {"type": "thinking", "thinking": words, "signature": signature}


def tool_use(name: str, arguments: Json, *, seed: str = "") -> Json:
    """A tool call; `seed` tells two equal calls apart."""
    return {
        "type": "tool_use",
        "id": identifier("toolu_01", name + seed + repr(arguments)),
        "name": name,
        "input": arguments,
    }


def usage(input_tokens: int = 10, output_tokens: int = 5, **more: Any) -> Json:
    """A usage object; further counts replace the zeros or are added."""
    counts = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"input_tokens": input_tokens, **counts, "output_tokens": output_tokens, **more}


def message(*content: Json, model: str = _MODEL, counts: Json | None = None, stop_reason: str | None = None) -> Json:
    """An assistant message; it stops for tool use when its last block is a tool call, unless told otherwise."""
    calls_tool = bool(content) and content[-1]["type"] == "tool_use"
    return {
        "id": identifier("msg_01", repr(content) + model),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(content),
        "stop_reason": stop_reason or ("tool_use" if calls_tool else "end_turn"),
        "stop_sequence": None,
        "usage": counts or usage(),
    }


def identifier(prefix: str, seed: str) -> str:
    """An id in the form of Claude's, the same for the same seed."""
    return prefix + hashlib.sha256(seed.encode()).hexdigest()[:22]


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: ".encode() + dump({"type": kind, **fields}) + b"\n\n"


def error_event(kind: str, words: str) -> bytes:
    """The error event that can come in the middle of a stream."""
    return b"event: error\ndata: " + dump(error_value(kind, words)) + b"\n\n"


def events_of(whole: Json, *, step: int = 24) -> list[bytes]:
    """The events of a stream that builds `whole`, at most `step` characters of text in each delta."""
    counts = whole["usage"]
    start = whole | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": counts | {"output_tokens": 1}}
    found = [event("message_start", message=start), PING]
    for index, block in enumerate(whole["content"]):
        found += _events_of_block(index, block, step)
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    return [*found, event("message_delta", delta=ending, usage=counts), event("message_stop")]


def _events_of_block(index: int, block: Json, step: int) -> Iterator[bytes]:
    empty, deltas = _taken_apart(block, step)
    yield event("content_block_start", index=index, content_block=empty)
    for delta in deltas:
        yield event("content_block_delta", index=index, delta=delta)
    yield event("content_block_stop", index=index)


def _taken_apart(block: Json, step: int) -> tuple[Json, list[Json]]:
    """The block as it starts, and the deltas that fill it. Kinds that Claude sends whole have none."""
    match block["type"]:
        case "text":
            words = [{"type": "text_delta", "text": part} for part in _parts(block["text"], step)]
            cited = [{"type": "citations_delta", "citation": one} for one in block.get("citations") or []]
            return block | {"text": ""} | ({"citations": []} if cited else {}), [*cited, *words]
        case "thinking":
            words = [{"type": "thinking_delta", "thinking": part} for part in _parts(block["thinking"], step)]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return block | {"thinking": "", "signature": ""}, [*words, signed]
        case "tool_use" | "server_tool_use":
            parts = _parts(dump(block["input"]).decode(), step)
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
        case _:
            return block, []


def _parts(words: str, step: int) -> list[str]:
    return [words[at : at + step] for at in range(0, len(words), step)]

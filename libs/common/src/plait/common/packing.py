"""Small things kept compressed: headers, remainders of bodies, pieces of event streams.

The first byte of a packed value says how the rest is written, so the way may change without touching old rows:
0 plain, 1 zstd, 2 zstd with the dictionary `_FAMILIAR` (which therefore must never change; a better one gets a 3).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import zstandard

from plait.common.dictionaries import MESSAGES
from plait.common.events import Header, Piece

_PLAIN: Final = 0
PLAIN_MARK: Final = bytes([_PLAIN])
"""With this before them bytes are packed as they are."""
_ZSTD: Final = 1
_ZSTD_FAMILIAR: Final = 2
_LEVEL: Final = 3
_MESSAGE_LEVEL: Final = 5
"""Messages are written once and kept: a few per cent of room for some 30 µs each."""
_SHORT: Final = 128
"""Bytes of what is packed again and again."""
FAMILIAR_UP_TO: Final = 64 * 1024
"""Beyond this many bytes a dictionary gains nothing."""

# What nearly every exchange repeats; the most frequent last, where references are shortest.
_FAMILIAR: Final = (
    b'{"rest":{"max_tokens":32000,"metadata":{"user_id":"{\\"device_id\\":\\"\\",\\"account_uuid\\":\\"\\",'
    b'\\"session_id\\":\\""},"context_management":{"edits":[{"keep":"all","type":"clear_thinking_20251015"}]},'
    b'"output_config":{"effort":"medium"},"thinking":{"display":"updates","type":"adaptive"},'
    b'"tool_choice":{"type":"auto"},"temperature":1,"model":"claude-sonnet-4-5","model":"claude-opus-4-5",'
    b'"stream":true},"cache":[[0,0,{"type":"ephemeral","ttl":"1h"}]],"system_cache":[[1,{"type":"ephemeral"}],'
    b'[2,{"type":"ephemeral"}]],"forms":[],"tools_cache":[]}'
    b'{"rest":{"id":"msg_01","model":"claude-","stop_reason":"tool_use","stop_reason":"end_turn",'
    b'"stop_sequence":null,"type":"message","usage":{"cache_creation":{"ephemeral_1h_input_tokens":0,'
    b'"ephemeral_5m_input_tokens":0},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"input_tokens":,'
    b'"output_tokens":,"service_tier":"standard"}}}'
    b'["anthropic-ratelimit-requests-limit","4000"],["anthropic-ratelimit-requests-remaining","3999"],'
    b'["anthropic-ratelimit-requests-reset","2026-01-01T00:00:00Z"],["anthropic-ratelimit-tokens-limit","480000"],'
    b'["anthropic-ratelimit-tokens-remaining","479000"],["anthropic-ratelimit-tokens-reset","2026-01-01T00:00:00Z"'
    b'],["anthropic-ratelimit-unified-status","allowed"],["anthropic-organization-id","00000000-0000-4000-8000-"],'
    b'["request-id","req_011"],["date","Mon, 01 Jan 2026 00:00:00 GMT"],["server","cloudflare"],'
    b'["transfer-encoding","chunked"],["cache-control","no-cache"],["content-type","text/event-stream; '
    b'charset=utf-8"],["x-request-id","019"]]'
    b'[["accept","application/json"],["content-type","application/json"],["user-agent","claude-cli/2.1.329 '
    b'(external, cli)"],["x-claude-code-session-id","x-claude-code-agent-id","x-stainless-arch","x64"],'
    b'["x-stainless-lang","js"],["x-stainless-os","Linux"],["x-stainless-package-version","0.128.0"],'
    b'["x-stainless-retry-count","0"],["x-stainless-runtime","node"],["x-stainless-runtime-version","v26.12.1"],'
    b'["x-stainless-timeout","600"],["anthropic-beta","claude-code-20250219,interleaved-thinking-2025-05-14,'
    b"context-management-2025-06-27,advanced-tool-use-2025-11-20,effort-2025-11-24,prompt-caching-scope-2026-01-05"
    b'"],["anthropic-dangerous-direct-browser-access","true"],["anthropic-version","2023-06-01"],'
    b'["x-api-key","masked:"],["authorization","Bearer masked:"],["x-app","cli"],["connection","keep-alive"],'
    b'["host","127.0.0.1:3000"],["accept-encoding","gzip, deflate, br, zstd"],["content-length","50907"]]'
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","type":"message",'
    b'"role":"assistant","model":"claude-","content":[],"stop_reason":null,"stop_sequence":null,"usage":'
    b'{"input_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}\n\n'
    b'event: ping\ndata: {"type": "ping"}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":1}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
    b'"text":""}}\n\n{"type":"tool_use","id":"toolu_01","name":"","input":{}}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta",'
    b'"thinking":"","delta":{"type":"signature_delta","signature":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta"'
    b',"partial_json":""}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"'
)


class _Zstd(threading.local):
    """Compression contexts are not safe to share between threads, and costly to make for each value."""

    def __init__(self) -> None:
        familiar = zstandard.ZstdCompressionDict(_FAMILIAR, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()
        self.familiar_compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=familiar)
        self.familiar_decompressor = zstandard.ZstdDecompressor(dict_data=familiar)
        messages = zstandard.ZstdCompressionDict(MESSAGES, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self.message_compressor = zstandard.ZstdCompressor(level=_MESSAGE_LEVEL, dict_data=messages)
        self.message_decompressor = zstandard.ZstdDecompressor(dict_data=messages)


_zstd = _Zstd()


def compress(data: bytes) -> bytes:
    """A zstd frame, no dictionary."""
    return _zstd.compressor.compress(data)


def decompress(data: bytes) -> bytes:
    """Undo `compress`.

    Raises:
        ValueError: this is no whole frame.
    """
    try:
        return _zstd.decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"not a zstd frame: {error}") from error


def compress_message(data: bytes) -> bytes:
    """A zstd frame that refers to what is in nearly every message."""
    return _zstd.message_compressor.compress(data)


def decompress_message(data: bytes) -> bytes:
    """Undo `compress_message`.

    Raises:
        ValueError: this is no whole frame.
    """
    try:
        return _zstd.message_decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"not a zstd frame: {error}") from error


def pack(data: bytes) -> bytes:
    """Any bytes in the smallest of the three ways."""
    return _pack_short(data) if len(data) <= _SHORT else _pack(data)


@lru_cache(maxsize=4096)
def _pack_short(data: bytes) -> bytes:
    """Remembered: the most of what is short says the same in many exchanges, that nothing is left to say."""
    return _pack(data)


def _pack(data: bytes) -> bytes:
    if len(data) <= FAMILIAR_UP_TO:
        way, packed = _ZSTD_FAMILIAR, _zstd.familiar_compressor.compress(data)
    else:
        way, packed = _ZSTD, compress(data)
    return bytes([way]) + packed if len(packed) < len(data) else bytes([_PLAIN]) + data


def unpack(packed: bytes) -> bytes:
    """Undo `pack`.

    Raises:
        ValueError: empty, cut, or written by a newer version.
    """
    way, data = packed[:1], packed[1:]
    if way == bytes([_PLAIN]):
        return data
    if way == bytes([_ZSTD]):
        return decompress(data)
    if way != bytes([_ZSTD_FAMILIAR]):
        raise ValueError(f"packed in an unknown way: {way!r}")
    try:
        return _zstd.familiar_decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"not a zstd frame: {error}") from error


def pack_json(value: Any) -> bytes:
    """A JSON value, for columns that are read by id only. Text of such a column may hold any character, NUL too."""
    return pack(msgspec.json.encode(value))


def unpack_json(packed: bytes) -> Any:
    """Undo `pack_json`."""
    return msgspec.json.decode(unpack(packed))


def pack_headers(headers: Iterable[Header]) -> bytes:
    """`exchange_requests.headers` and `exchange_responses.headers`: fields as received, in their order."""
    return pack_json([[name, value] for name, value in headers])


def unpack_headers(packed: bytes) -> list[Header]:
    """Undo `pack_headers`."""
    return [(name, value) for name, value in unpack_json(packed)]


def pack_pieces(pieces: Sequence[Piece]) -> bytes:
    """`chunks.data`: the pieces of one chunk event."""
    return pack(msgspec.msgpack.encode([(piece.offset_ms, piece.data) for piece in pieces]))


def unpack_pieces(packed: bytes) -> list[Piece]:
    """Undo `pack_pieces`; the n-th piece of a row has index `first_index + n` within its answer."""
    return [Piece(offset, data) for offset, data in msgspec.msgpack.decode(unpack(packed))]

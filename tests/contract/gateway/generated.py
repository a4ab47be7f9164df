"""Requests and answers as any client and any Claude might send them: valid HTTP/1.1, and no tidier than that.

What a proxy must not pass on (RFC 9110, 7.6.1) is generated with the rest.
"""

from __future__ import annotations

import gzip
import itertools
from dataclasses import dataclass
from typing import Final, Literal

from hypothesis import strategies as st

from plait.fakes.http1 import HOP_BY_HOP
from tests.contract.gateway.raw_ends import Script

Field = tuple[bytes, bytes]
Fields = tuple[Field, ...]
HOST: Final = "generated.example.test"
BODILESS: Final = (204, 304)
_FRAMING: Final = {"host", "content-length", "expect", "x-request-id"}
_TOKEN: Final = "!#$%&'*+-.^_`|~09azAZ"
_IN_PATHS: Final = "azAZ09-._~!$&'()*+,;=:@/%[]{}|\\^`\"<>"


@dataclass(frozen=True)
class Request:
    """A request; `chunks` are the sizes of its chunks, None when it says its length. `cuts`: where writes begin."""

    method: str
    path: str
    query: str | None
    fields: Fields
    body: bytes | None
    chunks: tuple[int, ...] | None
    trailers: Fields
    cuts: tuple[int, ...]

    @property
    def target(self) -> str:
        """Path and query as on the request line."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """What the client writes."""
        body, framing = _framed(self.body, self.chunks, self.trailers)
        lines = (f"{self.method} {self.target} HTTP/1.1".encode(), *_lines(((b"Host", HOST.encode()), *self.fields)))
        return _cut(b"\r\n".join((*lines, *framing)) + b"\r\n\r\n" + body, self.cuts)


@dataclass(frozen=True)
class Answer:
    """An answer. `lost`: bytes of it that never come. `behind`: bytes that come after it and belong to nothing."""

    status: int
    fields: Fields
    body: bytes
    framing: Literal["length", "chunks", "close"]
    chunks: tuple[int, ...]
    trailers: Fields
    early: bool
    lost: int
    behind: bytes
    cuts: tuple[int, ...]

    def script(self, method: str) -> Script:
        """What the upstream plays when `method` was asked."""
        head, body = self._head_and_body(method)
        hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" if self.early else b""
        lost = min(self.lost, len(body)) if self.framing != "close" else 0
        raw = hints + head + body[: len(body) - lost] + (b"" if lost else self.behind)
        kept = self.framing != "close" and not lost and not self.behind
        return Script(_cut(raw, self.cuts), "keep" if kept else "close")

    def _head_and_body(self, method: str) -> tuple[bytes, bytes]:
        body, framing = _framed(self.body, None if self.framing == "length" else self.chunks, self.trailers)
        if self.framing == "close":
            body, framing = self.body, (b"connection: close",)
        elif self.behind:
            framing = (*framing, b"connection: close")
        if method == "HEAD" or self.status in BODILESS:
            body = b""
        lines = (b"HTTP/1.1 %d Generated" % self.status, *_lines(self.fields), *framing)
        return b"\r\n".join(lines) + b"\r\n\r\n", body


def _lines(fields: Fields) -> tuple[bytes, ...]:
    return tuple(b"%b: %b" % field for field in fields)


def _framed(body: bytes | None, chunks: tuple[int, ...] | None, trailers: Fields) -> tuple[bytes, tuple[bytes, ...]]:
    """The body as on the wire, and the line of the head that says how."""
    if body is None:
        return b"", ()
    if chunks is None:
        return body, (b"Content-Length: %d" % len(body),)
    parts, at = [], 0
    for size in (*chunks, len(body)):
        if part := body[at : at + size]:
            parts.append(b"%x%b\r\n%b\r\n" % (len(part), b";a=b" if size % 2 else b"", part))
            at += size
    end = b"".join((b"0\r\n", *(line + b"\r\n" for line in _lines(trailers)), b"\r\n"))
    return b"".join(parts) + end, (b"Transfer-Encoding: chunked",)


def _cut(raw: bytes, cuts: tuple[int, ...]) -> tuple[bytes, ...]:
    marks = [0, *sorted({cut % (len(raw) + 1) for cut in cuts}), len(raw)]
    return tuple(raw[a:b] for a, b in itertools.pairwise(marks) if a < b)


def _is_free(name: str) -> bool:
    return name.lower() not in HOP_BY_HOP | _FRAMING


def _field_value(raw: bytes) -> bytes:
    """As a field may have it: no control character but the tab, no blank at an end (RFC 9110, 5.5)."""
    return bytes(byte for byte in raw if byte == 0x09 or (byte >= 0x20 and byte != 0x7F)).strip(b" \t")


def _own_secret(field: Field) -> Field:
    """A credential is like no other value: the record masks it wherever else it stands."""
    name, value = field
    return (name, b"sk-" + value) if name.lower() in (b"authorization", b"x-api-key") else field


NAMES: Final = st.one_of(
    st.sampled_from(("anthropic-beta", "Anthropic-Version", "X-API-Key", "authorization", "Accept", "X-A", "x-a")),
    st.text(_TOKEN, min_size=1, max_size=12).filter(_is_free),
).map(str.encode)
VALUES: Final = st.one_of(
    st.sampled_from((b"", b"1", b"a, b", b"claude-code-20250219,oauth-2025-04-20", b'"q;\tx" \\', "é🤖".encode())),
    st.binary(max_size=20).map(_field_value),
)
FIELDS: Final = st.lists(st.tuples(NAMES, VALUES).map(_own_secret), max_size=6).map(tuple)
STOPPED: Final = st.sampled_from(
    (
        (),
        ((b"Connection", b"x-named, keep-alive"), (b"x-named", b"1"), (b"Keep-Alive", b"timeout=5")),
        ((b"Cookie", b"a=1"), (b"TE", b"trailers"), (b"Proxy-Authorization", b"Basic eDp5")),
        ((b"connection", b"X-A"), (b"proxy-connection", b"keep-alive")),
    )
)
TYPES: Final = st.sampled_from(
    (((b"Content-Type", b"text/event-stream"),), ((b"content-type", b"application/json"),), ())
)
ENCODINGS: Final = st.sampled_from(
    ((), (), ((b"Content-Encoding", b"gzip"),), ((b"content-encoding", b"br"),), ((b"content-encoding", b"zz"),))
)
TRAILERS: Final = st.sampled_from(((), (), ((b"x-trailer", b"1"), (b"authorization", b"Bearer late"))))
BODIES: Final = st.one_of(
    st.sampled_from(
        (
            b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n: comment\n\n' * 3,
            "data: héllo 🤖\n\n".encode() * 5,
            b'{"model":"m","messages":[{"role":"user","content":"\\u00e9"}],"zz":1.0}',
            gzip.compress(b'{"a":1}', mtime=0),
        )
    ),
    st.binary(max_size=300),
    st.integers(0, 200_000).map(lambda size: b"0123456789\r\n" * (size // 12)),
)
BEHIND: Final = st.sampled_from((b"", b"", b"", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"\x00junk"))
CUTS: Final = st.one_of(st.just(()), st.lists(st.integers(0, 1 << 20), max_size=12).map(tuple))
SIZES: Final = st.lists(st.integers(1, 5000), max_size=8).map(tuple)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any request under /v1/."""
    method = draw(st.sampled_from(("POST", "POST", "POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")))
    body = draw(BODIES if method in ("POST", "PUT", "PATCH") else st.none() | BODIES)
    return Request(
        method=method,
        path=draw(st.just("/v1/messages") | st.text(_IN_PATHS, max_size=20).map("/v1/".__add__)),
        query=draw(st.none() | st.just("beta=true") | st.text(_IN_PATHS + "?", max_size=20)),
        fields=draw(FIELDS) + draw(STOPPED) + draw(ENCODINGS) + draw(FIELDS),
        body=body,
        chunks=None if body is None else draw(st.none() | SIZES),
        trailers=draw(TRAILERS),
        cuts=draw(CUTS),
    )


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Any answer, some of which break off."""
    return Answer(
        status=draw(st.sampled_from((200, 200, 200, 201, 204, 206, 302, 304, 400, 401, 429, 500, 529, 599))),
        fields=draw(FIELDS) + draw(TYPES) + draw(STOPPED) + draw(ENCODINGS) + draw(FIELDS),
        body=draw(BODIES),
        framing=draw(st.sampled_from(("length", "chunks", "chunks", "close"))),
        chunks=draw(SIZES),
        trailers=draw(TRAILERS),
        early=draw(st.booleans()),
        lost=draw(st.just(0) | st.just(0) | st.integers(1, 400)),
        behind=draw(BEHIND),
        cuts=draw(CUTS),
    )

"""Heads on the lane: what is taken, what is left to the ASGI relay, and what goes on."""

from __future__ import annotations

import pytest
from httptools import HttpParserError, HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.relay.fields import to_claude, to_client
from plait.gateway.relay.lane.answers import Framing, read_answer
from plait.gateway.relay.lane.plain import read_request

PASSING = ["Accept", "anthropic-beta", "x-a", "authorization", "X-Api-Key"]
OURS = ["Host", "host", "Cookie", "x-plait-note", "X-Plait-Tag", "Content-Length", "Connection"]
UNUSUAL = ["Transfer-Encoding", "Expect", "TE", "Upgrade", "Origin", "Keep-Alive"]
NAMES = st.sampled_from([*PASSING, *OURS, *UNUSUAL])
VALUES = st.one_of(
    st.sampled_from(["h", "keep-alive", "close", "chunked", "12", "1 2", "", "100-continue", "a, b"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6)


def head_of(start: str, lines: list[tuple[str, str]]) -> bytes:
    return (start + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n").encode()


class Seen:
    """What llhttp says that a request's head holds."""

    def __init__(self, head: bytes) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.good = True
        try:
            HttpRequestParser(self).feed_data(head)
        except HttpParserError:
            self.good = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))


@given(LINES)
def test_a_plain_head_is_read_as_llhttp_reads_it(lines: list[tuple[str, str]]) -> None:
    head = head_of("POST /v1/messages?beta=true HTTP/1.1", lines)
    plain, seen = read_request(head), Seen(head)
    if plain is None or not seen.good:
        return
    assert plain.fields == seen.fields
    low = [(name.lower(), value) for name, value in plain.passing]
    assert low == to_claude([(name.lower(), value) for name, value in seen.fields])
    lengths = [int(value) for name, value in seen.fields if name.lower() == b"content-length"]
    assert lengths == ([] if plain.length is None else [plain.length])


@pytest.mark.parametrize(
    "line",
    [
        "Expect: 100-continue",
        "Upgrade: h2c",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Connection: keep-alive, x-a",
        "TE: trailers",
        "Origin: https://page.test",
        "Content-Length: 1x",
        "Content-Length: ",
        "Content-Length: +1",
        "x-a: b\r\n folded",
        "x-a: b\nx-b: c",
    ],
)
def test_what_is_unusual_is_left_to_the_asgi_relay(line: str) -> None:
    assert read_request(f"POST /v1/messages HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n".encode()) is None


@pytest.mark.parametrize("name", ["Host", "x-api-key", "Authorization", "Content-Length", "x-plait-tag"])
def test_what_may_come_once_and_comes_twice_is_unusual(name: str) -> None:
    assert read_request(head_of("POST /v1/messages HTTP/1.1", [(name, "1")])) is not None
    assert read_request(head_of("POST /v1/messages HTTP/1.1", [(name, "1"), (name.upper(), "1")])) is None


@pytest.mark.parametrize(
    "start",
    [
        "HEAD /v1/models HTTP/1.1",
        "OPTIONS /v1/messages HTTP/1.1",
        "POST /v1/messages HTTP/1.0",
        "POST /v1/messages HTTP/2.0",
        "POST /v1/messages",
        "POST http://h/v1/messages HTTP/1.1",
        "POST /api/requests HTTP/1.1",
        "POST /v1/a#b HTTP/1.1",
        "POST  /v1/messages HTTP/1.1",
        "POST /t//v1/messages HTTP/1.1",
        "GET / HTTP/1.1",
    ],
)
def test_other_targets_and_versions_are_not_the_lanes(start: str) -> None:
    assert read_request(head_of(start, [("Host", "h")])) is None


@pytest.mark.parametrize("target", ["/v1/messages", "/v1/x?", "/v1/x?a=b&c", "/v1//x/../%2f;y"])
def test_a_target_passes_byte_for_byte(target: str) -> None:
    plain = read_request(head_of(f"GET {target} HTTP/1.1", [("Host", "h")]))
    assert plain is not None
    assert plain.target == target.encode()


def test_the_tag_of_the_path_goes_before_that_of_the_field() -> None:
    line = [("X-Plait-Tag", "field")]
    by_path, by_field = (
        read_request(head_of(f"POST {target} HTTP/1.1", line)) for target in ("/t/path/v1/messages", "/v1/messages")
    )
    assert by_path is not None
    assert by_field is not None
    assert (by_path.tag, by_path.target, by_field.tag) == (b"path", b"/v1/messages", b"field")
    assert by_path.passing == []


@given(st.sampled_from([200, 204, 304, 400, 529]), LINES)
def test_an_answers_fields_go_on_as_the_asgi_relay_has_them(status: int, lines: list[tuple[str, str]]) -> None:
    head = head_of(f"HTTP/1.1 {status} Said So", lines)
    read = read_answer(head)
    assert read is not None
    given = [(name.encode(), value.encode()) for name, value in lines]
    # The length is written last; of several llhttp takes none.
    wanted = [field for field in to_client(given, status) if field[0].lower() != b"content-length"]
    assert [field for field in read.fields if field[0].lower() != b"content-length"] == wanted
    assert read.line == f"HTTP/1.1 {status} Said So\r\n".encode()


@pytest.mark.parametrize(
    ("status", "lines", "framing"),
    [
        (200, [("Content-Length", "3")], Framing.LENGTH),
        (200, [("transfer-encoding", "chunked")], Framing.CHUNKED),
        (200, [("transfer-encoding", "gzip"), ("transfer-encoding", "Chunked")], Framing.CHUNKED),
        (200, [("transfer-encoding", "gzip")], Framing.CLOSE),
        (200, [], Framing.CLOSE),
        (204, [("Content-Length", "0")], Framing.NONE),
        (304, [("Content-Length", "3")], Framing.NONE),
    ],
)
def test_framing(status: int, lines: list[tuple[str, str]], framing: Framing) -> None:
    read = read_answer(head_of(f"HTTP/1.0 {status}", lines))
    assert read is not None
    assert read.framing is framing
    assert read.line.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("head", [b"ICY 200 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_head_of_an_answer(head: bytes) -> None:
    assert read_answer(head) is None

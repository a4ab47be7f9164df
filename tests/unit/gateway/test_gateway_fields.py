"""Which header fields pass."""

from __future__ import annotations

from plait.gateway.relay.fields import to_claude, to_client, to_service


def test_what_belongs_to_one_connection_does_not_pass() -> None:
    fields = [
        (b"host", b"h"),
        (b"connection", b"keep-alive, X-Named"),
        (b"x-named", b"1"),
        (b"keep-alive", b"5"),
        (b"transfer-encoding", b"chunked"),
        (b"te", b"trailers"),
        (b"upgrade", b"h2c"),
        (b"content-length", b"3"),
        (b"cookie", b"c=1"),
        (b"authorization", b"Bearer k"),
        (b"x-custom", b"a"),
        (b"x-custom", b"b"),
    ]
    assert to_claude(fields) == [(b"authorization", b"Bearer k"), (b"x-custom", b"a"), (b"x-custom", b"b")]
    assert (b"cookie", b"c=1") in to_service(fields)


def test_an_answer_keeps_its_own_fields_in_their_order_and_spelling() -> None:
    fields = [
        (b"Content-Length", b"3"),
        (b"X-Request-Id", b"theirs"),
        (b"Connection", b"x-gone"),
        (b"X-Gone", b"1"),
        (b"Set-Cookie", b"a"),
        (b"Set-Cookie", b"b"),
    ]
    assert to_client(fields, 200) == [(b"Content-Length", b"3"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")]
    assert to_client(fields, 304) == [(b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")]

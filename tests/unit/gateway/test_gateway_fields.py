"""Which header fields pass, and whose traffic a Host says it is."""

from __future__ import annotations

import pytest

from plait.gateway.relay.fields import domain_of, to_claude, to_client, to_service


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (b"API.Example.com", "api.example.com"),
        (b"api.example.com:8443", "api.example.com"),
        (b"api.example.com.", "api.example.com"),
        (b"localhost:3000", "localhost:3000"),
        (b"127.0.0.1:3000", "127.0.0.1:3000"),
        (b"127.0.0.1", "127.0.0.1"),
        (b"[::1]:3000", "[::1]"),
        (b"", None),
        (b"a/b", None),
        (b"../../etc/passwd", None),
        (b"a b", None),
        (b"a:port", None),
        (b"a\x00b", None),
        (b".", None),
        (b"caf\xc3\xa9.example", None),
    ],
)
def test_the_domain_of_a_host(host: bytes, domain: str | None) -> None:
    assert domain_of([(b"host", host)]) == domain


def test_no_host_or_two_hosts_are_no_domain() -> None:
    assert domain_of([]) is None
    assert domain_of([(b"host", b"a"), (b"host", b"b")]) is None


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

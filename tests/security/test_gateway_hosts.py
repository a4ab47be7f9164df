"""A Host is a name to look up and nothing else: no path, no second opinion, no address to be sent to."""

from __future__ import annotations

import asyncio

from plait.fakes.answers import json_answer
from plait.fakes.claude import ScriptedClaude
from plait.gateway.spool.records import Request
from tests.contract.gateway.relaying import Gateway, error_of, raw_call

REFUSED = {
    "a path upwards": b"Host: ../../etc/passwd",
    "a path upwards, encoded": b"Host: ..%2f..%2fetc%2fpasswd",
    "a backslash": rb"Host: ..\..\windows",
    "a path": b"Host: a/b",
    "an absolute path": b"Host: /etc/passwd",
    "a NUL": b"Host: a.test\x00.evil.test",
    "64 KB": b"Host: " + b"a" * 65_000,
    "two": b"Host: a.test\r\nHost: b.test",
    "twice the same": b"Host: a.test\r\nHost: a.test",
    "a list": b"Host: a.test, b.test",
    "none": b"X-Host: a.test",
    "empty": b"Host: ",
    "dots alone": b"Host: ...",
    "an ideographic full stop": "Host: a。test".encode(),
    "a fullwidth full stop": "Host: a．test".encode(),
    "a one dot leader": "Host: a․test".encode(),
    "a fullwidth solidus": "Host: ..／..／etc".encode(),
    "an overlong slash": b"Host: a\xc0\xafb",
    "a user": b"Host: a.test@evil.test",
    "a query": b"Host: a.test?x",
    "a fragment": b"Host: a.test#x",
    "a wildcard": b"Host: *.test",
    "a blank": b"Host: a.test b.test",
    "a tab": b"Host: a.test\tb.test",
    "a port in words": b"Host: a.test:https",
    "two ports": b"Host: a.test:1:2",
    "an unclosed address": b"Host: [::1",
    "a file's name for all": b"Host: ..",
}


def asked(*lines: bytes, target: bytes = b"/v1/messages") -> bytes:
    return (
        b"\r\n".join((b"POST %b HTTP/1.1" % target, *lines, b"Content-Length: 2", b"Connection: close")) + b"\r\n\r\n{}"
    )


async def test_what_is_no_name_is_refused(gateway: Gateway, claude: ScriptedClaude) -> None:
    answers = await asyncio.gather(*(raw_call(gateway.port, asked(line)) for line in REFUSED.values()))
    for case, (head, body) in zip(REFUSED, answers, strict=True):
        assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")), case
        assert error_of(body)[0] == "invalid_request_error", case
        assert b"passwd" not in body, case
    assert claude.calls == []


async def domain(gateway: Gateway, raw: bytes) -> str:
    """Under which the exchange is recorded."""
    head, _ = await raw_call(gateway.port, raw)
    exchange_id = head.lower().partition(b"x-request-id: ")[2].split(b"\r\n")[0].decode()
    request = gateway.records(exchange_id)[0]
    assert isinstance(request, Request)
    return request.domain


async def test_one_name_has_one_spelling(gateway: Gateway) -> None:
    """Else a key of one spelling would be asked for and another's credentials be used."""
    for spelt in (b"A.Example.TEST", b"a.example.test.", b"a.example.test:443", b"a.example.test.:1"):
        assert await domain(gateway, asked(b"Host: " + spelt)) == "a.example.test", spelt


async def test_a_whole_address_as_target_leads_nowhere_else(gateway: Gateway, claude: ScriptedClaude) -> None:
    """The gateway is no open proxy, and such a target chooses no other domain than the Host does."""
    claude.rules.append(lambda _: json_answer({}))
    async with ScriptedClaude() as elsewhere:
        target = b"http://127.0.0.1:%d/v1/messages?x=1" % elsewhere.port
        head, _ = await raw_call(gateway.port, asked(b"Host: a.test", target=target))
        for other in (b"//127.0.0.1:%d/v1/messages" % elsewhere.port, b"/v1/@127.0.0.1:%d/x" % elsewhere.port):
            await raw_call(gateway.port, asked(b"Host: a.test", target=other))
        assert elsewhere.calls == []
    if not head.startswith(b"HTTP/1.1 400 "):
        assert claude.calls[0].target == "/v1/messages?x=1"
    hosts = {call.header("host") for call in claude.calls}
    assert hosts <= {f"127.0.0.1:{claude.port}"}


async def test_a_path_that_climbs_is_claudes_to_judge_and_reaches_no_other_route(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    claude.rules.append(lambda _: json_answer({}, 404))
    climbing = (b"/v1/../api/requests", b"/v1/%2e%2e/api/requests", b"/t/x/v1/../../health", b"/v1//api/requests")
    for target in climbing:
        head, _ = await raw_call(gateway.port, asked(b"Host: a.test", target=target))
        assert head.startswith(b"HTTP/1.1 404 "), target
    assert [call.target.encode() for call in claude.calls] == [target.removeprefix(b"/t/x") for target in climbing]


async def test_a_tag_is_a_label_whatever_it_says(gateway: Gateway, claude: ScriptedClaude) -> None:
    claude.rules.append(lambda _: json_answer({}))
    target = b"/t/..%2f..%2fx%0d%0aX-Injected:%201/v1/messages"
    head, _ = await raw_call(gateway.port, asked(b"Host: a.test", target=target))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"injected" not in head.lower()
    (call,) = claude.calls
    assert call.target == "/v1/messages"
    assert "injected" not in str(call.headers).lower()

"""Bytes that two servers could read as two different requests are refused, and what hides behind them is never asked.

The cases are those of RFC 9112 (2.2, 5, 6, 7, 11.2) and of published smuggling attacks. Each has a request behind it
that would be run if any byte before it were taken for the end.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from plait.fakes.answers import raw_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.gateway.spool.records import Ending
from tests.contract.gateway.relaying import Gateway, ended, error_of, raw_call

BEHIND = b"GET /v1/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """A request with a good Host and these lines."""
    return b"\r\n".join((b"POST /v1/messages HTTP/1.1", b"Host: h", *lines)) + b"\r\n\r\n" + body


def chunks(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


LENGTHS = {
    "a length and chunks": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunks and a length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 2", body=b"{}"),
    "the same length twice": post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"),
    "a list of lengths": post(b"Content-Length: 2, 2", body=b"{}"),
    "a length with a plus": post(b"Content-Length: +2", body=b"{}"),
    "a length below nought": post(b"Content-Length: -2", body=b"{}"),
    "a length in hex": post(b"Content-Length: 0x2", body=b"{}"),
    "a length with a blank": post(b"Content-Length: 2 0", body=b"{}"),
    "no length": post(b"Content-Length: ", body=b"{}"),
    "a length over 64 bits": post(b"Content-Length: 18446744073709551618", body=b"{}"),
    "a length with an underscore": post(b"Content-Length: 0_2", body=b"{}"),
}
CODINGS = {
    "another coding": post(b"Transfer-Encoding: gzip", body=b"0\r\n\r\n"),
    "chunked, but not last": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "a blank before the colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "nearly chunked": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "quoted": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "chunked, then identity on its own line": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"
    ),
    "an empty coding": post(b"Transfer-Encoding: ", body=b"0\r\n\r\n"),
}
CHUNKS = {
    "a size with 0x": chunks(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a size below nought": chunks(b"-2\r\n{}\r\n0\r\n\r\n"),
    "a size over 64 bits": chunks(b"10000000000000002\r\n{}\r\n0\r\n\r\n"),
    "a blank before the size": chunks(b" 2\r\n{}\r\n0\r\n\r\n"),
    "no size": chunks(b"\r\n{}\r\n0\r\n\r\n"),
    "a size that ends with a line feed alone": chunks(b"2\n{}\r\n0\r\n\r\n"),
    "data that ends with a line feed alone": chunks(b"2\r\n{}\n0\r\n\r\n"),
    "data that is longer than its size": chunks(b"2\r\n{}x\r\n0\r\n\r\n"),
    "an extension with a line feed": chunks(b"2;a\nb\r\n{}\r\n0\r\n\r\n"),
    "an extension with a NUL": chunks(b"2;a\x00b\r\n{}\r\n0\r\n\r\n"),
    "an extension with a carriage return": chunks(b"2;a\rb\r\n{}\r\n0\r\n\r\n"),
    "a last chunk that ends with a line feed alone": chunks(b"2\r\n{}\r\n0\n\r\n"),
    "a trailer that ends with a line feed alone": chunks(b"2\r\n{}\r\n0\r\nx: 1\n\r\n"),
}
LINES = {
    "line feeds alone": post(b"Content-Length: 0").replace(b"\r\n", b"\n"),
    "one line feed alone": post(b"X-A: 1\nX-B: 2", b"Content-Length: 0"),
    "the last line with a line feed alone": post(b"Content-Length: 0")[:-2] + b"\n",
    "a carriage return alone": post(b"X-A: 1\rX-B: 2", b"Content-Length: 0"),
    "a folded line": post(b"X-A: 1\r\n 2", b"Content-Length: 0"),
    "a line folded with a tab": post(b"X-A: 1\r\n\tContent-Length: 30", b"Content-Length: 0"),
    "a blank before the first field": post(b"Content-Length: 0").replace(b"\r\nHost", b"\r\n Host"),
    "a NUL in a value": post(b"X-A: 1\x002", b"Content-Length: 0"),
    "a control character in a value": post(b"X-A: 1\x012", b"Content-Length: 0"),
    "DEL in a value": post(b"X-A: 1\x7f2", b"Content-Length: 0"),
    "a NUL in a name": post(b"X\x00A: 1", b"Content-Length: 0"),
    "a blank in a name": post(b"X A: 1", b"Content-Length: 0"),
    "a character beyond ASCII in a name": post("X-é: 1".encode(), b"Content-Length: 0"),
    "an empty name": post(b": 1", b"Content-Length: 0"),
    "no colon": post(b"X-A", b"Content-Length: 0"),
}


def started(line: bytes) -> bytes:
    return line + b"\r\nHost: h\r\nContent-Length: 0\r\n\r\n"


STARTS = {
    "no version": started(b"POST /v1/messages"),
    "version 2": started(b"POST /v1/messages HTTP/2.0"),
    "version 0.9": started(b"POST /v1/messages HTTP/0.9"),
    "version 1.10": started(b"POST /v1/messages HTTP/1.10"),
    "a version in small letters": started(b"POST /v1/messages http/1.1"),
    "another protocol": started(b"POST /v1/messages ICE/1.0"),
    "a method in small letters": started(b"post /v1/messages HTTP/1.1"),
    "a method that nobody knows": started(b"SMUGGLE /v1/messages HTTP/1.1"),
    "a method that nobody has": started(b"P\x00ST /v1/messages HTTP/1.1"),
    "a blank before the method": started(b" POST /v1/messages HTTP/1.1"),
    "a blank in the target": started(b"POST /v1/mess ages HTTP/1.1"),
    "a tab in the target": started(b"POST /v1/mess\tages HTTP/1.1"),
    "a NUL in the target": started(b"POST /v1/mess\x00ages HTTP/1.1"),
    "a character beyond ASCII in the target": started("POST /v1/é HTTP/1.1".encode()),
    "a carriage return in the target": started(b"POST /v1/\rx HTTP/1.1"),
    "a proxy's tunnel": started(b"CONNECT api.anthropic.com:443 HTTP/1.1"),
}


CASES = {"lengths": LENGTHS, "codings": CODINGS, "chunks": CHUNKS, "lines": LINES, "starts": STARTS}


@pytest.mark.parametrize("cases", CASES.values(), ids=CASES)
async def test_what_can_be_read_in_two_ways_is_refused(
    gateway: Gateway, claude: ScriptedClaude, cases: dict[str, bytes]
) -> None:
    answers = await asyncio.gather(*(raw_call(gateway.port, raw + BEHIND) for raw in cases.values()))
    for case, (head, body) in zip(cases, answers, strict=True):
        assert head.startswith(b"HTTP/1.1 400 "), case
        assert error_of(body)[0] == "invalid_request_error", case
        assert b"connection: close" in head.lower(), case
    assert [call.target for call in claude.calls] == []


async def test_requests_in_one_go_are_answered_in_their_order(gateway: Gateway, claude: ScriptedClaude) -> None:
    """The second waits for the first, which streams; none gets the other's answer."""
    slow = stream_answer([b"data: %d\n\n" % n for n in range(5)], wait=0.02)
    claude.rules.append(lambda call: slow if call.body == b"0" else raw_answer(call.body, "text/plain"))
    asked = [post(b"Content-Length: 1", body=b"%d" % n) for n in range(4)]
    asked += [chunks(b"1;a=b\r\n4\r\n0\r\nx-trailer: 1\r\n\r\n")]
    asked += [post(b"Content-Length: 1", b"Connection: close", body=b"5")]
    answered = b"".join(await raw_call(gateway.port, b"".join(asked)))
    assert [call.body for call in claude.calls] == [b"%d" % n for n in range(6)]
    ends = [answered.index(b"\r\n\r\n%d" % n) for n in range(1, 6)]
    assert ends == sorted(ends)
    assert answered.index(b"data: 4") < ends[0]


async def test_what_stands_behind_a_request_in_one_go_is_judged_like_it(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    """Its head is no less bounded, and what follows an offer to upgrade is never taken for another protocol."""
    claude.rules.append(lambda call: raw_answer(call.body, "text/plain"))
    first = post(b"Content-Length: 1", body=b"1")
    offer = post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 30", body=BEHIND[:30])
    for behind in (offer, post(b"X-Large: " + b"x" * 70_000)):
        answered = b"".join(await raw_call(gateway.port, first + behind + BEHIND))
        assert re.findall(rb"HTTP/1.1 (4..) ", answered) in ([b"400"], [b"431"])
    assert {call.body for call in claude.calls} <= {b"1"}
    assert {call.method for call in claude.calls} <= {"POST"}


@pytest.mark.parametrize(
    "good", [post(b"Content-Length: 2", body=b"{}"), chunks(b"2\r\n{}\r\n0\r\n\r\n")], ids=["plain", "unusual"]
)
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
async def test_what_breaks_behind_a_request_is_refused_behind_its_answer(
    gateway: Gateway, claude: ScriptedClaude, chunked: bool, good: bytes
) -> None:
    """Inside it, the refusal would be read as bytes of the answer (RFC 9112, 9.3.2)."""
    rest = asyncio.Event()
    answer = replace(stream_answer([b"data: 1\n\n", b"x" * 500]), chunked=chunked)
    claude.rules.append(lambda _: answer.gated(rest, 1))
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(good)
    answered = await reader.readuntil(b"data: 1\n\n")
    writer.write(b"\x01\r\n\r\n" + BEHIND)
    await writer.drain()
    await asyncio.sleep(0.1)  # it has been read
    rest.set()
    [request_id] = re.findall(rb"x-request-id: (\S+)", answered)
    assert (await ended(gateway, request_id.decode())).ending is Ending.WHOLE
    behind = await reader.read()
    writer.close()
    assert b"x" * 500 in behind.partition(b"HTTP/1.1 400 ")[0]
    assert behind.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in behind.lower()


BROKEN = {
    "a line that is none": b"\x01\r\n\r\n",
    "a head without end": post(b"X-Large: " + b"x" * 70_000),
    "two lengths": LENGTHS["two lengths"],
    "a chunk's size in words": chunks(b"two\r\n{}\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("good", [1, 3])
@pytest.mark.parametrize("case", BROKEN)
async def test_what_breaks_behind_requests_in_one_go_takes_nothing_of_their_answers(
    gateway: Gateway, claude: ScriptedClaude, case: str, good: int
) -> None:
    claude.rules.append(lambda call: raw_answer(b"answer to " + call.body, "text/plain"))
    asked = [post(b"Content-Length: 1", body=b"%d" % number) for number in range(good)]
    answered = b"".join(await raw_call(gateway.port, b"".join(asked) + BROKEN[case] + BEHIND))
    assert re.findall(rb"HTTP/1.1 (...) ", answered) in ([b"200"] * good + [b"400"], [b"200"] * good + [b"431"])
    assert re.findall(rb"answer to \d", answered) == [b"answer to %d" % number for number in range(good)]
    assert [call.body for call in claude.calls] == [b"%d" % number for number in range(good)]


async def test_a_short_request_cut_off_by_its_client_is_never_asked(gateway: Gateway, claude: ScriptedClaude) -> None:
    for raw in (post(b"Content-Length: 9", body=b"half"), chunks(b"9\r\nhalf"), chunks(b"4\r\nhalf\r\n0\r\n")):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(raw)
        writer.write_eof()
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await gateway.get("/v1/models")
    assert [call.target for call in claude.calls] == ["/v1/models"]


async def test_who_expects_a_100_gets_it_and_claude_is_not_asked_for_one(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    claude.rules.append(lambda call: raw_answer(call.body, "text/plain"))
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(b"Expect: 100-continue", b"Content-Length: 2", b"Connection: close"))
    async with asyncio.timeout(60):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert claude.calls[0].header("expect") is None


async def test_who_expects_a_100_for_too_much_is_refused_before_it_sends(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(b"Expect: 100-continue", b"Content-Length: 999999999"))
    async with asyncio.timeout(60):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    writer.close()

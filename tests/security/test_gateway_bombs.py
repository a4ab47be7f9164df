"""Bodies made to break whoever decodes or parses them: they pass as they are, and only their own record suffers."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import brotli
import psutil
import pytest
import zstandard

from plait.fakes.answers import Answer, json_answer, raw_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import call
from plait.fakes.ledger import Call
from tests.faults.pipeline import KEYED, pipeline
from tests.servers import Broker

MEGA = 1 << 20
DEPTH = 100_000
SWOLLEN = 100 * MEGA
"""What each bomb becomes: more than an event can hold."""
MOST_MEMORY = 600 * MEGA
"""Of the process that decodes them all, one after another."""
STREAMED = ("gzip", "identity")
"""Encodings of answers that also come as event streams."""
DEEP = b"[" * DEPTH + b"]" * DEPTH
DEEP_MESSAGES = b'{"model":"m","messages":[{"role":"user","content":' + DEEP + b"}]}"
DEEP_OBJECT = b'{"a":' * DEPTH + b"1" + b"}" * DEPTH


def bombs() -> dict[str, bytes]:
    """By content encoding."""
    part, times = bytes(10 * MEGA), SWOLLEN // (10 * MEGA)
    gzipped = gzip.compress(part, 6, mtime=0)  # members one after another are one file (RFC 1952)
    return {
        "gzip": gzipped * times,
        "deflate": _deflated(part, times),
        "zstd": zstandard.ZstdCompressor().compress(part) * times,
        "br": brotli.Compressor(quality=1).process(bytes(SWOLLEN)),
        "gzip, gzip": gzip.compress(gzipped * times, mtime=0),
    }


def _deflated(part: bytes, times: int) -> bytes:
    packer = zlib.compressobj(6)
    return b"".join([packer.compress(part) for _ in range(times)]) + packer.flush()


def bodies() -> list[tuple[str, bytes]]:
    """Content encodings and bodies."""
    deep = [("identity", DEEP), ("identity", DEEP_MESSAGES), ("identity", DEEP_OBJECT), ("gzip", gzip.compress(DEEP))]
    return [*bombs().items(), *deep, ("identity", b'{"messages":' + b"9" * MEGA + b"}"), ("gzip", b"no gzip")]


def echo(asked: Call) -> Answer:
    """What was sent, as JSON or as a stream of which it is one event."""
    encoding = (("content-encoding", asked.header("content-encoding") or "identity"),)
    if "stream" in asked.target:
        return stream_answer([asked.body], headers=encoding)
    return raw_answer(asked.body, "application/json", headers=encoding)


@pytest.mark.parametrize("byte_lane", ["on"])  # what decodes is the same for both ways
async def test_they_pass_unharmed_and_the_record_goes_on(
    claude: ScriptedClaude, broker: Broker, postgres_url: str, tmp_path: Path, byte_lane: str
) -> None:
    claude.rules.append(echo)
    sent = [("json", *body) for body in bodies()] + [("stream", *body) for body in bodies() if body[0] in STREAMED]
    async with pipeline(claude.url, tmp_path, broker, postgres_url, {"BYTE_LANE": byte_lane}) as plait:
        for number, (kind, encoding, body) in enumerate(sent):
            fields = [*KEYED, ("content-type", "application/json"), ("content-encoding", encoding)]
            target = f"/t/n{number}/v1/messages?as={kind}"
            received = await call(plait.gateway.port, "POST", target, fields, body)
            assert (received.status, received.whole) == (200, True), encoding
            assert received.body == body, encoding
        assert [asked.body for asked in claude.calls] == [body for _, _, body in sent]
        claude.rules[:] = [lambda _: json_answer({"type": "message"})]
        await plait.ask(len(sent))
        await plait.until_recorded(range(len(sent) + 1))
        sizes = await plait.database.fetch("SELECT request_size FROM exchanges ORDER BY substr(tag, 2)::int")
        assert [row["request_size"] for row in sizes][:-1] == [len(body) for _, _, body in sent]
        assert peak(plait.workers) < MOST_MEMORY
        assert peak(psutil.Process(plait.gateway.pid)) < MOST_MEMORY


def peak(process: psutil.Process) -> int:
    """Most bytes that a process has had in memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))

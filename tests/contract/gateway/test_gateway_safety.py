"""What SPOOL_SYNC and REDACT_BODIES change: how safe a record is before its answer, and what a record holds."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from plait.fakes import answers
from plait.fakes.answers import JSON, Answer, json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received
from plait.gateway.spool import syncing
from plait.gateway.spool.records import Head, Piece, Request
from tests.contract.gateway.relaying import relaying

SECRET = b"sk-ant-api03-" + b"Aa1_" * 20


@pytest.mark.parametrize("streamed", [True, False])
async def test_with_always_the_last_byte_waits_for_the_disk(
    claude: ScriptedClaude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    claude.rules.append(lambda _: stream_answer([b"data: 1\n\n"]) if streamed else json_answer({"n": 1}))
    answered_before: list[bool] = []
    asked: list[asyncio.Task[Received]] = []
    sync_all = syncing._sync_all

    def watched(files: list[int], folder: Path | None) -> None:
        answered_before.append(asked[0].done())
        sync_all(files, folder)

    monkeypatch.setattr(syncing, "_sync_all", watched)
    async with relaying(claude.url, tmp_path / "spool", spool_sync="always") as gateway:
        asked.append(asyncio.create_task(gateway.post()))
        assert (await asked[0]).whole
        assert answered_before == [False]


async def test_a_disk_that_does_not_sync_stops_no_answer_and_is_told(
    claude: ScriptedClaude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_files: list[int], _folder: Path | None) -> None:
        raise OSError(5, "Input/output error")

    claude.rules.append(lambda _: json_answer({"n": 1}))
    monkeypatch.setattr(syncing, "_sync_all", refusing)
    async with relaying(claude.url, tmp_path / "spool", spool_sync="always") as gateway:
        assert (await gateway.post()).whole
        health = await gateway.get("/health/ready")
        assert b"the spool's disk refuses writes" in health.body


@pytest.mark.parametrize("byte_lane", [True, False])
async def test_secrets_are_relayed_and_not_recorded(claude: ScriptedClaude, tmp_path: Path, byte_lane: bool) -> None:
    packed = gzip.compress(b'{"yours": "%b"}' % SECRET)
    encoded = Answer(headers=(JSON, ("Content-Encoding", "gzip")), pieces=(answers.Piece(packed),)).cut_every(9)
    claude.rules.append(lambda _: encoded)
    asked = b'{"mine": "%b, me@example.com"}' % SECRET
    async with relaying(
        claude.url, tmp_path / "spool", redact_bodies="api-keys, emails", byte_lane=byte_lane
    ) as gateway:
        answer = await gateway.post(asked)
        assert answer.body == packed
        assert claude.calls[0].body == asked
        request, head, *pieces, _ = gateway.records(answer.request_id)
        assert SECRET not in gateway.raw_spool()
    assert isinstance(request, Request)
    assert request.body == b'{"mine": "[redacted:api-keys], [redacted:emails]"}'
    assert isinstance(head, Head)
    assert b"content-encoding" not in [name.lower() for name, _ in head.headers]
    assert b"".join(piece.data for piece in pieces if isinstance(piece, Piece)) == b'{"yours": "[redacted:api-keys]"}'

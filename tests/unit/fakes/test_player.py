"""The player against the scripted Claude itself, and against gateways that are not transparent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from plait.fakes.claude import ScriptedClaude
from plait.fakes.player import Played, Player
from plait.fakes.recordings import load, samples_folder

SCENARIOS = load(samples_folder())
Change = Callable[[bytes], bytes]


@contextlib.asynccontextmanager
async def between(
    claude: ScriptedClaude, *, up: Change = bytes, down: Change = bytes, at_end: bytes = b""
) -> AsyncIterator[int]:
    """A gateway that gives each answer an id, changes bytes on the way up and down, and adds some at the end."""

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change, last: bytes = b""
    ) -> None:
        try:
            while piece := await reader.read(1 << 20):
                writer.write(change(piece))
                await writer.drain()
            writer.write(last)
        except ConnectionError:
            pass  # one side left: so does the other
        writer.close()

    def with_id(piece: bytes) -> bytes:
        return down(piece.replace(b" Scripted\r\n", b" Scripted\r\nX-Request-ID: 7\r\n", 1))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", claude.port)
        await asyncio.gather(pump(reader, far_writer, up), pump(far_reader, writer, with_id, at_end))

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()[1]


async def play(name: str, *, up: Change = bytes, down: Change = bytes, at_end: bytes = b"") -> list[Played]:
    async with ScriptedClaude() as claude, between(claude, up=up, down=down, at_end=at_end) as port:
        return await Player(port, claude, within=2).play({name: SCENARIOS[name]})


async def test_nothing_is_found_when_nothing_is_changed() -> None:
    async with ScriptedClaude() as claude, between(claude) as port:
        heard: list[str] = []
        player = Player(port, claude, on_played=lambda played: heard.append(played.recording.name))
        played = await player.play(SCENARIOS)
        assert len(claude.calls) == 128
    assert {one.recording.name: one.findings for one in played if one.findings} == {}
    assert sorted(heard) == sorted(one.recording.name for one in played)
    assert {one.request_id for one in played} == {"7"}
    assert played[-1].domain == "workflow.example.test"


@pytest.mark.parametrize(
    ("up", "down", "finding"),
    [
        (lambda b: b.replace(b'"model"', b'"Model"'), bytes, "never reached Claude with these bytes"),
        (lambda b: b.replace(b"x-app: cli", b"x-app: cut"), bytes, "request header lost or changed: x-app"),
        (bytes, lambda b: b.replace(b"X-Request-ID", b"X-Request-No"), "the answer has no X-Request-ID"),
        (
            bytes,
            lambda b: b.replace(b"request-id: req_", b"request-id: qer_"),
            "answer header lost or changed: request-id",
        ),
        (bytes, lambda b: b.replace(b"HTTP/1.1 200", b"HTTP/1.1 203"), "status 200 became 203"),
        (bytes, lambda b: b.replace(b"event: ", b"Event: "), "the answer's body was changed"),
        (bytes, lambda b: b.replace(b"0\r\n\r\n", b""), "the answer is not whole"),
    ],
)
async def test_what_a_gateway_changes_is_found(up: Change, down: Change, finding: str) -> None:
    played = await play("oneshot", up=up, down=down)
    assert [text for one in played for text in one.findings if finding in text]


async def test_a_cut_answer_must_stay_cut() -> None:
    played = await play("err_stream_cut_text", at_end=b"0\r\n\r\n")
    assert "a cut answer was ended as if it were whole" in played[0].findings


async def test_order_and_overlaps_are_kept() -> None:
    recordings = SCENARIOS["two_sessions"]
    async with ScriptedClaude() as claude, between(claude) as port:
        await Player(port, claude, speed=4).play({"two_sessions": recordings})
        calls = claude.calls
    assert [call.body for call in calls] == [one.body for one in recordings]
    spans = [(call.arrived, call.ended or 0.0) for call in calls]
    assert _overlaps(spans) == _overlaps([(one.started, one.ended) for one in recordings])


async def test_speed_keeps_the_recorded_pauses() -> None:
    async with ScriptedClaude() as claude, between(claude) as port:
        await Player(port, claude, speed=5).play({"resume": SCENARIOS["resume"]})
        first, last = claude.calls[0].arrived, claude.calls[-1].arrived
    recorded = SCENARIOS["resume"][-1].started - SCENARIOS["resume"][0].started
    assert last - first >= recorded / 5 * 0.9


async def test_width_bounds_how_many_scenarios_run_at_once() -> None:
    names = ["err_429_retry_after", "err_529_twice"]
    async with ScriptedClaude() as claude, between(claude) as port:
        await Player(port, claude, width=1, speed=20).play({name: SCENARIOS[name] for name in names})
        order = [_scenario_of(call.body, names) for call in claude.calls]
    assert order == [names[0]] * 3 + [names[1]] * 3


def _overlaps(spans: list[tuple[float, float]]) -> set[tuple[int, int]]:
    pairs = ((i, j) for j in range(len(spans)) for i in range(j))
    return {(i, j) for i, j in pairs if spans[i][1] > spans[j][0]}


def _scenario_of(body: bytes, names: list[str]) -> str:
    return next(name for name in names for one in SCENARIOS[name] if one.body == body)

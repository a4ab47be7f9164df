"""`plait spool`: what people read of a spool, and what they are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plait.cli.main import app
from plait.common.errors import UserError
from plait.gateway.spool.records import End, Ending, Head, Piece, Record, Request, to_frame
from plait.gateway.spool.segments import segment_numbers, segment_path
from plait.gateway.spool.writer import SpoolWriter

MEGA = 1 << 20
NAME = bytes(range(16))
UUID_TEXT = "00010203-0405-0607-0809-0a0b0c0d0e0f"


def plait(*arguments: str) -> int:
    return app(["spool", *arguments], exit_on_error=False) or 0


def spool(directory: Path) -> SpoolWriter:
    writer = SpoolWriter(directory, segment_bytes=MEGA, max_bytes=64 * MEGA)
    records: list[Record] = [
        Request(1_700_000_000.0, "d.test", "POST", "/v1/messages", "", [(b"a", b"b")], b'{"n": 1}'),
        Head(1.0, 200, []),
        Piece(2.0, b"\xff\x00"),
        End(3.0, Ending.WHOLE),
    ]
    writer.append_many([to_frame(NAME, record) for record in records])
    return writer


def test_stat_tells_who_writes_and_what_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = spool(tmp_path / "worker-1")
    assert plait("stat", str(tmp_path)) == 0
    writer.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "worker-1")
    assert "  writer      a gateway" in lines
    assert "  shipper     none" in lines


def test_verify_counts_and_finds_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool(tmp_path).close()
    assert plait("verify", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "4 records of 1 exchange, 0 without an end. " in told
    assert "/s" not in told.removeprefix(str(tmp_path))
    path = segment_path(tmp_path, segment_numbers(tmp_path)[0])
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert plait("verify", str(tmp_path)) == 1
    assert "3 records of 1 exchange, 1 without an end; 1 damaged" in capsys.readouterr().out


def test_dump_shows_each_record_as_a_json_line(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    spool(tmp_path).close()
    assert plait("dump", str(tmp_path), "--exchange", UUID_TEXT) == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["kind"] for line in lines] == ["request", "head", "piece", "end"]
    assert {line["exchange"] for line in lines} == {UUID_TEXT}
    assert lines[0]["record"]["body"] == '{"n": 1}'
    assert lines[2]["record"]["data"] == {"base64": "/wA="}


def test_a_dump_of_an_exchange_that_is_not_there_says_so(tmp_path: Path) -> None:
    spool(tmp_path).close()
    other = UUID_TEXT.replace("0", "1")
    with pytest.raises(UserError, match=f"Nothing is recorded of the exchange {other} in {tmp_path}"):
        plait("dump", str(tmp_path), "--exchange", other)


def test_a_spool_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=rf"no spool in {tmp_path}\.$"):
        plait("stat", str(tmp_path))
    monkeypatch.setenv("SPOOL_DIR", str(tmp_path))
    with pytest.raises(UserError, match=rf"no spool in {tmp_path}: name its folder, or set SPOOL_DIR\.$"):
        plait("stat")


def test_what_a_gateway_writes_is_not_shipped_from_behind_it(tmp_path: Path) -> None:
    writer = spool(tmp_path)
    with pytest.raises(UserError, match="A gateway writes"):
        plait("ship", str(tmp_path))
    writer.close()

"""What is taken out of recorded bodies: no secret stays, however it was cut or encoded, and nothing else goes."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from plait.common.events import ResponseEvent, encode
from plait.gateway.redaction import NAMED, Pieces, Redactor
from plait.gateway.settings import RelaySettings
from plait.gateway.shipper.exchange import Exchange, begin
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Ending, Head, Piece, Record, Request, from_frame
from plait.gateway.spool.redacting import RedactingSpool
from plait.gateway.spool.segments import START
from plait.gateway.spool.writer import SpoolWriter
from tests.unit.gateway.test_gateway_exchange import ID

MEGA = 1 << 20
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "IBAAKCAQEA/" * 200 + "\n-----END RSA PRIVATE KEY-----"
SECRETS = {
    "api-keys": [
        "sk-ant-api03-" + "aB3_" * 20,
        "sk-proj-" + "x9" * 20,
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1" * 18,
        "github_pat_" + "a1" * 20,
        "xoxb-1234567890-abc",
        "AIza" + "b" * 35,
    ],
    "private-keys": [PEM, "-----BEGIN PRIVATE KEY-----\nMIIE, and it was cut off"],
    "tokens": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"],
    "emails": ["jo.doe+tag@mail.example.co.uk"],
}
ALL = [(name, secret) for name, secrets in SECRETS.items() for secret in secrets]
EVERYTHING = Redactor(NAMED)
HARMLESS = st.text(st.sampled_from("abc de.,:\n{}[]0123-_+/="), max_size=200)


@pytest.mark.parametrize(("name", "secret"), ALL)
def test_each_kind_of_secret_is_found_and_the_rest_stays(name: str, secret: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"mine is {secret}"}], "n": 1}).encode()
    found = json.loads(Redactor([name]).text(body))
    assert found == {"model": "m", "messages": [{"role": "user", "content": f"mine is [redacted:{name}]"}], "n": 1}


@pytest.mark.parametrize("before", ["\n", "\x07", "a\r\n", "é", '"'])
@pytest.mark.parametrize(("name", "secret"), [*ALL[:-3], *ALL[-2:]])
def test_behind_what_json_writes_with_letters_a_secret_is_found_and_the_body_stays_json(
    before: str, name: str, secret: str
) -> None:
    """The `n` of a line's end is none of the secret behind it."""
    found = json.loads(EVERYTHING.text(json.dumps({"content": f"{before}{secret} and on"}).encode()))
    assert found == {"content": f"{before}[redacted:{name}] and on"}


@pytest.mark.parametrize(
    "text",
    ["task-list", "ask-me-anything", "a@b", "user@host", "sk-short", "disk-usage-of-the-partition", "@decorator"],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert EVERYTHING.text(text.encode()) == text.encode()


@given(st.lists(st.tuples(HARMLESS, st.sampled_from(ALL)), max_size=5), st.data())
@settings(deadline=None)
def test_no_secret_survives_however_a_body_is_cut(
    parts: list[tuple[str, tuple[str, str]]], data: st.DataObject
) -> None:
    body = "".join(f'{text} {json.dumps(secret)} "' for text, (_, secret) in parts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = Pieces(EVERYTHING, "")
    kept = b"".join(pieces.feed(body[a:b]) for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)) + pieces.rest()
    assert kept == EVERYTHING.text(body)


def test_a_line_without_end_is_not_held_for_ever_and_a_secret_across_every_cut_is_found() -> None:
    secret, pieces, most = b"sk-ant-api03-" + b"k" * 90, Pieces(EVERYTHING, ""), 0
    body = (b"x " * 700 + secret + b" ") * 400
    kept = b""
    for start in range(0, len(body), 1000):
        kept += pieces.feed(body[start : start + 1000])
        most = max(most, start + 1000 - len(kept))
    kept += pieces.rest()
    assert secret not in kept
    assert kept == EVERYTHING.text(body)
    assert most < 300_000


def test_own_patterns_and_their_faults() -> None:
    assert Redactor([], [r"PROJ-\d+"]).text(b"see PROJ-123") == b"see [redacted:own]"
    assert not Redactor([])
    wrong = [(["key"], "", "key is no pattern"), ([], "(", "no regular expression"), ([], "a*", "the empty text")]
    for names, own, why in wrong:
        with pytest.raises(ValueError, match=why):
            Redactor(names, [own] if own else [])


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ValidationError, match="phones is no pattern: there are api-keys"):
        RelaySettings(_env_file=None, masking_key=SecretStr("ab" * 32), redact_bodies="emails,phones")


def recorded(directory: Path, *records: Record) -> list[Record]:
    asyncio.run(redacted(directory, records))
    assert SECRET not in b"".join(path.read_bytes() for path in directory.glob("*.segment"))
    reader = SpoolReader(directory, START, settled=True)
    found = [from_frame(frame) for frame in iter(reader.next, None)]
    reader.close()
    return found


async def redacted(directory: Path, records: Iterable[Record]) -> None:
    writer = SpoolWriter(directory, segment_bytes=MEGA, max_bytes=64 * MEGA)
    spool = RedactingSpool(writer, EVERYTHING)
    for record in records:
        assert spool.record(b"e" * 16, record)
    await spool.recorded(b"e" * 16)
    writer.close()


SECRET = b"sk-ant-api03-" + b"Zz9_" * 20
END = End(9.0, Ending.WHOLE)


def asked(body: bytes, *fields: tuple[bytes, bytes]) -> Request:
    return Request(1_700_000_000.0, "d.test", "POST", "/v1/messages", "", list(fields), body)


@pytest.mark.parametrize("pack", [gzip.compress, brotli.compress])
def test_an_encoded_body_is_kept_decoded_without_its_secret(tmp_path: Path, pack: Any) -> None:
    encoding = (b"Content-Encoding", b"gzip" if pack is gzip.compress else b"br")
    body, answer = b'{"key":"%b"}' % SECRET, pack(b'{"yours":"%b"}' % SECRET)
    records = recorded(
        tmp_path,
        asked(pack(body), encoding),
        Head(1.0, 200, [encoding]),
        Piece(2.0, answer[:9]),
        Piece(3.0, answer[9:]),
        END,
    )
    assert records[0] == asked(b'{"key":"[redacted:api-keys]"}')
    assert records[1] == Head(1.0, 200, [])
    assert b"".join(one.data for one in records if isinstance(one, Piece)) == b'{"yours":"[redacted:api-keys]"}'
    assert records[-1] == END


def test_what_cannot_be_decoded_is_not_kept(tmp_path: Path) -> None:
    records = recorded(tmp_path, asked(b"not gzip " + SECRET, (b"content-encoding", b"gzip")), END)
    assert records[0] == asked(b"")


@pytest.mark.parametrize("cut", [5, 20, 40, 60])
@pytest.mark.parametrize(("name", "secret"), [ALL[0], ("private-keys", PEM), *ALL[-2:]])
def test_a_secret_cut_into_two_events_is_not_in_the_message(tmp_path: Path, name: str, secret: str, cut: int) -> None:
    """Nor as a whole in the spool: there its halves stand in two events."""

    def event(kind: str, **fields: Any) -> bytes:
        return f"data: {json.dumps({'type': kind, **fields})}\n\n".encode()

    def delta(text: str) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    stream = [
        event("message_start", message={"content": []}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        delta(f"it is {secret[:cut]}"),
        delta(f"{secret[cut:]} I said"),
        event("message_stop"),
    ]
    head = Head(1.0, 200, [(b"content-type", b"text/event-stream")])
    records = recorded(tmp_path, asked(b"{}"), head, *(Piece(2.0, part) for part in stream), END)
    told = EVERYTHING.response(response(records))
    assert f"it is [redacted:{name}] I said".encode() in encode(told)


def test_an_answer_full_of_marks_takes_time_by_its_length_and_not_by_its_square() -> None:
    """Whoever asks Claude to repeat a mark must not hold up the shipper: by the square this took a minute."""
    marks = "[redacted:private-keys] " * 20_000
    records: list[Record] = [asked(b"{}"), Head(1.0, 200, []), Piece(2.0, json.dumps({"content": marks}).encode()), END]
    began = time.process_time()
    assert marks.encode() in encode(EVERYTHING.response(response(records)))
    assert time.process_time() - began < 10


def test_a_half_key_goes_to_its_end_past_the_mark_of_another_secret() -> None:
    body = json.dumps(
        {"content": "[redacted:private-keys]MIIB\n[redacted:emails]AAAA\n-----END PRIVATE KEY----- and on"}
    )
    records: list[Record] = [asked(b"{}"), Head(1.0, 200, []), Piece(2.0, body.encode()), END]
    assert b'"[redacted:private-keys] and on"' in encode(EVERYTHING.response(response(records)))


def test_a_half_address_at_the_beginning_of_a_line_does_not_take_the_lines_end_with_it() -> None:
    body = json.dumps({"content": "to\nbo[redacted:emails] and on"})
    records: list[Record] = [asked(b"{}"), Head(1.0, 200, []), Piece(2.0, body.encode()), END]
    told = EVERYTHING.response(response(records)).data
    assert json.loads(bytes(told.body)) == {"content": "to\n[redacted:emails] and on"}  # type: ignore[arg-type]


def response(records: list[Record]) -> ResponseEvent:
    request, head, *pieces, end = records
    assert isinstance(request, Request)
    assert isinstance(head, Head)
    assert isinstance(end, End)
    exchange: Exchange = begin(ID, request)[0]
    exchange.head(head)
    for piece in pieces:
        assert isinstance(piece, Piece)
        exchange.piece(piece)
    return exchange.end(end)

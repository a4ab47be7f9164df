"""Guessing keys: nothing but a key of the domain opens it, and no answer tells how near a guess was."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.common.access import keys
from plait.common.access.keys import Key, find, hash_of, new_key
from plait.fakes.answers import json_answer
from plait.fakes.claude import ScriptedClaude
from tests.contract.gateway.credential_files import write
from tests.contract.gateway.relaying import Gateway, error_of, raw_call, relaying

DOMAIN, OTHER = "guessed.example", "other.example"
KEY, OTHER_KEY = "plait_GuessMeIfYouCan-0123456789", "plait_OfTheOtherDomain-0123456789"
UPSTREAM = "sk-ant-of-the-domain"
NEAR = {
    **{f"its first {length}": KEY[:length].encode() for length in range(1, len(KEY))},
    "its end": KEY[1:].encode(),
    "its middle": KEY[5:-5].encode(),
    "longer": KEY.encode() + b"x",
    "twice": KEY.encode() * 2,
    "in capitals": KEY.upper().encode(),
    "in small letters": KEY.lower().encode(),
    "quoted": b'"%b"' % KEY.encode(),
    "encoded": base64.b64encode(KEY.encode()),
    "percent-encoded": KEY.replace("-", "%2D").encode(),
    "its digest": hashlib.sha256(KEY.encode()).hexdigest().encode(),
    "what the file holds": hash_of(KEY).encode(),
    "with a comma": KEY.encode() + b",",
    "in a list": b"x, " + KEY.encode(),
    "the other domain's": OTHER_KEY.encode(),
    "the domain's own at Claude": UPSTREAM.encode(),
    "its name": b"laptop",
    "a no-break space behind it": KEY.encode() + b"\xa0",
    "nothing": b'""',
    "null": b"null",
    "64 KB less a little": b"x" * 60_000,
}
AS_BEARER = {
    "no scheme": KEY.encode(),
    "another scheme": b"Basic " + base64.b64encode(b"x:" + KEY.encode()),
    "a scheme that begins alike": b"Bearerx " + KEY.encode(),
    "no blank": b"Bearer" + KEY.encode(),
    "a colon": b"Bearer: " + KEY.encode(),
    "a tab": b"Bearer\t" + KEY.encode(),
    "the scheme twice": b"Bearer Bearer " + KEY.encode(),
    "a parameter": b"Bearer " + KEY.encode() + b" x=1",
    "nothing": b"Bearer",
}


@pytest.fixture
async def gateway(claude: ScriptedClaude, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Two domains with a key each."""
    claude.rules.append(lambda _: json_answer({}))
    folder = tmp_path / "credentials"
    folder.mkdir()
    for domain, key in ((DOMAIN, KEY), (OTHER, OTHER_KEY)):
        known = [{"name": "laptop", "hash": hash_of(key)}]
        write(folder, domain, {"type": "api_key", "api_key": UPSTREAM, "client_api_keys": known})
    async with relaying(claude.url, tmp_path / "spool", credentials_dir=folder) as running:
        yield running


def asked(*lines: bytes, host: str = DOMAIN) -> bytes:
    head = (
        b"POST /v1/messages HTTP/1.1",
        b"Host: " + host.encode(),
        *lines,
        b"Content-Length: 2",
        b"Connection: close",
    )
    return b"\r\n".join(head) + b"\r\n\r\n{}"


async def test_what_is_nearly_the_key_opens_nothing(gateway: Gateway, claude: ScriptedClaude) -> None:
    guesses = {
        **{f"bearer, {name}": asked(b"Authorization: Bearer " + guess) for name, guess in NEAR.items()},
        **{f"x-api-key, {name}": asked(b"x-api-key: " + guess) for name, guess in NEAR.items()},
        **{f"bearer, {name}": asked(b"Authorization: " + value) for name, value in AS_BEARER.items()},
        "both, both wrong": asked(b"Authorization: Bearer x", b"x-api-key: y"),
        "both halves": asked(b"Authorization: Bearer " + KEY[:16].encode(), b"x-api-key: " + KEY[16:].encode()),
        "in a cookie": asked(b"Cookie: x-api-key=" + KEY.encode()),
        "in the query": asked().replace(b"/v1/messages", b"/v1/messages?x-api-key=" + KEY.encode()),
        "at the other domain": asked(b"x-api-key: " + KEY.encode(), host=OTHER),
        "at no domain": asked(b"x-api-key: " + KEY.encode(), host="nobody.example"),
    }
    answers = await asyncio.gather(*(raw_call(gateway.port, raw) for raw in guesses.values()))
    for name, (head, body) in zip(guesses, answers, strict=True):
        assert head.startswith(b"HTTP/1.1 401 "), name
        assert b"www-authenticate: Bearer" in head, name
        assert error_of(body)[0] == "authentication_error", name
        assert [secret for secret in (KEY, OTHER_KEY, UPSTREAM) if secret.encode() in head + body] == [], name
    assert claude.calls == []


async def test_every_wrong_key_is_told_the_same(gateway: Gateway) -> None:
    """However near it is, and whether it belongs to somebody else."""
    wrong = (KEY[:-1], KEY + "x", KEY.swapcase(), OTHER_KEY, UPSTREAM, "x")
    answers = [await raw_call(gateway.port, asked(b"x-api-key: " + guess.encode())) for guess in wrong]
    assert {error_of(body) for _, body in answers} == {
        ("authentication_error", f"The key is none of the domain {DOMAIN}.")
    }


async def test_white_space_around_a_field_is_not_the_keys(gateway: Gateway, claude: ScriptedClaude) -> None:
    for line in (b"x-api-key: \t " + KEY.encode() + b" \t", b"AUTHORIZATION:bEARER   " + KEY.encode() + b" "):
        head, _ = await raw_call(gateway.port, asked(line))
        assert head.startswith(b"HTTP/1.1 200 "), line
    assert {call.header("x-api-key") for call in claude.calls} == {UPSTREAM}
    assert {call.header("authorization") for call in claude.calls} == {None}


def test_the_comparison_in_constant_time_is_what_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked about every key, whether one before it was right or not, and always about whole digests."""
    known = [Key(f"key {n}", hashlib.sha256(b"secret %d" % n).digest()) for n in range(5)]
    asked: list[tuple[bytes, bytes]] = []

    def compared(a: bytes, b: bytes) -> bool:
        asked.append((a, b))
        return b == known[3].digest

    monkeypatch.setattr(keys, "compare_digest", compared)
    for guess in (b"secret 0", b"secret", b"nothing like it"):
        asked.clear()
        assert find(known, guess) == known[3]
        assert asked == [(hashlib.sha256(guess).digest(), key.digest) for key in known]


def test_fresh_keys_cannot_be_guessed() -> None:
    made = {new_key() for _ in range(1000)}
    assert len(made) == 1000
    assert min(len(key.removeprefix("plait_")) for key in made) == 43  # 256 bits in base64


async def test_a_wrong_guess_costs_its_connection(gateway: Gateway, claude: ScriptedClaude) -> None:
    """Guesses cannot be tried a thousand at a time, and nothing behind a wrong one is looked at."""
    one = b"GET /v1/models HTTP/1.1\r\nHost: %b\r\nx-api-key: x\r\n\r\n" % DOMAIN.encode()
    head, body = await raw_call(gateway.port, one * 1000 + asked(b"x-api-key: " + KEY.encode()))
    assert (head + body).count(b"HTTP/1.1 ") == 1
    assert head.startswith(b"HTTP/1.1 401 ")
    assert claude.calls == []

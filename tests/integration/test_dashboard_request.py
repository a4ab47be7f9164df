"""The page of one request as a script: what it reads from its address, and what it draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import asyncpg
import pytest
from streamlit.testing.v1 import AppTest

from plait.common.events import Piece
from tests import seeding
from tests.attack_scene import Attacked, seed_attacks
from tests.dashboard_reading import drawn, reading_from
from tests.dashboard_reading import view as first_view
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import database as fresh_database
from tests.harmless import assert_harmless

STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n',
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\nda',
    b'ta: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Because "}}\n\n',
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"it reads"}}\n\n',
)
PARTS = ("input", "output", "cache_5m", "cache_1h", "cache_read", "tools")
COSTS = dict(zip(PARTS, ("0.00006", "0.006", "0.004", "0", "0.009", "0"), strict=True))


@pytest.fixture(scope="module")
def scene(postgres_server: str, migrated_template: str) -> Iterator[tuple[Week, Attacked, str]]:
    weeks: list[Week] = []
    attacks: list[Attacked] = []

    async def fill(db: asyncpg.Connection) -> None:
        weeks.append(await seed_week(db, others=0))
        await tell_more(db, weeks[0])
        attacks.append(await seed_attacks(db))

    with fresh_database(postgres_server, migrated_template, fill) as url:
        yield weeks[0], attacks[0], url


async def tell_more(db: asyncpg.Connection, week: Week) -> None:
    """The rich exchange also has a bill, evidence, a finding of its cache, and its stream."""
    costs = {f"cost_{part}_usd": Decimal(amount) for part, amount in COSTS.items()}
    whole = {**costs, "cost_usd": sum(costs.values()), "price_version": "prices 7", "price_model": "opus"}
    names = ", ".join(f"{name} = ${n}" for n, name in enumerate(whole, 2))
    await db.execute(f"UPDATE usage SET {names} WHERE exchange_id = $1", week.rich, *whole.values())
    detail = json.dumps({"messages": 12})
    await db.execute("UPDATE links SET rule = 'match', detail = $2 WHERE exchange_id = $1", week.rich, detail)
    await seeding.add_pieces(db, week.rich, 0, [Piece(100.0 * n, data) for n, data in enumerate(STREAM, 1)])


@pytest.fixture
def week(scene: tuple[Week, Attacked, str]) -> Iterator[Week]:
    """The seeded week, with the page reading it."""
    with reading_from(scene[2]):
        yield scene[0]


@pytest.fixture
def attacked(scene: tuple[Week, Attacked, str]) -> Iterator[Attacked]:
    """The same, for who looks at the attacks."""
    with reading_from(scene[2]):
        yield scene[1]


def request() -> None:
    from plait.dashboard.views import request

    request.show()


def view(**parameters: object) -> AppTest:
    """The page after its first run."""
    return first_view(request, **parameters)


def test_its_messages(week: Week) -> None:
    html = drawn(view(id=week.rich))
    assert '<h1 dir="auto">Why not use the existing helper for the checksum?</h1>' in html
    assert html.count('<section class="message') == 10
    assert "Because <code>crc_of</code> reads" in html
    assert "https://far.example/shot.png" in html
    assert 'href="#m3" data-jump="m3" title="Its result"' in html
    assert 'href="#m2" data-jump="m2" title="The call"' in html


def test_its_identity_bill_and_evidence(week: Week) -> None:
    html = drawn(view(id=week.rich))
    assert f'data-copy="{week.rich}"' in html
    assert "12 messages and the answer after them are what the parent was asked and said." in html
    assert '<th scope="row">Cache read</th>' in html
    assert '<td class="number"><span title="$0.009">$0.0090</span></td>' in html
    assert "Prices: opus, prices 7." in html
    assert ">Next</a>" in html


def test_a_failed_one_says_why(week: Week) -> None:
    html = drawn(view(id=week.failed))
    assert "<b>overloaded_error</b> · Overloaded" in html
    assert "No answer was received." in html


def test_headers_are_shown_with_their_masks(week: Week) -> None:
    html = drawn(view(id=week.rich, view="headers"))
    assert "masked:9f2c41aa</span>" in html
    assert "POST /v1/messages" in html


def test_raw_bodies_can_be_read_and_downloaded(week: Week) -> None:
    html = drawn(view(id=week.rich, view="raw"))
    assert '<b class="f">max_tokens</b>: <code><span class="n">32000</span></code>' in html
    assert f'href="/api/requests/{week.rich}/raw?part=requestBody"' in html
    assert "event: message_start" in html


def test_the_stream_as_it_came(week: Week) -> None:
    html = drawn(view(id=week.rich, view="stream"))
    assert '<span data-at="300.0" title="300 ms">Because </span><span data-at="400.0" title="400 ms">it reads' in html
    assert "<td>content_block_start</td>" in html
    assert 'data-ended="400.0"' in html


def test_without_a_stream_it_says_why(week: Week) -> None:
    assert "The pieces of this answer are not kept." in drawn(view(id=week.failed, view="stream"))


@pytest.mark.parametrize("shown", ["", "stream", "raw", "headers", "<script>"])
def test_attacks_everywhere_do_nothing(attacked: Attacked, shown: str) -> None:
    html = drawn(view(id=attacked.request, view=shown))
    assert "window.hit" in html
    assert_harmless(html)


def test_attacks_in_an_error_do_nothing(attacked: Attacked) -> None:
    html = drawn(view(id=attacked.failed, view="headers"))
    assert '<div class="problem" role="note"><b>&lt;script&gt;window.hit' in html
    assert_harmless(html)

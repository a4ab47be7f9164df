"""`plait doctor --deep` finds nothing wrong with a good record, and every kind of damage in one that is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from plait.cli import deep
from plait.cli.home import Home
from plait.common.events import ResponseData
from plait.common.postgres import Database
from plait.common.queries.integrity import TABLES
from plait.ledger.keeping import Keeper
from plait.ledger.processor import Ledger
from plait.linker.processor import Linker
from tests import seeding
from tests.exchange_events import Part, records
from tests.integration.test_forgetting import turns
from tests.plait_up import run_plait
from tests.recorded_events import everything

CHECKS = [*TABLES, "blobs", "bodies", "tokens"]


def reporting(part: Part) -> Part:
    """An answer that tells what it used, as the provider's do."""
    if not isinstance(part, ResponseData) or not isinstance(part.body, msgspec.Raw):
        return part
    usage = {"input_tokens": 3, "output_tokens": 4}
    body = msgspec.json.decode(part.body) | {"usage": usage}
    encoded = (msgspec.Raw(msgspec.json.encode(value)) for value in (body, usage))
    return replace(part, body=next(encoded), usage=next(encoded))


async def store(url: str, parts: list[Part]) -> None:
    database = Database(url, name="test", size=2)
    batch = records(*map(reporting, parts))
    await Linker(database, lambda: None).process(batch)
    await Ledger(database).process([r for r in batch if r.event.id.endswith("/response")])
    await Keeper(database).tend()
    await database.close()


@pytest.fixture
async def recorded(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    await store(postgres_url, turns(4))


def unseen(*_: object) -> None:
    """Nobody looks at the progress."""


async def bad_checks(tmp_path: Path) -> dict[str, str]:
    findings = await deep.examine(Home(tmp_path), unseen)
    assert [each.check for each in findings] == CHECKS
    assert all(each.repair for each in findings if not each.good)
    return {each.check: each.says for each in findings if not each.good}


async def test_a_good_record(postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    await store(postgres_url, everything())
    assert await bad_checks(tmp_path) == {}


SUMS = ("usage_slots", "usage_totals", "tool_slots", "tool_totals", "conversation_sums")


async def test_sums_are_made_anew(
    postgres_url: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    await store(postgres_url, everything())
    await seeding.sum_up(writer)
    before = [await writer.fetch(f"SELECT * FROM {table} ORDER BY {table}::text") for table in SUMS]
    await writer.execute("UPDATE usage_slots SET model = 'none', reported = 7")
    await writer.execute("DELETE FROM usage_totals WHERE facet = 'kind' AND minutes = 1440")
    await writer.execute("UPDATE tool_slots SET calls = calls + 1")
    await writer.execute("UPDATE conversation_sums SET cost_usd = 99")
    assert (await bad_checks(tmp_path)).keys() == {"sums"}
    done = await asyncio.to_thread(run_plait, "recount", env={"DATABASE_URL": postgres_url}, cwd=tmp_path)
    assert done.stdout == "All sums are those of the record.\n"
    assert await bad_checks(tmp_path) == {}
    assert [await writer.fetch(f"SELECT * FROM {table} ORDER BY {table}::text") for table in SUMS] == before


ANY = "(SELECT id FROM exchanges ORDER BY id LIMIT 1)"
DAMAGE = {
    "a request is gone": (f"DELETE FROM exchange_requests WHERE id = {ANY}", {"halves", "bodies"}),
    "an answer is gone": (f"DELETE FROM exchange_responses WHERE id = {ANY}", {"halves", "bodies"}),
    "only links are left": (f"DELETE FROM exchanges WHERE id = {ANY}", {"rows", "links", "usage"}),
    "no head of a chain": (
        "DELETE FROM chains WHERE depth = (SELECT max(depth) FROM chains)",
        {"parts", "bodies"},
    ),
    "no link within a chain": ("DELETE FROM chains WHERE depth = 2", {"chains", "bodies"}),
    "no prompt": ("DELETE FROM blobs WHERE hash = (SELECT min(system) FROM exchange_requests)", {"parts", "bodies"}),
    "a link out of order": ("UPDATE chains SET depth = 9 WHERE depth = 7", {"chains"}),
    "a forged link": ("UPDATE chains SET blob = (SELECT max(hash) FROM blobs) WHERE depth = 1", {"chains"}),
    "a forged blob": (
        "UPDATE blobs SET data = set_byte(data, 0, 1) WHERE position('turn 2'::bytea IN data) > 0",
        {"blobs", "bodies"},
    ),
    "a broken blob": (
        "UPDATE blobs SET encoding = 1 WHERE position('turn 2'::bytea IN data) > 0",
        {"blobs", "bodies"},
    ),
    "no facts": (f"DELETE FROM facts WHERE exchange_id = {ANY}", {"links"}),
    "no link": (f"DELETE FROM links WHERE exchange_id = {ANY}", {"links", "conversations"}),
    "a parent that never was": (f"UPDATE links SET parent_id = gen_random_uuid() WHERE exchange_id = {ANY}", {"links"}),
    "no conversation": ("DELETE FROM conversations", {"links"}),
    "a wrong count": ("UPDATE conversations SET request_count = 1", {"conversations"}),
    "no usage": (f"DELETE FROM usage WHERE exchange_id = {ANY}", {"tokens"}),
    "other usage": (f"UPDATE usage SET output_tokens = 5 WHERE exchange_id = {ANY}", {"tokens"}),
    "a sum of too much": ("UPDATE usage_slots SET requests = requests + 1", {"sums"}),
    "no totals": ("DELETE FROM usage_totals", {"sums"}),
    "totals of eight days that are not those of the days": (
        "UPDATE usage_totals SET reported = reported + 1 WHERE facet = 'domain_tag' AND minutes = 11520",
        {"sums"},
    ),
    "totals of calls that nobody made": (
        "INSERT INTO tool_totals VALUES ('tool', 60, gen_random_uuid(), now(), NULL, NULL, 'Bash', 1, 0, 0, 0, 0, 0)",
        {"sums"},
    ),
    "a conversation that nobody sums up": ("DELETE FROM conversation_queue", {"sums"}),
    "sums of calls that nobody made": (
        "INSERT INTO tool_slots VALUES (now(), 'a.test', NULL, 'Bash', 1, 0, 0, 0, 0, 0)",
        {"sums"},
    ),
}


@pytest.mark.parametrize(("statement", "found"), DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.usefixtures("recorded")
async def test_damage_is_found(writer: asyncpg.Connection, tmp_path: Path, statement: str, found: set[str]) -> None:
    assert not (await writer.execute(statement)).endswith(" 0")
    assert (await bad_checks(tmp_path)).keys() == found


@pytest.mark.usefixtures("recorded")
async def test_what_is_wrong_is_named_up_to_a_number(writer: asyncpg.Connection, tmp_path: Path) -> None:
    first = await writer.fetchval(ANY.strip("()"))
    await writer.execute("DELETE FROM usage")
    told = (await bad_checks(tmp_path))["tokens"]
    assert told.startswith(f"4 exchanges have other figures, or none: {first}, ")


async def test_a_record_that_cannot_be_read_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (finding,) = await deep.examine(Home(tmp_path), unseen)
    assert (finding.good, finding.check) == (False, "record")
    assert "none is running" in finding.says


@pytest.mark.usefixtures("recorded")
async def test_the_command_shows_both(postgres_url: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": postgres_url, "PLAIT_HOME": str(tmp_path)}
    done = await asyncio.to_thread(run_plait, "doctor", "--deep", env=env, cwd=tmp_path)
    assert "✓ Python" in done.stdout
    assert "✓ tokens        usage is what the answers told\n" in done.stdout

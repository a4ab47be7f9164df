"""`plait links`: why exchanges are linked as they are, linking anew, and the report, over recorded traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import get_args
from uuid import UUID

import asyncpg
import pytest

from plait.cli.commands import links
from plait.cli.main import main
from plait.common.postgres import Database
from plait.linker import reporting, statements
from plait.linker.processor import Linker
from tests.exchange_events import Part, answered, asked, said
from tests.integration.test_linker_corpus import feed
from tests.recorded_events import everything, scenarios

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def plait(postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DATABASE_URL", postgres_url)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["links", *map(str, arguments)])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


async def _record(url: str, parts: Sequence[Part]) -> None:
    database = Database(url, name="test", size=2)
    await feed(Linker(database, lambda: None), parts)
    await database.close()


@pytest.fixture
async def _recorded(postgres_url: str) -> None:
    await _record(postgres_url, everything())


def ids(name: str) -> list[UUID]:
    return [one.id for one in scenarios()[name]]


@pytest.mark.usefixtures("_recorded")
def test_an_agent_is_explained_beside_its_parent(plait: Run) -> None:
    parent, agent = ids("subagent_nested")[1:3]
    status, out, _ = plait("explain", agent, parent)
    assert status == 0
    assert f"started by a call of that exchange's answer: {parent}" in out
    assert f"✓ {parent}  a call that a result names for its agent: taken" in out
    assert "spawn in conversation" in out
    assert "  evidence: call " in out
    assert "the first follows it" in out
    assert "-user: Do the outer job using another agent." in out


@pytest.mark.usefixtures("_recorded")
def test_two_strangers(plait: Run) -> None:
    one, other = ids("fork")[-1], ids("subagent_nested")[0]
    _, out, _ = plait("explain", one, other)
    assert "not followed: of another domain: never linked" in out
    assert "the system prompts differ:" in out


@pytest.mark.usefixtures("_recorded")
def test_nothing_changes_and_the_report_says_what_there_is(plait: Run) -> None:
    count = len({part.exchange_id for part in everything()})
    assert plait("rebuild", "--dry-run") == (0, "", f"{count} exchanges, 0 links would change.\n")
    status, out, _ = plait("report")
    lines = [line.split("\t") for line in out.splitlines()]
    assert status == 0
    assert lines[0] == ["client", "kind", "link", "decided by", "exchanges"]
    assert ["claude-cli/2.1.329", "subagent", "spawn", "spawn", "7"] in lines
    assert "! 1 exchange beside conversations, serving nothing known" in out
    assert "none" not in {line[3] for line in lines if len(line) == 5}
    named = out.splitlines()[-1].strip()
    assert plait("report", "--list", "unserved") == (0, f"{named}\n", "")
    status, out, _ = plait("explain", named)
    assert (status, "nothing that was recorded before tells whom it follows" in out) == (0, True)


async def test_of_many_that_need_a_look_the_newest_are_named(plait: Run, postgres_url: str) -> None:
    history = [said("user", "hi"), said("assistant", "hello"), said("user", "on")]
    orphans = [asked(*history, at=at, session=f"s{at}") for at in range(5)]
    await _record(postgres_url, orphans)
    newest_first = [str(one.exchange_id) for one in orphans[::-1]]
    _, out, _ = await _beside(plait, "report")
    told = [line.strip() for line in out.splitlines()]
    at = told.index("! 5 exchanges at the beginning of a conversation, with a history of which nothing is recorded")
    assert told[at + 1 : at + 5] == [*newest_first[:3], "and 2 more: `plait links report --list orphans`"]
    assert await _beside(plait, "report", "--list", "orphans") == (0, "\n".join([*newest_first, ""]), "")
    assert await _beside(plait, "report", "--list", "orphans", "--domain", "b.test") == (0, "", "")
    status, _, err = await _beside(plait, "report", "--list", "strays")
    assert (status, "strays" in err) == (2, True)


def test_the_command_knows_every_need() -> None:
    assert get_args(links.Need) == get_args(reporting.Need) == tuple(reporting.NEEDS) == tuple(statements.NEEDS)


async def test_candidates_that_were_refused(plait: Run, postgres_url: str) -> None:
    """Two equal turns: the older one is told with the reason why it was not taken; a stored link that differs too."""
    first, twin = (asked(said("user", "hi"), at=at) for at in (0, 10))
    follower = asked(said("user", "hi"), said("assistant", "hello"), said("user", "on"), at=20)
    await _record(postgres_url, [first, answered(first, "hello"), twin, answered(twin, "hello"), follower])
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE links SET rule = 'edited' WHERE exchange_id = $1", follower.exchange_id)
    await connection.close()
    status, out, _ = await _beside(plait, "explain", follower.exchange_id)
    assert status == 0
    assert f"✓ {twin.exchange_id}  the same messages and answer: taken" in out
    assert f"✗ {first.exchange_id}  the same messages and answer: older than the one taken" in out
    assert "stored with rule edited: `plait links rebuild` would change it" in out
    _, out, err = await _beside(plait, "rebuild")
    assert f"{follower.exchange_id}  rule edited → match" in out
    assert "3 exchanges, 1 link changed." in err


async def _beside(plait: Run, *arguments: object) -> tuple[int, str, str]:
    """The command has a loop of its own."""
    return await asyncio.to_thread(plait, *arguments)


def test_an_exchange_that_is_not_there(plait: Run) -> None:
    status, _, err = plait("explain", UUID(int=0))
    assert (status, err) == (1, f"plait: There is no exchange {UUID(int=0)}.\n")

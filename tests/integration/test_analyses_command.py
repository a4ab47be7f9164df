"""`plait analyze` and `plait analyses` as a user runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from plait.cli import doctor, main
from plait.cli.doctor import Finding
from plait.cli.home import Home
from tests import scene

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A conversation of the database that the commands mean."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)

    async def play() -> UUID:
        connection = await asyncpg.connect(postgres_url)
        try:
            return (await scene.play(connection)).told
        finally:
            await connection.close()

    return asyncio.run(play())


@pytest.fixture
def plait(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main.main([str(one) for one in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def sql(postgres_url: str) -> Callable[[str], list[Any]]:
    async def asked(statement: str) -> list[Any]:
        connection = await asyncpg.connect(postgres_url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return lambda statement: asyncio.run(asked(statement))


def test_the_commands(told: UUID, plait: Run, sql: Callable[[str], list[Any]]) -> None:
    assert "There are no such analyses" in plait("analyses", "list")[2]
    assert "Nobody has asked" in plait("analyses", "calls")[2]
    status, _, says = plait("analyses", "show", told)
    assert (status, "Nobody has asked for this analysis" in says) == (1, True)

    status, says, _ = plait("analyze", told, "--no-wait", "--prompt", "mind the tests")
    assert (status, "It is queued" in says) == (0, True)
    plait("analyze", told, "--no-wait", "--again", "--prompt", "mind all")
    assert sql("SELECT custom_prompt, regenerations FROM analyses") == [("mind all", 1)]
    head, row = plait("analyses", "list")[1].splitlines()
    assert head.split("\t")[:3] == ["conversation", "branch", "state"]
    assert row.split("\t")[:3] == [str(told), "main", "pending"]

    sql("UPDATE analyses SET status = 'failed', error = 'Gemini answered 503', attempts = 5")
    status, _, says = plait("analyses", "show", told)
    assert (status, "failed: Gemini answered 503" in says) == (1, True)
    assert plait("analyses", "retry", "--all")[1] == "1 queued anew.\n"
    assert sql("SELECT status, attempts, error, custom_prompt FROM analyses") == [("pending", 0, None, "mind all")]
    status, _, says = plait("analyses", "retry", told)
    assert (status, "This analysis has not failed: it is pending; `plait analyses reset` begins" in says) == (1, True)

    sql("UPDATE analyses SET status = 'processing', lease = gen_random_uuid(), leased_until = now() + interval '1 h'")
    assert plait("analyses", "reset", told)[1] == "1 queued anew.\n"
    assert sql("SELECT status, lease FROM analyses") == [("pending", None)]

    sql("UPDATE analyses SET status = 'completed', content = E'# Done\\n\\x1b[2J', completed_at = now()")
    status, said, _ = plait("analyze", told)
    assert (status, said) == (0, "# Done\n\\x1b[2J\n")
    assert "it is completed; `plait analyze --again` does" in plait("analyses", "reset", told)[2]
    told_of = [line.split("\t") for line in plait("analyses", "calls", "--limit", "2")[1].splitlines()]
    assert [row[2:4] for row in told_of] == [["action", "became"], ["request", "known"], ["reset", "done"]]
    assert told_of[1][4:7] == ["a.test", str(told), "main"]
    actions = ["request", "regenerate", "reset", "reset", "request"]
    assert sql("SELECT action FROM analysis_calls ORDER BY id") == [(action,) for action in actions]


def test_what_is_refused(told: UUID, plait: Run) -> None:
    cases: list[tuple[list[object], int, str]] = [
        (["analyze", uuid4()], 1, "There is no branch main"),
        (["analyze", "b5cd2535"], 2, "is no whole id"),
        (["analyses", "retry"], 2, "name a conversation, or give --all"),
        (["analyses", "reset", told, "--all"], 2, "name a conversation, or give --all"),
        (["analyze", told, "--prompt", "x" * 5000], 2, "longer than 4000"),
        (["analyses", "list", "--status", "lost"], 2, "Invalid value"),
    ]
    for arguments, status, says in cases:
        refused = plait(*arguments)
        assert refused[0] == status, refused
        assert says in refused[2]


def test_the_doctor_tells_of_analyses_that_nobody_makes(
    told: UUID, plait: Run, sql: Callable[[str], list[Any]], tmp_path: Path
) -> None:
    def found() -> Finding:
        return asyncio.run(doctor._analyses(Home(tmp_path)))

    plait("analyze", told, "--no-wait")
    assert found().good
    sql("UPDATE analyses SET not_before = now() - interval '6 min'")
    assert "1 wait, and nobody makes them" in found().says
    live = "gen_random_uuid(), 'b', 'd', 'processing', false, 'x', now() + interval '10 s'"
    columns = "id, conversation_id, branch_id, domain, status, by_rule, asked_by, leased_until"
    sql(f"INSERT INTO analyses ({columns}) VALUES (gen_random_uuid(), {live})")
    assert found().good, "somebody is at work: the others wait for their turn"

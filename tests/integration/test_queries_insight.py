"""A branch with all that was said on it, read from a real Postgres and made into a prompt."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

from plait.analyzer.insight.cutting import estimate
from plait.analyzer.insight.preparing import prepare
from plait.common.ids import conversation_id
from plait.common.queries.insight import SubTask, get_branch
from tests import scene
from tests.unit.analyzer.branches import settings, user


async def count(text: str) -> int:
    return estimate(text)


async def test_a_branch_is_its_exchanges_in_the_tree_and_what_they_started(
    writer: asyncpg.Connection, reader: asyncpg.Pool
) -> None:
    s = await scene.play(writer)
    branch = await get_branch(reader, s.told, "main")
    assert branch
    assert (branch.conversation_id, branch.branch_id) == (s.told, "main")
    assert [one.request_id for one in branch.exchanges] == [s.root, s.more, s.failed]
    assert branch.turns[0].messages == [user(scene.FIRST["content"])]
    assert branch.subtasks == [
        SubTask(branch_id="subtask_1", parent_request_id=s.more, request_count=1, total_tokens=10 + 1, failed_count=0)
    ]
    prompt = await prepare(branch, None, settings(), count)
    for said in ("Tell me a story", "Once upon a time", "More", "[overloaded_error: Overloaded]", f"exchange {s.more}"):
        assert prompt.user.count(said) >= 1
    assert "You are Claude Code." not in prompt.user
    assert str(s.title) not in prompt.user


async def test_a_branch_that_is_not_there_is_none_and_any_id_of_the_conversation_names_it(
    writer: asyncpg.Connection, reader: asyncpg.Pool
) -> None:
    s = await scene.play(writer)
    assert await get_branch(reader, uuid4(), "main") is None
    assert await get_branch(reader, s.told, "subtask_9") is None
    healed = await get_branch(reader, conversation_id(s.more), "subtask_1")
    assert healed
    assert healed.conversation_id == s.told
    assert [one.request_id for one in healed.exchanges] == [s.task]

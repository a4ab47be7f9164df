"""Turns told in Slack: which exchanges make one, and that each is told once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from plait.common.events import ResponseData
from plait.fakes.slack import ScriptedSlack
from tests.exchange_events import answered, asked, said
from tests.notice_stage import Stage, a_stage
from tests.recorded_events import parts_of, scenarios

READ = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/home/me/app/src/main.py"}}
BASH = {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {"command": "make test"}}
OTHER_SESSION = "2b1e8a6c-5d3f-4c7b-9a10-000000000002"


def result(number: int) -> dict[str, Any]:
    return said("user", [{"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": "ok"}])


def costing(answer: ResponseData) -> ResponseData:
    """The same with a use that has a price."""
    usage = {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 500}
    return structs.replace(answer, model="claude-opus-5-5", usage=msgspec.Raw(msgspec.json.encode(usage)))


async def test_a_turn_is_told_in_full_at_its_end(stage: Stage) -> None:
    user = said("user", "Please fix <main> & tell @channel")
    first = asked(user, at=0)
    second = asked(user, said("assistant", [READ]), result(1), at=10)
    third = asked(user, said("assistant", [READ]), result(1), said("assistant", [BASH]), result(2), at=20)
    await stage.play(first, costing(answered(first, [READ])))
    await stage.play(second, costing(answered(second, [{"type": "text", "text": "Now tests."}, BASH])))
    assert await stage.deliver() == []
    await stage.play(third, costing(answered(third, "Fixed.")))
    (message,) = await stage.deliver()
    user_block, answer_block, footer = message["blocks"]
    assert user_block["text"]["text"] == ":bust_in_silhouette: User: Please fix &lt;main&gt; &amp; tell @\u2060channel"
    assert answer_block["text"]["text"].split("\n") == [
        ":robot_face: Claude: Fixed.",
        "    :wrench: Read - src/main.py",
        "    :wrench: Bash - Running: `make test`",
    ]
    (context,) = footer["elements"]
    assert context["text"].startswith("a.test · claude-opus-5-5 · laptop · 4,500 tokens in, 300 out · $0.02 · <")
    assert "<https://plait.example/conversation?id=" in context["text"]
    assert message["text"].startswith(":bust_in_silhouette: User: Please fix &lt;main&gt;")


async def test_replays_of_any_part_tell_nothing_more(stage: Stage) -> None:
    one = asked(said("user", "Hello"))
    told = await stage.play(one, answered(one, "Hi."))
    await stage.deliver()
    for _ in range(3):
        await stage.give(told)
        await stage.play(one, answered(one, "Hi."))
    assert len(await stage.deliver()) == 1


async def test_a_new_text_is_a_new_turn(stage: Stage) -> None:
    first = asked(said("user", "One"))
    second = asked(said("user", "One"), said("assistant", "1"), said("user", "Two"), at=10)
    await stage.play(first, answered(first, "1"))
    await stage.play(second, answered(second, "2"))
    assert [text.partition("\n")[0] for text in await stage.texts()] == [
        ":bust_in_silhouette: User: One",
        ":bust_in_silhouette: User: Two",
    ]


@pytest.mark.parametrize("session", [OTHER_SESSION, None])
async def test_two_people_who_say_the_same_do_not_hide_each_other(stage: Stage, session: str | None) -> None:
    one, other = asked(said("user", "Hello"), session=session), asked(said("user", "Hello"), at=1, session=session)
    if session:
        one = asked(said("user", "Hello"))
    await stage.play(one, other, answered(one, "Hi."), answered(other, "Hi there."))
    assert len(await stage.deliver()) == 2


async def test_side_calls_and_sub_agents_are_no_turns(stage: Stage) -> None:
    title = {"format": {"type": "json_schema", "schema": {"properties": {"title": {"type": "string"}}}}}
    calls = [
        asked(said("user", "quota")),
        asked(said("user", "Name it"), at=1, output_config=title),
        asked(said("user", "Look around"), at=2, headers=[("x-claude-code-agent-id", "a0123456789abcdef")]),
        asked(said("user", [{"type": "text", "text": "<system-reminder>only this</system-reminder>"}]), at=3),
    ]
    counting = structs.replace(asked(said("user", "Count"), at=4), path="/v1/messages/count_tokens")
    for call in (*calls, counting):
        await stage.play(call, answered(call, "x"))
    assert await stage.deliver() == []


async def test_only_complete_answers_end_a_turn_and_a_retry_tells_it(stage: Stage) -> None:
    cut = asked(said("user", "Hello"))
    again = asked(said("user", "Hello"), at=5)
    await stage.play(cut, answered(cut, "Hi", outcome="aborted"))
    assert await stage.deliver() == []
    await stage.play(again, answered(again, "Hi."))
    assert len(await stage.deliver()) == 1


async def test_what_is_old_is_silent(stage: Stage) -> None:
    one = asked(said("user", "Hello"))
    stage.clock.now += timedelta(minutes=16)
    await stage.play(one, answered(one, "Hi."))
    assert await stage.waiting() == []


async def test_what_grew_old_in_the_queue_is_silent(stage: Stage) -> None:
    one = asked(said("user", "Hello"))
    await stage.play(one, answered(one, "Hi."))
    stage.clock.now += timedelta(minutes=16)
    assert await stage.deliver() == []
    assert await stage.waiting() == []


async def test_a_late_first_step_heals_the_turn_without_telling_it_again(stage: Stage) -> None:
    """The step that ended the turn comes before the one that began it."""
    user = said("user", "Do it")
    first = asked(user)
    last = asked(user, said("assistant", [READ]), result(1), at=10)
    await stage.play(last, answered(last, "Done."))
    await stage.play(first, answered(first, [READ]))
    await stage.play(last, answered(last, "Done."))
    assert len(await stage.deliver()) == 1


async def test_an_sdk_s_thread_sends_new_messages_alone(stage: Stage) -> None:
    first = asked(said("user", "Do it"), session=None, thread={"type": "create"})
    go_on = {"type": "continue", "previous_message_id": f"msg_{first.exchange_id.hex}"}
    last = asked(result(1), at=10, session=None, thread=go_on)
    await stage.play(first, answered(first, [READ]))
    await stage.play(last, answered(last, "Done."))
    go_on = {"type": "continue", "previous_message_id": f"msg_{last.exchange_id.hex}"}
    more = asked(said("user", "More"), at=20, session=None, thread=go_on)
    await stage.play(more, answered(more, "Even more."))
    text, other = await stage.texts()
    assert ":bust_in_silhouette: User: Do it\n:robot_face: Claude: Done.\n    :wrench: Read - src/main.py" in text
    assert other.startswith(":bust_in_silhouette: User: More\n:robot_face: Claude: Even more.\na.test")


async def test_texts_that_clients_put_beside_results_are_no_person_s(stage: Stage) -> None:
    user = said("user", "Simplify it")
    call = {"type": "tool_use", "id": "toolu_9", "name": "Skill", "input": {"skill": "simplify"}}
    skill = [
        {"type": "tool_result", "tool_use_id": "toolu_9", "content": "Launching skill"},
        {"type": "text", "text": "Simplify like this: ..."},
    ]
    first, last = asked(user), asked(user, said("assistant", [call]), said("user", skill), at=10)
    await stage.play(first, answered(first, [call]), last, answered(last, "Done."))
    (text,) = await stage.texts()
    assert text.startswith(":bust_in_silhouette: User: Simplify it\n:robot_face: Claude: Done.\n    :wrench: Skill")


async def test_a_prompt_beside_a_result_is_a_person_s(stage: Stage) -> None:
    """As after a stop by a limit of turns."""
    resumed = [*result(1)["content"], {"type": "text", "text": "Go on"}]
    call = asked(said("user", "One"), said("assistant", [READ]), said("user", resumed))
    await stage.play(call, answered(call, "Done."))
    assert (await stage.texts())[0].startswith(":bust_in_silhouette: User: Go on\n")


async def test_every_turn_of_the_recorded_samples_is_told_once(
    database_url: str, tmp_path: Path, slack: ScriptedSlack
) -> None:
    """Compactions in the middle of a turn, skills and background agents among them."""
    told: dict[str, list[str]] = {}
    async with a_stage(database_url, tmp_path, slack, notify="turn", notify_max_age="9999d") as stage:
        for name in ("compact_auto", "deferred_and_aux", "subagent_two_parallel", "err_529_twice"):
            before = len(slack.messages)
            await stage.play(*(part for one in scenarios()[name] for part in parts_of(one)))
            told[name] = [text.partition("\n")[0] for text in (await stage.texts())[before:]]
    person = ":bust_in_silhouette: User:"
    assert told == {
        "compact_auto": [f"{person} Do the steps one by one.", f"{person} Anything else?"],
        "deferred_and_aux": [f"{person} Search the web for example domain, then simplify."],
        "subagent_two_parallel": [f"{person} Use two agents: count files and find add."],
        "err_529_twice": [f"{person} What is 2+2?"],
    }


async def test_secrets_are_masked(stage: Stage) -> None:
    key = "sk-ant-api03-" + "Ab1_" * 20
    one = asked(said("user", f"My key is {key}, use it"))
    await stage.play(one, answered(one, f"I used {key}."))
    (message,) = await stage.deliver()
    assert key[20:40] not in str(message)
    assert "[redacted:" in message["text"]


async def test_what_was_deleted_meanwhile_is_not_told(stage: Stage) -> None:
    one = asked(said("user", "Hello"))
    await stage.play(one, answered(one, "Hi."))
    async with stage.database.transaction() as connection:
        await connection.execute("DELETE FROM exchanges")
    assert await stage.deliver() == []
    assert await stage.waiting() == []

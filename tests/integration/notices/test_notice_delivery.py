"""How notices get out: apart from events, as often as needed, nothing twice, nothing where it may not go."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from plait.common.metrics import NOTICES
from plait.fakes.answers import Answer, raw_answer
from plait.fakes.receiver import WebhookReceiver
from plait.fakes.slack import ScriptedSlack, slack_says, too_many
from plait.notifier.channels import Channel
from plait.notifier.delivery import MOST_ATTEMPTS
from plait.notifier.routes import Route
from tests.exchange_events import answered, asked, said
from tests.notice_stage import Stage, a_stage


async def turns(stage: Stage, *texts: str, domain: str = "a.test") -> None:
    for number, text in enumerate(texts):
        call = asked(said("user", text), at=number, domain=domain, session=f"{domain}{text}")
        await stage.play(call, answered(call, "Yes."))


async def hurry(stage: Stage) -> None:
    """As if the pauses were over."""
    async with stage.database.transaction() as connection:
        await connection.execute("UPDATE notices SET due_at = now()")
    stage.lanes.rest("slack", 0)


def counted(result: str, kind: str = "turn") -> float:
    return float(NOTICES.labels(kind, result)._value.get())


async def test_slack_is_left_alone_for_as_long_as_it_says(stage: Stage) -> None:
    await turns(stage, "One", "Two")
    stage.slack.next.append(too_many(120))
    assert await stage.deliver() == []
    assert len(stage.slack.calls) == 1
    waiting = await stage.waiting()
    assert [one["attempts"] for one in waiting] == [0, 0]
    async with stage.database.transaction() as connection:
        seconds = await connection.fetchval("SELECT extract(epoch FROM max(due_at) - now()) FROM notices")
    assert 30 < seconds <= 120
    await hurry(stage)
    assert len(await stage.deliver()) == 2


@pytest.mark.parametrize(
    "answer",
    [
        slack_says("oh", 500),
        raw_answer(b"<html>Log in first</html>", "text/html"),
        Answer(end="reset"),
        raw_answer(b"well", "text/plain; charset=hex"),
    ],
)
async def test_what_fails_is_tried_again_and_at_last_given_up(stage: Stage, answer: Answer) -> None:
    await turns(stage, "One")
    stage.slack.next.extend([answer] * MOST_ATTEMPTS)
    before = counted("given_up")
    for attempt in range(MOST_ATTEMPTS):
        assert [one["attempts"] for one in await stage.waiting()] == [attempt]
        await stage.deliver()
        await hurry(stage)
    assert await stage.waiting() == []
    assert counted("given_up") == before + 1
    assert len(stage.slack.calls) == MOST_ATTEMPTS
    await turns(stage, "Two")
    assert len(await stage.deliver()) == 1


async def test_whatever_a_way_out_does_the_sender_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Route) -> Channel:
        raise RuntimeError("a fault of ours")

    await turns(stage, "One")
    monkeypatch.setattr(stage.delivery, "_open", broken)
    await stage.deliver()
    assert [one["attempts"] for one in await stage.waiting()] == [1]


async def test_a_webhook_that_is_gone_is_not_tried_again(stage: Stage) -> None:
    await turns(stage, "One")
    stage.slack.next.append(slack_says("no_service", 404))
    before = counted("refused")
    assert await stage.deliver() == []
    assert (await stage.waiting(), counted("refused")) == ([], before + 1)


@pytest.mark.parametrize("hosts", ["", "localhost"])
async def test_nothing_goes_to_a_host_that_nobody_named(
    database_url: str, tmp_path: Path, slack: ScriptedSlack, hosts: str
) -> None:
    async with a_stage(database_url, tmp_path, slack, webhook_allowed_hosts=hosts) as stage:
        await turns(stage, "One")
        assert await stage.deliver() == []
        assert (await stage.waiting(), slack.calls) == ([], [])


async def test_redirects_are_not_followed(stage: Stage) -> None:
    await turns(stage, "One")
    to = ("location", f"{stage.slack.url}/services/T1/B1/elsewhere")
    stage.slack.next.append(Answer(307, (to,)))
    assert await stage.deliver() == []
    assert len(stage.slack.calls) == 1


async def test_a_dead_way_out_holds_up_no_other(database_url: str, tmp_path: Path, slack: ScriptedSlack) -> None:
    own = {"slack": {"webhook_url": f"{slack.url}/services/T9/B9/own"}}
    (tmp_path / "dead.test.credentials.json").write_text(json.dumps(own))
    async with a_stage(database_url, tmp_path, slack) as stage:
        slack.rules.append(lambda call: slack_says("down", 503) if call.path.endswith("own") else None)
        await turns(stage, *(f"{n}" for n in range(5)), domain="dead.test")
        await turns(stage, "Hello")
        assert [text.partition("\n")[0] for text in await stage.texts()] == [":bust_in_silhouette: User: Hello"]
        assert len([one for one in slack.calls if one.path.endswith("own")]) == 1
        assert len(await stage.waiting()) == 5


async def test_domains_have_webhooks_and_looks_of_their_own_at_once(stage: Stage, tmp_path: Path) -> None:
    await turns(stage, "One")
    await stage.deliver()
    own = {"webhook_url": f"{stage.slack.url}/services/T9/B9/own", "channel": "#claude", "icon_emoji": ":thread:"}
    (tmp_path / "a.test.credentials.json").write_text(json.dumps({"slack": own}))
    stage.directory.look()
    await turns(stage, "Two")
    await stage.deliver()
    (first, plain), (second, fine) = stage.slack.posts
    assert (first, second) == ("/services/T00000000/B00000000/scripted", "/services/T9/B9/own")
    assert "channel" not in plain
    assert (fine["channel"], fine["icon_emoji"], "username" in fine) == ("#claude", ":thread:", False)


async def test_the_webhook_gets_the_same_signed(database_url: str, tmp_path: Path, slack: ScriptedSlack) -> None:
    async with WebhookReceiver("s3cret") as receiver:
        given = {"webhook_url": receiver.url, "webhook_secret": "s3cret"}
        async with a_stage(database_url, tmp_path, slack, **given) as stage:
            await turns(stage, "One")
            receiver.next.append(slack_says("busy", 503))
            (message,) = await stage.deliver()
            await hurry(stage)
            stage.lanes.rest("webhook", 0)
            await stage.deliver()
        busy, good = receiver.calls
        assert busy.header("webhook-id") == good.header("webhook-id")
        (received,) = receiver.received
    assert received["type"] == "plait.notice.turn"
    assert received["text"].startswith(":bust_in_silhouette: User: One\n:robot_face: Claude: Yes.")
    assert received["data"]["user"] == "One"
    assert received["link"] in message["text"]


async def test_a_wrong_secret_is_refused(database_url: str, tmp_path: Path, slack: ScriptedSlack) -> None:
    async with WebhookReceiver("right") as receiver:
        given = {"webhook_url": receiver.url, "webhook_secret": "wrong"}
        async with a_stage(database_url, tmp_path, slack, **given) as stage:
            await turns(stage, "One")
            await stage.deliver()
            assert (receiver.received, len(receiver.calls), await stage.waiting()) == ([], 1, [])


async def test_two_senders_send_nothing_twice(stage: Stage) -> None:
    await turns(stage, *(f"{n}" for n in range(12)))

    async def empty() -> None:
        while await stage.waiting():
            await stage.delivery.work()

    async with asyncio.timeout(60):
        await asyncio.gather(empty(), empty(), empty())
    assert len({text.partition("\n")[0] for text in await stage.texts()}) == len(stage.slack.calls) == 12


async def test_who_is_ended_between_sending_and_committing_repeats_that_one_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turns(stage, "One", "Two", "Three")
    assert await stage.delivery.work()
    sent = asyncio.Event()

    async def never(*_: Any) -> None:
        sent.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(stage.delivery, "_done", never)
    task = asyncio.create_task(stage.delivery.work())
    await asyncio.wait_for(sent.wait(), 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    monkeypatch.undo()
    firsts = [text.partition("\n")[0][-3:] for text in await stage.texts()]
    assert sorted(firsts) == sorted(["One", "Two", "Two", "ree"])


async def test_muted_domains_tell_nothing(database_url: str, tmp_path: Path, slack: ScriptedSlack) -> None:
    given = {"slack_mute": "a.test,*.lab.test", "slack_unmute": "my-personal.test"}
    async with a_stage(database_url, tmp_path, slack, **given) as stage:
        for domain in ("a.test", "x.lab.test", "personal.test", "annas-personal-mac", "my-personal.test"):
            await turns(stage, domain, domain=domain)
        assert [text.partition("\n")[0] for text in await stage.texts()] == [
            ":bust_in_silhouette: User: my-personal.test"
        ]


async def test_what_nobody_is_told_of_costs_the_database_nothing(
    database_url: str, tmp_path: Path, slack: ScriptedSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_stage(database_url, tmp_path, slack, slack_mute="a.test") as stage:
        call = asked(said("user", "Hello"), at=0, domain="a.test")
        told = await stage.play(call, answered(call, "Yes."))
        monkeypatch.setattr(stage.database, "transaction", lambda: pytest.fail("the database is asked"))
        await stage.give(told)
        monkeypatch.undo()

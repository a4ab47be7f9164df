"""Notices of everything but turns: errors, limits, logins, analyses, digests and budgets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from plait.common.consumer import Record
from plait.common.events import AnalysisData, AnalysisEvent, Fault, Header, ResponseData
from plait.common.ids import conversation_id, new_exchange_id
from plait.fakes.slack import ScriptedSlack
from tests.exchange_events import START, answered, asked, ended, records, said
from tests.notice_stage import Stage, a_stage

OVERLOADED = Fault("overloaded_error", "Overloaded")
LATER = datetime(2031, 1, 1, tzinfo=UTC)


def failing(at: float, fault: Fault = OVERLOADED, status: int = 529, **asking: Any) -> list[Any]:
    call = asked(said("user", f"Hello {at}"), at=at, **asking)
    return [call, structs.replace(ended(call, outcome="failed", status=status), error=fault)]


def limited(answer: ResponseData, share: str, status: str = "allowed_warning", **more: Any) -> ResponseData:
    """An answer that tells of a window."""
    name, ends = "anthropic-ratelimit-unified", str(int(LATER.timestamp()))
    told: list[Header] = [
        (f"{name}-status", status),
        (f"{name}-representative-claim", "five_hour"),
        (f"{name}-5h-status", status),
        (f"{name}-5h-utilization", share),
        (f"{name}-5h-reset", ends),
    ]
    return structs.replace(answer, headers=[*answer.headers, *told], account_id="team", **more)


async def test_a_burst_of_errors_is_told_once_and_the_next_again(stage: Stage) -> None:
    for at in range(0, 50, 5):
        await stage.play(*failing(at))
    (text,) = await stage.texts()
    assert text.startswith(":x: a.test: a request failed: overloaded_error (529)\nOverloaded\n")
    assert "https://plait.example/request?id=" in text
    stage.clock.now += timedelta(minutes=12)
    await stage.play(*failing(700))
    assert len(await stage.deliver()) == 2


async def test_other_kinds_and_other_domains_have_bursts_of_their_own(stage: Stage) -> None:
    await stage.play(*failing(0), *failing(1), *failing(2, Fault("api_error", "Oops"), 500))
    await stage.play(*failing(3, domain="b.test"))
    assert sorted(text.partition("\n")[0] for text in await stage.texts()) == [
        ":x: a.test: a request failed: api_error (500)",
        ":x: a.test: a request failed: overloaded_error (529)",
        ":x: b.test: a request failed: overloaded_error (529)",
    ]


async def test_a_client_that_left_and_a_refused_count_are_no_errors(stage: Stage) -> None:
    call = asked(said("user", "Hello"))
    await stage.play(call, answered(call, "H", outcome="aborted"))
    counting = structs.replace(asked(said("user", "Count"), at=4), path="/v1/messages/count_tokens")
    refusal = Fault("not_found_error", "no such path")
    await stage.play(counting, structs.replace(ended(counting, outcome="failed", status=404), error=refusal))
    assert await stage.deliver() == []


async def test_a_refused_count_hides_no_error(stage: Stage) -> None:
    counting = structs.replace(asked(said("user", "Count")), path="/v1/messages/count_tokens")
    overloaded = Fault("overloaded_error", "Overloaded")
    await stage.play(counting)
    await stage.play(structs.replace(ended(counting, outcome="failed", status=529), error=overloaded))
    await stage.play(*failing(1))
    assert len(await stage.deliver()) == 1


async def test_an_error_waits_for_the_record(stage: Stage) -> None:
    """The answer's event is there before the linker has stored the exchange."""
    call, answer = failing(0)
    await stage.give(records(answer))
    assert await stage.deliver() == []
    assert len(await stage.waiting()) == 1
    await stage.play(call, answer)
    async with stage.database.transaction() as connection:
        await connection.execute("UPDATE notices SET due_at = now()")
    assert len(await stage.deliver()) == 1


async def test_limits_are_told_at_each_step_once(stage: Stage) -> None:
    for number, share in enumerate(("0.5", "0.81", "0.9", "0.96", "0.97")):
        call = asked(said("assistant", "x"), at=number)
        await stage.play(call, limited(answered(call, "x"), share))
    refused = asked(said("assistant", "x"), at=10)
    fault = Fault("rate_limit_error", "limit")
    await stage.play(
        refused, limited(ended(refused, outcome="failed", status=429), "1", status="rejected", error=fault)
    )
    lines = [text.partition("\n")[0] for text in await stage.texts()]
    assert lines == [
        ":warning: team: 81 % of the 5-hour limit is used",
        ":warning: team: 96 % of the 5-hour limit is used",
        ":no_entry: team: the 5-hour limit is reached",
    ]


async def test_a_leap_is_told_at_its_highest_step_only(stage: Stage) -> None:
    for number, share in enumerate(("0.96", "0.85")):
        call = asked(said("assistant", "x"), at=number)
        await stage.play(call, limited(answered(call, "x"), share))
    assert len(await stage.deliver()) == 1


@pytest.mark.parametrize("shares", [("0.96", "0.85"), ("0.85", "0.96")])
async def test_of_one_batch_the_highest_step_is_told_only(stage: Stage, shares: tuple[str, str]) -> None:
    calls = [asked(said("assistant", "x"), at=number) for number in range(2)]
    answers = [limited(answered(call, "x"), share) for call, share in zip(calls, shares, strict=True)]
    await stage.play(*calls, *answers)
    (text,) = await stage.texts()
    assert text.startswith(":warning: team: 96 % of the 5-hour limit is used\n")


async def test_a_reached_limit_is_an_error_where_no_limits_are_told(
    database_url: str, tmp_path: Path, slack: ScriptedSlack
) -> None:
    async with a_stage(database_url, tmp_path, slack, notify="error") as stage:
        call = asked(said("user", "Hello"))
        refusal = ended(call, outcome="failed", status=429)
        await stage.play(call, limited(refusal, "1", status="rejected", error=Fault("rate_limit_error", "limit")))
        (text,) = await stage.texts()
    assert text.startswith(":x: a.test: a request failed: rate_limit_error (429)\n")


def credential(folder: Path, **fields: Any) -> None:
    (folder / "a.test.credentials.json").write_text(json.dumps(fields))


async def test_a_login_that_claude_refuses_is_told_once_until_there_is_another(stage: Stage, tmp_path: Path) -> None:
    refusal = Fault("authentication_error", "invalid bearer token")
    for token in ("first", "first", "second"):
        oauth = {"accessToken": token, "refreshToken": "r", "expiresAt": 0}
        credential(tmp_path, type="oauth", oauth=oauth)
        stage.directory.look()
        await stage.play(*failing(len(token), refusal, 401))
    texts = await stage.texts()
    assert len(texts) == 2
    assert texts[0].startswith(":key: a.test: the login at Claude has ended")
    assert "plait login a.test" in texts[0]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "… cannot be refreshed: … Log in again with `plait login a.test`.",
            ":key: a.test: the login at Claude has ended",
        ),
        (
            "… cannot be refreshed: … It is tried again in 5 s.",
            ":x: a.test: a request was refused by the gateway: auth",
        ),
    ],
)
async def test_a_login_that_the_gateway_cannot_renew(stage: Stage, tmp_path: Path, message: str, shown: str) -> None:
    credential(tmp_path, type="oauth", oauth={"accessToken": "t", "refreshToken": "r", "expiresAt": 1})
    stage.directory.look()
    call = asked(body=b"")
    fault = Fault("authentication_error", message)
    await stage.play(call, structs.replace(ended(call, outcome="rejected", status=401), error=fault))
    (text,) = await stage.texts()
    assert text.startswith(shown)


async def test_a_login_that_nothing_renews_is_told_by_the_clock(stage: Stage, tmp_path: Path) -> None:
    credential(tmp_path, type="oauth", oauth={"accessToken": "t", "expiresAt": 1000})
    stage.directory.look()
    assert await stage.rounds.go() == 1
    assert await stage.rounds.go() == 0


async def test_a_client_s_own_bad_key_is_an_error_of_his(stage: Stage) -> None:
    await stage.play(*failing(0, Fault("authentication_error", "invalid x-api-key"), 401))
    assert (await stage.texts())[0].startswith(":x: a.test: a request failed: authentication_error (401)")


async def test_an_analysis_is_told_with_its_summary(stage: Stage) -> None:
    call = asked(said("user", "Explain *this*"))
    await stage.play(call, answered(call, "x"))
    number, conversation = new_exchange_id(), conversation_id(call.exchange_id)
    result = {
        "summary": "They asked.",
        "sentiment": "positive",
        "interactionPatterns": {"promptClarity": 7, "contextCompleteness": 5.5},
    }
    async with stage.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO analyses (id, conversation_id, branch_id, domain, status, by_rule, asked_by, content, data)"
            " VALUES ($1, $2, 'main', 'a.test', 'completed', false, 'key x', '# They asked.', $3)",
            number, conversation, result,
        )  # fmt: skip
    states = [analysis(number, conversation, state) for state in ("pending", "completed", "completed")]
    await stage.give([Record("plait.analyses", 0, n, event) for n, event in enumerate(states)])
    (text,) = [text for text in await stage.texts() if text.startswith(":mag:")]
    first, summary, scores, *_, link = text.splitlines()
    assert link.endswith(f"/conversation?id={conversation}&amp;branch=main&amp;view=analysis")
    assert first == ":mag: a.test: analysis of “Explain *this*” is done"
    assert summary == "They asked."
    assert scores == "sentiment positive · prompt clarity 7/10 · context completeness 5.5/10"


def analysis(number: Any, conversation: Any, state: Any) -> AnalysisEvent:
    data = AnalysisData(
        analysis_id=number, conversation_id=conversation, branch_id="main", domain="a.test", status=state, revision=1
    )
    return AnalysisEvent(
        id=f"{number}/{state}", source="/plait/analyses", subject=str(number), time=START, partitionkey="k", data=data
    )


def used(at: float, tokens: int, domain: str = "a.test") -> list[Any]:
    call = asked(said("user", f"Question {at}"), at=at, domain=domain, session=f"s{at}")
    raw = msgspec.Raw(msgspec.json.encode({"input_tokens": tokens, "output_tokens": 0}))
    return [call, structs.replace(answered(call, "x"), model="claude-opus-5-5", usage=raw)]


async def test_the_digest_of_a_day_is_told_once_a_day(stage: Stage) -> None:
    await stage.play(*used(0, 1_000_000), *used(60, 1000), *failing(5), *used(0.5, 1000, "b.test"))
    await stage.deliver()
    before = len(stage.slack.messages)
    assert await stage.rounds.go() == 0
    stage.clock.now = datetime(2026, 11, 22, 7, 59, tzinfo=UTC)
    assert await stage.rounds.go() == 0
    stage.clock.now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert await stage.rounds.go() == 2
    assert await stage.rounds.go() == 0
    a, b = (await stage.texts())[before:]
    assert a.startswith(":bar_chart: a.test on Saturday, 21 November 2026\n3 requests in 3 conversations, $")
    assert "1. Question 0: 1 request, 1,000,000 tokens, $" in a
    assert ":x: 1 error: 1 overloaded_error" in a
    assert "\nNo errors\n" in b


async def test_budgets_are_told_at_two_steps(database_url: str, tmp_path: Path, slack: ScriptedSlack) -> None:
    budgets = {"*": {"day": 10.0}, "b.test": {"month": 1000.0}}
    async with a_stage(database_url, tmp_path, slack, budgets=budgets, notify="budget") as stage:
        await stage.play(*used(0, 1_000_000), *used(1, 1_000_000, "b.test"))
        cost = await stage.cost("a.test")
        assert await stage.rounds.go() == 0, cost
        await stage.play(*used(2, int(1_000_000 * (8.5 - cost) / cost)))
        assert await stage.rounds.go() == 1
        await stage.play(*used(3, 1_000_000))
        assert [await stage.rounds.go(), await stage.rounds.go()] == [1, 0]
        near, full = [text.partition("\n") for text in await stage.texts()]
    assert near[0] == ":moneybag: a.test: 85 % of the day's budget is used"
    assert near[2].startswith("$8.50 of $10.00 today. Nothing is refused")
    assert full[0].startswith(":rotating_light: a.test: 1")


@pytest.mark.parametrize("kind", ["turn", "error"])
async def test_what_is_switched_off_is_not_told(
    database_url: str, tmp_path: Path, slack: ScriptedSlack, kind: str
) -> None:
    async with a_stage(database_url, tmp_path, slack, notify=kind) as stage:
        call = asked(said("user", "Hello"), at=1)
        await stage.play(*failing(0), call, answered(call, "x"))
        assert [one["kind"] for one in await stage.waiting()] == [kind]

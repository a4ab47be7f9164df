"""What each answer of the other side means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from plait.fakes.answers import Answer
from plait.fakes.slack import ScriptedSlack, slack_says, too_many
from plait.notifier.channels import Busy, Refused, Undelivered
from plait.notifier.channels.doors import new_session
from plait.notifier.channels.slack import SlackChannel
from plait.notifier.channels.waiting import seconds_to_wait
from plait.notifier.channels.webhook import doubt_of, signature, signing_key
from plait.notifier.notice import Notice
from plait.notifier.routes import SlackRoute

NAMED = frozenset({"127.0.0.1"})
NOTICE = Notice(id="1", kind="turn", domain="a.test", at=datetime(2026, 11, 21, tzinfo=UTC), title="Hello")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session(NAMED) as session:
        yield session


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack() as slack:
        yield slack


def channel(slack: ScriptedSlack, session: aiohttp.ClientSession) -> SlackChannel:
    return SlackChannel(SlackRoute(slack.webhook, "#c", "Plait", ":x:"), session, NAMED)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (too_many(7), Busy),
        (slack_says("server_error", 500), Undelivered),
        (slack_says("<html>", 200), Undelivered),
        (slack_says("", 200), Undelivered),
        (slack_says("timeout", 408), Undelivered),
        (slack_says("invalid_payload", 400), Refused),
        (slack_says("action_prohibited", 403), Refused),
        (slack_says("channel_is_archived", 410), Refused),
        (Answer(302, (("location", "http://127.0.0.1:1/services/T/B/x"),)), Refused),
        (Answer(end="reset"), Undelivered),
        (Answer(end="cut", chunked=True), Undelivered),
    ],
)
async def test_what_slack_means(
    slack: ScriptedSlack, session: aiohttp.ClientSession, answer: Answer, meaning: type[Exception]
) -> None:
    slack.next.append(answer)
    with pytest.raises(meaning) as raised:
        await channel(slack, session).send(NOTICE)
    assert type(raised.value) is meaning
    assert "services" not in str(raised.value)
    await channel(slack, session).send(NOTICE)
    assert len(slack.messages) == 1
    assert (slack.messages[0]["channel"], slack.messages[0]["username"]) == ("#c", "Plait")


async def test_who_says_nothing_is_given_up(slack: ScriptedSlack) -> None:
    slack.next.append(Answer(head_wait=60))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.2)) as session:
        with pytest.raises(Undelivered):
            await channel(slack, session).send(NOTICE)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("0", 1),
        ("7", 7),
        ("999999999999", 3600),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 1),
        (None, 30),
        ("soon", 30),
        ("1 Jan 99999999999999999999 00:00", 30),
        ("-3", 30),
        ("³", 30),
    ],
)
def test_how_long_to_wait(told: str | None, seconds: float) -> None:
    assert seconds_to_wait(told, datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) == seconds


def test_the_signature_is_that_of_the_rules() -> None:
    """The example of the rules' own documentation."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert signing_key("plain") == b"plain"
    assert signing_key("whsec_ no base64") == b"whsec_ no base64"


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("whsec_!!", "what follows whsec_ is no base64, so the key is the whole text"),
        ("abc", "it is shorter than 16 bytes, and may be guessed"),
        ("whsec_YWJj", "it is shorter than 16 bytes, and may be guessed"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ""),
        ("sixteen letters!", ""),
    ],
)
def test_odd_secrets_are_doubted(secret: str, says: str) -> None:
    assert doubt_of(secret) == says

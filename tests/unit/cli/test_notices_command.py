"""`plait notices test` as a user calls it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from plait.cli.commands.notices import send
from plait.common.errors import UserError, WrongUsage
from plait.fakes.slack import ScriptedSlack, slack_says
from tests.ports import free_port


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_WEBHOOK_URL", "WEBHOOK_URL", "WEBHOOK_SECRET", "CREDENTIALS_DIR", "SLACK_MUTE", "NOTIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WEBHOOK_ALLOWED_HOSTS", "127.0.0.1")


async def call(home: Path, domain: str | None = None) -> int:
    return await asyncio.to_thread(send, domain, home=home)


async def test_a_trial_notice_goes_where_the_domain_s_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ScriptedSlack() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook)
        own = {"slack": {"webhook_url": f"{slack.url}/services/T9/B9/own"}}
        (tmp_path / "credentials").mkdir()
        (tmp_path / "credentials" / "a.test.credentials.json").write_text(json.dumps(own))
        assert await call(tmp_path, "A.test") == 0
        assert await call(tmp_path) == 0
        assert [path for path, _ in slack.posts] == ["/services/T9/B9/own", "/services/T00000000/B00000000/scripted"]
        assert slack.messages[0]["text"].startswith(":wave: Notices of a.test arrive here")
        slack.next.append(slack_says("no_service", 404))
        assert await call(tmp_path) == 1
    said = capsys.readouterr().out
    assert "✓ slack a.test: the trial notice was taken" in said
    assert "✗ slack: Slack refuses it with 404" in said


async def test_where_nothing_is_set_up_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"of a\.test go nowhere: set SLACK_WEBHOOK_URL"):
        await call(tmp_path, "a.test")
    with pytest.raises(WrongUsage, match="is no domain"):
        await call(tmp_path, "no domain!")


async def test_an_address_that_nobody_allowed_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://10.0.0.1/services/T/B/secret")
    assert await call(tmp_path) == 1
    said = capsys.readouterr().out
    assert "10.0.0.1 is not among WEBHOOK_ALLOWED_HOSTS" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("NOTIFY", "bogus", "NOTIFY=bogus cannot be used: `bogus` is no notice"),
        ("WEBHOOK_URL", "https://a.test", "WEBHOOK_SECRET is not set: WEBHOOK_URL needs it"),
    ],
)
async def test_settings_that_the_notifier_would_refuse_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=says):
        await call(tmp_path)


async def test_why_there_is_no_answer_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"http://127.0.0.1:{free_port()}/services/T/B/x")
    assert await call(tmp_path) == 1
    assert "✗ slack: no answer: connection refused" in capsys.readouterr().out


async def test_a_secret_that_may_be_guessed_is_doubted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{free_port()}/notices")
    monkeypatch.setenv("WEBHOOK_SECRET", "abc")
    await call(tmp_path)
    said = capsys.readouterr().out
    assert "WEBHOOK_SECRET: it is shorter than 16 bytes" in said
    assert "abc" not in said

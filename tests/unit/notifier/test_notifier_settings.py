"""Settings of the notifier."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from plait.notifier.settings import KINDS, Settings


def test_everything_is_told_unless_somebody_chooses() -> None:
    settings = Settings()
    assert settings.kinds == set(KINDS)
    assert (settings.max_age, settings.error_quiet) == (timedelta(minutes=15), timedelta(minutes=10))
    assert settings.digest_at == time(8)
    assert Settings(notify="turn, error").kinds == {"turn", "error"}


def test_hosts_are_names_or_addresses() -> None:
    given = Settings(webhook_allowed_hosts="Chat.test, 127.0.0.1:8123,::1")
    assert given.allowed_hosts == {"chat.test", "127.0.0.1:8123", "::1"}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("900", timedelta(minutes=15)),
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    assert Settings(notify_max_age=text).max_age == span


@pytest.mark.parametrize(
    "wrong",
    [
        {"notify": "turns"},
        {"webhook_allowed_hosts": "hooks.test:https"},
        {"webhook_allowed_hosts": "hooks.test, https://chat.test"},
        {"webhook_allowed_hosts": "[::1]"},
        {"notify_max_age": "0m"},
        {"notify_max_age": "15 minutes"},
        {"notify_max_age": "-15m"},
        {"notify_max_age": "9999999d"},
        {"notify_digest_at": "24:00"},
        {"notify_time_zone": "Mars/Olympus"},
        {"budgets": {"*": {"week": 3}}},
        {"budgets": {"*": {"day": 0}}},
        {"webhook_url": "https://a.test"},
        {"dashboard_url": "plait.example"},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_budgets_of_other_domains() -> None:
    settings = Settings(budgets={"a.test": {"day": 3}, "*": {"month": 9}})
    assert settings.budgets_of("a.test") == {"day": 3}
    assert settings.budgets_of("b.test") == {"month": 9}

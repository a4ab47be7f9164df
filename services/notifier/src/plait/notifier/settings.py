"""What the notifier reads from its environment."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from plait.common import settings as groups
from plait.common.buckets import zones

Kind = Literal["turn", "error", "limit", "login", "analysis", "digest", "budget"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Period = Literal["day", "month"]
_HOST: Final = re.compile(r"[^:/@?#\[\]\s]+(:\d{1,5})?")
_SPAN: Final = re.compile(r"([1-9]\d{0,6})([smhd]?)")
_LONGEST: Final = timedelta(days=9999)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _span(text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError("it must be a span of time, such as 90s, 15m, 2h or 1d")
    span = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if span > _LONGEST:
        raise ValueError(f"it must be {_LONGEST.days}d at most")
    return span


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in text.split(","))))


def _is_span(text: str) -> str:
    _span(text)
    return text


def _are_kinds(text: str) -> str:
    if strange := [word for word in _words(text) if word not in KINDS]:
        raise ValueError(f"`{strange[0]}` is no notice: there are {', '.join(KINDS)}")
    return text


def _are_hosts(text: str) -> str:
    if strange := [word for word in _words(text) if not _is_host(word)]:
        raise ValueError(f"`{strange[0]}` is no host: a host is `name` or `name:port`, without scheme and path")
    return text


def _is_host(word: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(word))
    return bool(_HOST.fullmatch(word))


def _is_zone(text: str) -> str:
    if text not in zones():
        raise ValueError("it must be the name of a time zone, such as Europe/Berlin")
    return text


_Secret = Annotated[SecretStr | None, BeforeValidator(lambda value: value or None)]


class ChannelSettings(groups.Environment):
    """Where notices go, and whose."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    slack_webhook_url: _Secret = Field(
        None, description="Slack's incoming webhook of all domains without a `slack` block in their credential file."
    )
    slack_channel: str | None = Field(None, description="Channel to post to, where the webhook lets it be chosen.")
    slack_username: str | None = Field(None, description="Name that messages in Slack come from, likewise.")
    slack_icon_emoji: str | None = Field(None, description="Picture beside it, likewise; such as `:robot_face:`.")
    slack_enabled: bool = Field(True, description="false: nothing goes to Slack, whatever credential files say.")
    slack_mute: str = Field(
        "", description="Domains that no notice tells of, comma-separated; `*.example.com` stands for all below it."
    )
    slack_unmute: str = Field(
        "", description="Domains that notices tell of although their names hold `personal`, which mutes others."
    )
    webhook_url: _Secret = Field(
        None, description="Address that gets every notice as signed JSON; WEBHOOK_ALLOWED_HOSTS must name its host."
    )
    webhook_secret: _Secret = Field(None, validate_default=True, description="Key of its signature (HMAC-SHA256).")
    webhook_allowed_hosts: Annotated[str, AfterValidator(_are_hosts)] = Field(
        "",
        description="Hosts, comma-separated, that notices may go to beside hooks.slack.com, on any port or, as "
        "`name:port`, on one; to these also by http and at private addresses.",
    )
    credentials_dir: Path = Field(
        Path("~/.local/share/plait/credentials").expanduser(),
        description="Folder of the files `<domain>.credentials.json`.",
    )
    dashboard_url: str = Field(
        "http://127.0.0.1:3001",
        pattern="^https?://[^/]+",
        description="The dashboard as readers of notices reach it, for links.",
    )

    @field_validator("credentials_dir")
    @classmethod
    def _is_expanded(cls, folder: Path) -> Path:
        return folder.expanduser()

    @field_validator("webhook_secret")
    @classmethod
    def _is_there(cls, secret: SecretStr | None, told: ValidationInfo) -> SecretStr | None:
        if told.data.get("webhook_url") and secret is None:
            raise ValueError("WEBHOOK_URL needs it: notices are signed with it")
        return secret

    @property
    def muted(self) -> tuple[str, ...]:
        """Domains and patterns of SLACK_MUTE."""
        return _words(self.slack_mute)

    @property
    def unmuted(self) -> tuple[str, ...]:
        """Domains and patterns of SLACK_UNMUTE."""
        return _words(self.slack_unmute)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Hosts of WEBHOOK_ALLOWED_HOSTS, in lower case; `name:port` of those that are trusted on one port alone."""
        return frozenset(host.lower() for host in _words(self.webhook_allowed_hosts))


class Settings(groups.Settings, groups.KafkaSettings, groups.PostgresSettings, ChannelSettings):
    """Settings of the notifier."""

    model_config = ChannelSettings.model_config

    notify: Annotated[str, AfterValidator(_are_kinds)] = Field(
        ",".join(KINDS), description="Which notices are sent, comma-separated."
    )
    notify_max_age: Annotated[str, AfterValidator(_is_span)] = Field(
        "15m",
        description="What happened longer ago is not told any more (90s, 15m, 2h): replays and imports are silent.",
    )
    notify_error_quiet: Annotated[str, AfterValidator(_is_span)] = Field(
        "10m", description="Errors of one kind are told once, and again after a domain had none of them for so long."
    )
    notify_digest_at: str = Field(
        "08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="When the digest of the day before is sent."
    )
    notify_time_zone: Annotated[str, AfterValidator(_is_zone)] = Field(
        "UTC", description="Time zone of digests, and of the days and months of budgets."
    )
    notify_redact: bool = Field(True, description="Whether keys and tokens in what was said are masked.")
    budgets: dict[str, dict[Period, PositiveFloat]] = Field(
        {},
        description="Dollars that domains may come to, as JSON, `*` for each other one: "
        '{"work.example": {"day": 20, "month": 300}, "*": {"month": 50}}. Told at 80 and 100 %; nothing is refused.',
    )

    @property
    def kinds(self) -> frozenset[Kind]:
        """Notices that are sent."""
        chosen = _words(self.notify)
        return frozenset(kind for kind in KINDS if kind in chosen)

    @property
    def max_age(self) -> timedelta:
        """NOTIFY_MAX_AGE."""
        return _span(self.notify_max_age)

    @property
    def error_quiet(self) -> timedelta:
        """NOTIFY_ERROR_QUIET."""
        return _span(self.notify_error_quiet)

    @property
    def digest_at(self) -> time:
        """NOTIFY_DIGEST_AT."""
        return time.fromisoformat(self.notify_digest_at)

    @property
    def zone(self) -> ZoneInfo:
        """NOTIFY_TIME_ZONE."""
        return ZoneInfo(self.notify_time_zone)

    def budgets_of(self, domain: str) -> dict[Period, float]:
        """What a domain may come to."""
        return self.budgets.get(domain, self.budgets.get("*", {}))

"""What the analyzer reads from its environment."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from plait.analyzer.insight.settings import InsightSettings
from plait.analyzer.rule import Rule, parse
from plait.common import settings as groups

BranchKind = Literal["main", "user", "subtask", "compact"]
_TOLERATED: Final = re.compile(r"(/v1beta)?(/models)?/*$")
"""What people paste behind the base address: the SDK adds it itself."""
_LEAST_BEATS: Final = 3


class ProviderSettings(groups.Environment):
    """Who analyses."""

    analysis_provider: Literal["gemini", "claude"] = Field(
        "gemini", description="Who analyses conversations: gemini, or claude through our own gateway."
    )
    gemini_api_key: SecretStr | None = Field(None, description="Key of the Gemini API; without one analyses fail.")
    gemini_model_name: str = Field("gemini-4-argon", min_length=1, description="Model that analyses, of gemini.")
    gemini_api_url: str = Field(
        "https://generativelanguage.googleapis.com",
        pattern=r"^https?://",
        description="Base address of the Gemini API, for proxies; a trailing /v1beta/models is tolerated.",
    )
    analysis_claude_model: str = Field("claude-opus-5-5", min_length=1, description="Model that analyses, of claude.")
    analysis_claude_key: SecretStr | None = Field(
        None, description="Key that analyses by claude show the gateway: a client's key, or an API key it passes on."
    )
    analysis_claude_domain: str | None = Field(
        None, description="Domain whose credential pays for analyses by claude; none: that of GATEWAY_URL's own host."
    )
    gateway_url: str = Field(
        "http://127.0.0.1:3000", pattern=r"^https?://", description="Base address of the gateway, as this part sees it."
    )
    analysis_timeout_s: float = Field(180, gt=0, description="Seconds that one call of the model may take.")
    analysis_max_output_tokens: int = Field(16_000, ge=1000, description="Tokens that an analysis may have at most.")

    @field_validator("gemini_api_key", "analysis_claude_key", "analysis_claude_domain", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return value or None

    @field_validator("gemini_api_url", "gateway_url")
    @classmethod
    def _base(cls, url: str) -> str:
        return _TOLERATED.sub("", url)


class WorkSettings(groups.Environment):
    """How jobs are carried out."""

    analysis_concurrency: int = Field(
        2, ge=1, le=100, description="Calls of the model at once, of all analyzers on one database together."
    )
    analysis_attempts: int = Field(5, ge=1, le=20, description="Times that an analysis is tried before it fails.")
    analysis_retry_s: float = Field(
        2, gt=0, description="Seconds before the second attempt; each further pause is four times as long, to 10 min."
    )
    analysis_lease_s: float = Field(
        30, gt=0, description="Seconds after which the job of an analyzer that has died is taken over."
    )


class RuleSettings(groups.Environment):
    """Which conversations are analysed without being asked for."""

    analysis_auto: str = Field(
        "off",
        description="Analyse by rule: off, idle:30m (quiet for so long; s, m, h or d), daily (after midnight, UTC, what"
        " was active that day).",
    )
    analysis_auto_min_requests: int = Field(3, ge=1, description="Exchanges that a branch must have for the rule.")
    analysis_auto_max_requests: int = Field(2000, ge=1, description="Exchanges that a branch may have for the rule.")
    analysis_auto_kinds: list[BranchKind] = Field(
        ["main"],
        description='Kinds of branches that the rule is for, as JSON: some of "main", "user", "subtask", "compact".',
    )
    analysis_auto_per_day: int = Field(
        50, ge=0, description="Analyses that the rule asks for in a day (UTC); the others wait for the next."
    )
    analysis_auto_budget_usd: float = Field(
        5, ge=0, description="Dollars that analyses by rule may have cost in a day (UTC) before no more are asked for."
    )

    @field_validator("analysis_auto")
    @classmethod
    def _is_a_rule(cls, text: str) -> str:
        parse(text)
        return text

    @property
    def rule(self) -> Rule | None:
        """When conversations are due; None: never."""
        return parse(self.analysis_auto)


class Settings(
    groups.Settings,
    groups.KafkaSettings,
    groups.PostgresSettings,
    InsightSettings,
    ProviderSettings,
    WorkSettings,
    RuleSettings,
):
    """Settings of the analyzer."""

    @property
    def lease(self) -> timedelta:
        """How long a job is ours without a sign of life."""
        return timedelta(seconds=self.analysis_lease_s)

    @property
    def beat_s(self) -> float:
        """Seconds between signs of life: two may be lost."""
        return self.analysis_lease_s / _LEAST_BEATS

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.analysis_auto_min_requests > self.analysis_auto_max_requests:
            raise ValueError("ANALYSIS_AUTO_MIN_REQUESTS is more than ANALYSIS_AUTO_MAX_REQUESTS")
        return self

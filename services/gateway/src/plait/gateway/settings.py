"""What the gateway's two parts read from the environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from plait.common.settings import KafkaSettings, Settings
from plait.gateway.oauth.settings import TokenSettings
from plait.gateway.redaction import NAMED, Redactor

MEGA: Final = 1024 * 1024
_KEY: Final = re.compile("([0-9a-fA-F]{2}){16,}")


class SpoolSettings(Settings):
    """Where the spool lies; both parts read it."""

    spool_dir: Path = Field(
        Path("~/.local/share/plait/spool/gateway").expanduser(), description="Folder of the spool's segments."
    )
    spool_sync: Literal["none", "interval", "always"] = Field(
        "interval",
        description="When the disk itself must have what was recorded, which only a power cut takes from the system:"
        " none; interval: a second later, seen to by the shipper; always: before the answer's last byte.",
    )


class RedactionSettings(Settings):
    """What is taken out of recorded bodies; both parts read it."""

    redact_bodies: str = Field(
        "",
        description=f"What is taken out of bodies before they are recorded, comma-separated: {', '.join(NAMED)}."
        " What is relayed stays as it is. The byte lane is off then.",
    )
    redact_bodies_patterns: str = Field(
        "", description="Regular expressions, one a line, whose matches are taken out of recorded bodies too."
    )

    @model_validator(mode="after")
    def _has_patterns(self) -> Self:
        self.redactor()
        return self

    def redactor(self) -> Redactor:
        """All of it; empty (false) when nothing is to be taken out."""
        names = [name for name in self.redact_bodies.split(",") if name.strip()]
        return Redactor(names, [line for line in self.redact_bodies_patterns.splitlines() if line])


class AccessSettings(Settings):
    """Who is let in, and whose credential goes to Claude."""

    credentials_dir: Path = Field(
        Path("~/.local/share/plait/credentials").expanduser(),
        description="Folder of the files `<domain>.credentials.json`.",
    )
    enable_client_auth: bool | None = Field(
        None, description="Whether clients have to show a key; unset: those of a domain that has client keys."
    )
    allow_open_gateway: bool = Field(
        False, description="Let others than this machine in without a client key, where a domain has none."
    )
    pass_client_credentials: bool | None = Field(
        None,
        description="Whether clients' own credentials go to Claude where the domain has none;"
        " unset: only as long as there is no credential file.",
    )

    @field_validator("credentials_dir")
    @classmethod
    def _is_expanded(cls, folder: Path) -> Path:
        return folder.expanduser()


class RelaySettings(SpoolSettings, RedactionSettings, AccessSettings, TokenSettings):
    """Settings of the part that clients talk to."""

    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    port: int = Field(3000, ge=1, le=65535, description="Port that the gateway listens on.")
    claude_api_base_url: str = Field(
        "https://api.anthropic.com", pattern="^https?://[^/?#]+", description="Where Claude is; may carry a path."
    )
    claude_api_timeout: float = Field(600, gt=0, description="Seconds that Claude may take to begin its answer.")
    claude_idle_timeout: float = Field(300, gt=0, description="Seconds of silence allowed within an answer.")
    claude_connect_timeout: float = Field(10, gt=0, description="Seconds to open a connection to Claude.")
    upstream_retries: int = Field(
        0,
        ge=0,
        le=5,
        description="How often a call that Claude answers with 429 or 5xx is tried again, before the first byte, "
        "for clients that do not retry themselves. Beyond 0 the byte lane is off.",
    )
    on_client_disconnect: Literal["cancel", "drain"] = Field(
        "cancel",
        description="cancel: Claude's answer is cut when its client leaves; drain: it is read on for the record.",
    )
    client_drain_timeout: float = Field(
        600, gt=0, description="Most seconds that an answer is read on after its client has left."
    )
    gateway_workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that share the port, each with a spool of its own in SPOOL_DIR; beyond 1 their metrics"
        " are at METRICS_PORT, METRICS_PORT + 1, and so on.",
    )
    byte_lane: bool = Field(
        True, description="Whether plain calls take the short way through the gateway; answers are the same without it."
    )
    cors_origins: str = Field(
        "",
        pattern=r"^ *(https?://[^ /,?#]+( *, *https?://[^ /,?#]+)*)? *$",
        description="Origins (https://tool.example.com, …) whose pages may call; none: Claude decides.",
    )
    api_url: str = Field(
        "http://127.0.0.1:3002", pattern="^https?://[^/?#]+", description="The read API that /api/* is relayed to."
    )
    access_log: bool = Field(
        True, description="Whether a line per exchange and per refusal, without content, is logged."
    )
    max_request_bytes: int = Field(32 * MEGA, gt=0, description="Largest request body; a larger one gets 413.")
    masking_key: SecretStr = Field(description="Key, in hex, of the marks that replace secrets in records.")
    spool_segment_bytes: int = Field(64 * MEGA, ge=MEGA, description="Size at which a spool segment is closed.")
    spool_max_bytes: int = Field(
        4096 * MEGA, ge=MEGA, description="Most disk that the spool takes; beyond it new exchanges are not recorded."
    )

    @field_validator("masking_key")
    @classmethod
    def _is_hex(cls, key: SecretStr) -> SecretStr:
        if not _KEY.fullmatch(key.get_secret_value()):
            raise ValueError("must be at least 32 hex digits: `openssl rand -hex 32` makes one")
        return key


class ShipperSettings(SpoolSettings, RedactionSettings, KafkaSettings):
    """Settings of the part that publishes the spool."""

    shipper_drain_seconds: float = Field(
        15, ge=0, description="How long an ending shipper waits for the gateway to end, and ships what is left."
    )

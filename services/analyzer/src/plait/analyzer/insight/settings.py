"""How much of a branch is sent, and what is taken out of it before."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from plait.common.redaction import KINDS, Redactor
from plait.common.settings import Environment

_ALL = "all"
_OFF = "off"


class InsightSettings(Environment):
    """What an analysis is made from."""

    analysis_redact: str = Field(
        _ALL,
        description="What is taken out of conversations before they are sent to be analysed: all, off, or some of"
        f" {', '.join(KINDS)}, comma-separated.",
    )
    analysis_max_input_tokens: int = Field(
        200_000, ge=4000, description="Tokens that are sent for one analysis at most; longer branches are cut."
    )
    analysis_first_messages: int = Field(5, ge=0, description="Messages kept from the beginning of a branch too long.")
    analysis_last_messages: int = Field(20, ge=1, description="Messages kept from the end of a branch too long.")
    analysis_tool_characters: int = Field(
        400, ge=0, le=100_000, description="Characters kept of a tool call's input, and of its result."
    )

    @model_validator(mode="after")
    def _names_kinds(self) -> Self:
        self.redactor()
        return self

    def redactor(self) -> Redactor:
        """For what is sent."""
        named = self.analysis_redact.strip().lower()
        if named in (_ALL, _OFF):
            return Redactor(KINDS if named == _ALL else ())
        return Redactor(name.strip() for name in named.split(",") if name.strip())

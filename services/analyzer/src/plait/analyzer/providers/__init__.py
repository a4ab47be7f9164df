"""The models that analyse: one small interface, and who serves them."""

from __future__ import annotations

from plait.analyzer.providers.provider import Answer, Ask, Provider, ProviderError, Refused, Unavailable
from plait.analyzer.settings import ProviderSettings

__all__ = ["Answer", "Ask", "Provider", "ProviderError", "Refused", "Unavailable", "provider_of"]

_NO_KEY = (
    "GEMINI_API_KEY is not set, so there is nobody to ask: set it and start the analyzer again, then ask anew"
    " (docs/analysis.md)."
)


class NoKey:
    """Stands in where nobody can be asked: each analysis fails with a reason that names the setting."""

    name = "gemini"

    def __init__(self, model: str) -> None:
        self.model = model

    async def answer(self, ask: Ask) -> Answer:  # noqa: ARG002 - whatever is asked
        """Refuses; see `Provider`."""
        raise Refused(_NO_KEY)

    async def count(self, text: str) -> int:  # noqa: ARG002 - whatever is counted
        """Refuses; see `Provider`."""
        raise Refused(_NO_KEY)

    async def close(self) -> None:
        """Nothing is open."""


def can_ask(settings: ProviderSettings) -> bool:
    """Whether there is somebody to ask."""
    return settings.analysis_provider == "claude" or settings.gemini_api_key is not None


def provider_of(settings: ProviderSettings) -> Provider:
    """Whom the settings name. The SDKs are imported here, where they are needed: they take a while."""
    if settings.analysis_provider == "claude":
        from plait.analyzer.providers.claude import Claude

        return Claude(settings)
    if not can_ask(settings):
        return NoKey(settings.gemini_model_name)
    from plait.analyzer.providers.gemini import Gemini

    return Gemini(settings)

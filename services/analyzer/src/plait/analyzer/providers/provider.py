"""What the analyzer needs of a model, whoever serves it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Protocol

from msgspec import Struct

from plait.common.errors import PlaitError

TAG: Final = "plait-analysis"
"""Of calls that are made for analyses through our own gateway: the rule passes their conversations over."""
_MOST_SAID: Final = 500
"""Characters of a provider's message that are kept."""


class Ask(Struct, frozen=True):
    """One call of a model. It gets no tools."""

    system: str
    user: str
    schema: dict[str, Any]
    """JSON Schema of the answer."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a model answered."""

    text: str
    """JSON, if the model kept to the schema."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Thinking included."""
    total_tokens: int = 0
    cost_usd: Decimal | None = None
    """None: the price is not known."""


class ProviderError(PlaitError):
    """The model gave no answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason if len(reason) <= _MOST_SAID else f"{reason[:_MOST_SAID]}…")


class Unavailable(ProviderError):
    """It may answer later: too many calls, a fault on its side, or no connection."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s
        """Seconds that the provider wants us to wait, if it says so."""


class Refused(ProviderError):
    """It will not answer this, however often it is asked."""


class Provider(Protocol):
    """A model that analyses."""

    name: str
    """As in ANALYSIS_PROVIDER."""
    model: str

    async def answer(self, ask: Ask) -> Answer:
        """Call the model once.

        Raises:
            Unavailable: try again later.
            Refused: do not.
        """
        ...

    async def count(self, text: str) -> int:
        """How many tokens a text is, by the provider's own counter.

        Raises:
            ProviderError: it does not say.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

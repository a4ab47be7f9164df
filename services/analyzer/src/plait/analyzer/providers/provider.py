"""What the analyzer needs of a model, whoever serves it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final, Protocol

import httpx2
from msgspec import Struct

from plait.common.errors import PlaitError
from plait.common.redaction import SECRETS, Redactor

TAG: Final = "plait-analysis"
"""Of calls that are made for analyses through our own gateway: the rule passes their conversations over."""
MOST_BYTES: Final = 1 << 20
"""Of an answer: ten times what an analysis may have. What comes of it must fit into an event."""
_MOST_SAID: Final = 500
"""Characters of a provider's message that are kept."""
_LONGEST_SECRET: Final = 4_000
"""Characters behind them that are looked at, so that no cut hides what a secret is."""
_MOST_TOKENS: Final = 1_000_000_000
_MASKING: Final = Redactor(SECRETS)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
"""What no person sees, what turns texts around, and what a terminal would obey."""


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
    """The model gave no answer. The reason is shown, logged and told to others: secrets in it are masked."""

    def __init__(self, reason: str) -> None:
        told = _MASKING.text(_CONTROL.sub(" ", reason[: _MOST_SAID + _LONGEST_SECRET]))
        super().__init__(told if len(told) <= _MOST_SAID else f"{told[:_MOST_SAID]}…")


class Unavailable(ProviderError):
    """It may answer later: too many calls, a fault on its side, or no connection."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s
        """Seconds that the provider wants us to wait, if it says so."""


class Refused(ProviderError):
    """It will not answer this, however often it is asked."""


def tokens(told: int | None) -> int:
    """A number of tokens as a provider tells it, which may be anything."""
    return min(max(told or 0, 0), _MOST_TOKENS)


def seconds(told: str | None) -> float | None:
    """The seconds of a `Retry-After` header; None: it names none."""
    return float(told) if told and told.isascii() and told.isdigit() else None


async def bounded(response: httpx2.Response) -> None:
    """A hook of HTTP clients: whoever answers at great length is read no further.

    Raises:
        Unavailable: the answer is packed, though nobody asked for that: it could be of any length.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unavailable("The model's answer came compressed, which was not asked for.")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MOST_BYTES:
                raise Unavailable(f"The model's answer is longer than {MOST_BYTES >> 20} MiB.")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


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

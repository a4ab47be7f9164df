"""Makes a long conversation fit: its first messages, a marker, its last ones, then less and less of the middle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

Count = Callable[[str], Awaitable[int]]
"""Tokens of a text, by the provider's own counter."""

_BYTES_PER_TOKEN: Final = 3
"""Of English about 4, of code 3 to 4, of Chinese 3: so the estimate is rather too high than too low."""
_MOST_COUNTS: Final = 20
_NEAR: Final = 1000
"""The search ends when less than a thousandth of what may be sent is left unused."""


class Cut(Struct, frozen=True):
    """What is left of a conversation."""

    text: str
    tokens: int
    left_out: int
    """Messages that are left out whole."""


def estimate(text: str) -> int:
    """Tokens of a text, where no counter is at hand: a third of its bytes in UTF-8."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def surely_fits(text: str, most: int) -> bool:
    """Whether no counter has to be asked: a token is at least a byte."""
    return len(text.encode("utf-8", "replace")) <= most


async def fit(messages: Sequence[str], most: int, count: Count, *, first: int, last: int) -> Cut:
    """At most `most` tokens of a conversation, by `count`.

    If all is too long: the `first` messages, a marker and the `last` ones. If that is too long: as much of its
    beginning and of its end as there is room for.
    """
    text = _joined(messages)
    if surely_fits(text, most):
        return Cut(text, estimate(text), 0)
    if (tokens := await count(text)) <= most:
        return Cut(text, tokens, 0)
    left_out = max(0, len(messages) - first - last)
    if left_out:
        marker = f"[… {left_out:,} messages left out here …]"
        text = _joined([*messages[:first], marker, *messages[len(messages) - last :]])
        if (tokens := await count(text)) <= most:
            return Cut(text, tokens, left_out)
    return await _without_middle(text, tokens, most, count, left_out)


async def _without_middle(text: str, tokens: int, most: int, count: Count, left_out: int) -> Cut:
    """Look for the most characters that fit: first where the density of tokens says, then between what is known."""
    fits, too_many = 0, len(text)
    best = Cut(_middle_out(text, 0), 0, left_out)
    for _ in range(_MOST_COUNTS):
        keep = min(max(too_many * most // tokens if tokens > most else (fits + too_many) // 2, fits + 1), too_many - 1)
        if keep <= fits:
            break
        shorter = _middle_out(text, keep)
        tokens = await count(shorter)
        if tokens <= most:
            fits, best = keep, Cut(shorter, tokens, left_out)
            if most - tokens <= most // _NEAR:
                break
        else:
            too_many = keep
    return best


def _middle_out(text: str, keep: int) -> str:
    head = keep - keep // 2
    return f"{text[:head]}\n[… {len(text) - keep:,} characters left out here …]\n{text[len(text) - keep // 2 :]}"


def _joined(messages: Sequence[str]) -> str:
    return "\n\n".join(messages)

"""Takes secrets and personal data out of texts, by pattern. Pure.

A match becomes `[redacted:KIND]`. What comes out unchanged when it is put in again: marks hold nothing that is found.
Time grows with the length of the text alone: no pattern tries one place in more than a bounded number of ways, and
none looks further than a bounded number of characters but for a run of characters that it then takes whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from plait.common.redaction.finding import Finder, Span
from plait.common.redaction.numbers import CARDS, IBANS, PHONES, SOCIAL_SECURITY
from plait.common.redaction.passwords import PASSWORDS
from plait.common.redaction.tokens import API_KEYS, PRIVATE_KEYS, TOKENS
from plait.common.redaction.writing import EMAILS

_FINDERS: Final[Mapping[str, tuple[Finder, ...]]] = {
    "private-keys": PRIVATE_KEYS,
    "tokens": TOKENS,
    "api-keys": API_KEYS,
    "passwords": PASSWORDS,
    "emails": EMAILS,
    "ibans": IBANS,
    "cards": CARDS,
    "social-security-numbers": SOCIAL_SECURITY,
    "phones": PHONES,
}
KINDS: Final = tuple(_FINDERS)
"""What can be taken out, in the order in which it is looked for."""
SECRETS: Final = ("private-keys", "tokens", "api-keys", "passwords")
"""Those of them that let somebody in. `tokens` are JSON Web Tokens."""


class Redactor:
    """Some kinds of secrets and personal data, and texts without them."""

    def __init__(self, kinds: Iterable[str]) -> None:
        """Kinds out of `KINDS`; none: texts stay as they are.

        Raises:
            ValueError: a kind is unknown.
        """
        wanted = set(kinds)
        if unknown := sorted(wanted.difference(KINDS)):
            raise ValueError(f"{unknown[0]} cannot be redacted: there are {', '.join(KINDS)}")
        self.kinds: Final = tuple(kind for kind in KINDS if kind in wanted)

    def __bool__(self) -> bool:
        return bool(self.kinds)

    def text(self, text: str, found: Counter[str] | None = None) -> str:
        """The text without what is looked for; how much there was of each kind is added to `found`."""
        for kind in self.kinds:
            for finder in _FINDERS[kind]:
                text, count = _without(text, finder.spans(text), f"[redacted:{kind}]")
                if found is not None and count:
                    found[kind] += count
        return text


def _without(text: str, spans: Iterator[Span], mark: str) -> tuple[str, int]:
    parts: list[str] = []
    end = count = 0
    for start, stop in spans:
        if start >= end:
            parts += (text[end:start], mark)
            end, count = stop, count + 1
    return ("".join(parts) + text[end:], count) if count else (text, 0)

"""What a model is told. The words stand in files, one a version; what was said is put into them once, and fenced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Final

from msgspec import Struct, structs

from plait.analyzer.insight.checking import Unfit
from plait.analyzer.insight.fencing import fence

VERSION: Final = "v1"
"""Of the words; it is stored with each analysis."""
_TRANSCRIPT: Final = "UNTRUSTED TRANSCRIPT"
_WISH: Final = "WISH"
_NO_WISH: Final = "none"
_PLACE: Final = re.compile(r"\{(boundary|transcript|wish|errors)\}")


class Words(Struct, frozen=True):
    """A prompt's two texts."""

    system: str
    user: str


class Prompt(Struct, frozen=True, kw_only=True):
    """What a model is sent, and what became of the conversation on the way."""

    system: str
    user: str
    version: str
    tokens: int
    """All of it; an estimate where the provider's counter was not needed."""
    left_out: int
    """Messages that are left out whole."""
    redacted: Mapping[str, int]
    """How often each kind of secret or personal data was taken out."""


def write(transcript: str, wish: str, boundary: str) -> Words:
    """The prompt of the current version."""
    values = {
        "boundary": boundary,
        "transcript": fence(transcript, _TRANSCRIPT, boundary),
        "wish": fence(wish or _NO_WISH, _WISH, boundary),
    }
    parts = _file(VERSION)
    return Words(_filled(parts["System"], values), _filled(parts["Request"], values))


def repair(prompt: Prompt, unfit: Unfit) -> Prompt:
    """The same prompt with what was wrong with the answer.

    The answer itself is not sent again: it may repeat what somebody said, outside of the fence.
    """
    said = _filled(_file(prompt.version)["Repair"], {"errors": "\n".join(f"- {error}" for error in unfit.errors)})
    return structs.replace(prompt, user=f"{prompt.user}\n\n{said}")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """In one go, so that nothing that was put in is taken for a place."""
    return _PLACE.sub(lambda place: values[place[1]], text)


@lru_cache
def _file(version: str) -> dict[str, str]:
    """The parts of a version's file by their headings."""
    text = (resources.files("plait.analyzer.insight") / "prompts" / f"{version}.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^# (\w+)$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}

"""What pydantic finds wrong with settings, in sentences for people: the setting, its value and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from pydantic import SecretStr, ValidationError

from plait.common.settings import Settings

MASK: Final = "********"
_CHOICES: Final = re.compile(r"\^\(([\w|]+)\)\$")
_CREDENTIALS: Final = re.compile(r"(?<=//)[^/@]*(?=@)")


def sentences(error: ValidationError, settings: type[Settings], *, missing: bool = True) -> list[str]:
    """What is wrong, a sentence a setting; the values of secrets, and of what the class does not know, are masked.

    `missing`: whether a setting that is required and not set is wrong.
    """
    found = []
    for each in error.errors(include_url=False):
        if each["type"] == "missing" and not missing:
            continue
        name = str(each["loc"][0]) if each["loc"] else "the settings"
        unset = each["type"] == "missing" or each["input"] is None
        value = None if unset else _shown(settings, name, each["input"])
        found.append(sentence(name, value, _allowed(each["type"], each["msg"], each.get("ctx", {}))))
    return found


def is_secret(annotation: Any) -> bool:
    """Whether values of a setting of this type must not be shown."""
    return annotation is SecretStr or SecretStr in get_args(annotation)


def sentence(name: str, value: str | None, allowed: str) -> str:
    """About the setting of field `name`; `value` is None when it is missing."""
    given = " is not set" if value is None else f"={value} cannot be used"
    return f"{name.upper()}{given}: {allowed}."


def _shown(settings: type[Settings], name: str, value: object) -> str:
    field = settings.model_fields.get(name)
    if field is None or is_secret(field.annotation):
        return MASK
    return _CREDENTIALS.sub(MASK, str(value))


def _allowed(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """What pydantic says, in words that need no knowledge of it."""
    if kind == "missing":
        return "it is required"
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        if choices := _CHOICES.fullmatch(pattern):
            return f"it must be {one_of(choices[1].split('|'))}"
        if pattern.startswith("^https?://"):
            return "it must begin with http:// or https:// and name a host"
    text = message.split(", unable to parse")[0].removeprefix("Value error, ")
    return re.sub("^(Input|String|Value) should", "it must", text)


def one_of(names: Iterable[str]) -> str:
    """All of what may be chosen."""
    *others, last = names
    return f"{', '.join(others)} or {last}"

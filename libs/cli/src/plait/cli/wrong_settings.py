"""Settings that a part would refuse: a sentence each before anything is started, instead of a line in its log after."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import SecretStr, ValidationError

from plait.cli.home import Addresses, Home, Secrets
from plait.cli.parts import processes
from plait.cli.plan import Options, Plan
from plait.cli.settings import UpSettings
from plait.common.errors import UserError
from plait.common.logs import LEVELS
from plait.common.settings import Settings

MASK: Final = "********"
_CHOICES: Final = re.compile(r"\^\(([\w|]+)\)\$")
_CREDENTIALS: Final = re.compile(r"(?<=//)[^/@]*(?=@)")


def refuse(plan: Plan) -> None:
    """Do nothing if every part accepts its settings.

    Raises:
        UserError: one does not; the message names the settings, their values and what is allowed.
    """
    if wrong := of_plan(plan):
        raise UserError(" ".join(wrong))


def of_plan(plan: Plan) -> list[str]:
    """A sentence for each setting that a part would refuse with the environment that the plan gives to it."""
    layout = processes(plan.options.parts, one_each=plan.options.one_process_each)
    found = [
        sentence
        for name, parts in layout.items()
        for part in parts
        for sentence in of_class(part.settings_class(), plan.environment(name, parts[0]))
    ]
    return list(dict.fromkeys(found))


def of_environment(home: Path) -> list[str]:
    """The same before there is a plan: what a `plait up` on `home` would refuse now."""
    if wrong := of_class(UpSettings, os.environ):
        return wrong
    addresses = Addresses(gateway=1, api=1, dashboard=1, postgres=1, broker=1)
    stand_in = Secrets(dashboard_key=MASK, masking_key="00" * 32, postgres_password=MASK)
    return of_plan(Plan(Options(home), Home(home), UpSettings(), stand_in, addresses))


def of_class(settings: Any, environment: Mapping[str, str]) -> list[str]:
    """A sentence for each setting that this class refuses; `.env` stands behind `environment`, as for the part."""
    given = {name.lower(): value for name, value in environment.items() if name.lower() in settings.model_fields}
    if settings.model_config.get("env_ignore_empty"):
        given = {name: value for name, value in given.items() if value}
    try:
        accepted: Settings = settings(**given)
    except ValidationError as error:
        return sentences(error, settings)
    if accepted.log_level.lower() in LEVELS:
        return []
    return [_sentence("log_level", accepted.log_level, f"it must be {_one_of(LEVELS)}")]


def sentences(error: ValidationError, settings: type[Settings]) -> list[str]:
    """What is wrong, a sentence a setting; the values of secrets, and of what the class does not know, are masked."""
    found = []
    for each in error.errors(include_url=False):
        name = str(each["loc"][0]) if each["loc"] else "the settings"
        value = None if each["type"] == "missing" else _shown(settings, name, each["input"])
        found.append(_sentence(name, value, _allowed(each["type"], each["msg"], each.get("ctx", {}))))
    return found


def is_secret(annotation: Any) -> bool:
    """Whether values of a setting of this type must not be shown."""
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _sentence(name: str, value: str | None, allowed: str) -> str:
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
            return f"it must be {_one_of(choices[1].split('|'))}"
        if pattern.startswith("^https?://"):
            return "it must begin with http:// or https:// and name a host"
    text = message.split(", unable to parse")[0].removeprefix("Value error, ")
    return re.sub("^(Input|String|Value) should", "it must", text)


def _one_of(names: Any) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"

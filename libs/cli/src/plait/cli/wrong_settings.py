"""Settings that a part would refuse: a sentence each before anything is started, instead of a line in its log after."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_origin

from pydantic import ValidationError

from plait.cli.home import Addresses, Home, Secrets
from plait.cli.parts import PARTS, processes
from plait.cli.plan import Options, Plan
from plait.cli.settings import UpSettings
from plait.cli.settings_errors import MASK, one_of, sentence, sentences
from plait.common.errors import UserError
from plait.common.events import json_or_none
from plait.common.logs import LEVELS
from plait.common.pricing.price_file import read_price_file
from plait.common.settings import PriceSettings, Settings

SettingsT = TypeVar("SettingsT", bound=Settings)
_JSON: Final = (dict, list, tuple, set, frozenset)
"""Settings of these types are JSON in the environment."""


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
        fault
        for name, parts in layout.items()
        for part in parts
        for fault in of_class(part.settings_class(), plan.environment(name, parts[0]))
    ]
    return list(dict.fromkeys(found))


def of_environment(home: Path) -> list[str]:
    """The same before there is a plan: what a `plait up` on `home` would refuse now."""
    if wrong := of_class(UpSettings, os.environ):
        return wrong
    addresses = Addresses(gateway=1, api=1, dashboard=1, postgres=1, broker=1)
    stand_in = Secrets(dashboard_key=MASK, masking_key="00" * 32, postgres_password=MASK)
    return of_plan(Plan(Options(home), Home(home), UpSettings(), stand_in, addresses))


def of_parts() -> list[str]:
    """The same of each part alone, for what `plait up` would choose itself; what it would only miss is not told."""
    found: list[str] = []
    for part in PARTS:
        settings = part.settings_class()
        if broken := _broken_json(settings, os.environ):
            found += broken
            continue
        try:
            accepted(settings, os.environ)
        except ValidationError as error:
            found += sentences(error, settings, missing=False)
    return list(dict.fromkeys(found))


def of_class(settings: type[Settings], environment: Mapping[str, str]) -> list[str]:
    """A sentence for each setting that this class refuses; `.env` stands behind `environment`, as for the part."""
    if broken := _broken_json(settings, environment):
        return broken
    try:
        found = accepted(settings, environment)
    except ValidationError as error:
        return sentences(error, settings)
    level = found.log_level
    wrong = [] if level.lower() in LEVELS else [sentence("log_level", level, f"it must be {one_of(LEVELS)}")]
    return wrong + (_of_prices(found) if isinstance(found, PriceSettings) else [])


def _of_prices(settings: PriceSettings) -> list[str]:
    try:
        if settings.prices_file:
            read_price_file(settings.prices_file.expanduser())
    except UserError as error:
        return [str(error)]
    return []


def accepted(settings: type[SettingsT], environment: Mapping[str, str]) -> SettingsT:
    """The settings that a part makes of this environment.

    Raises:
        ValidationError: it refuses them.
    """
    given = _given(settings, environment)
    return settings(**{name: _value(settings, name, text) for name, text in given.items()})


def _given(settings: type[Settings], environment: Mapping[str, str]) -> dict[str, str]:
    found = {name.lower(): text for name, text in environment.items() if name.lower() in settings.model_fields}
    ignores_empty = settings.model_config.get("env_ignore_empty")
    return {name: text for name, text in found.items() if text or not ignores_empty}


def _broken_json(settings: type[Settings], environment: Mapping[str, str]) -> list[str]:
    """A sentence for each table or list that is no JSON: pydantic would not say it of one setting alone."""
    return [
        sentence(name, text, "it must be JSON")
        for name, text in _given(settings, environment).items()
        if _is_json(settings, name) and json_or_none(text.encode()) is None
    ]


def _value(settings: type[Settings], name: str, text: str) -> Any:
    """What a part reads of a variable."""
    return json_or_none(text.encode()) if _is_json(settings, name) else text


def _is_json(settings: type[Settings], name: str) -> bool:
    return get_origin(settings.model_fields[name].annotation) in _JSON

"""Settings, to be read only: domains and their credentials, names of keys, what the dashboard itself is set to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st
from markupsafe import Markup, escape
from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from plait.common.access.key_ring import keys_in
from plait.common.errors import UserError
from plait.dashboard.credential_state import domains_in
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.settings import Settings
from plait.dashboard.views.shell import begin, clock
from plait.dashboard.visitor import visitor

_ADDRESSES: Final = frozenset({"database_url"})
"""Secrets of which the place can be told."""


def show() -> None:
    """Draw the page."""
    begin("Settings", here="/settings")
    st.title("Settings", anchor=False)
    settings = Settings()
    values = {**_domains(settings), **_keys(settings), "settings": _settings(settings)}
    island(render("settings.html", clock=clock(), now=datetime.now(UTC), **values), key="settings")


def _domains(settings: Settings) -> dict[str, Any]:
    grant, folder = visitor().grant, settings.credentials_dir
    if folder is None:
        return {"domains": [], "folder": None, "domains_fault": ""}
    try:
        found = [domain for domain in domains_in(folder.expanduser()) if grant.shows(domain.name)]
    except OSError as error:
        return {"domains": [], "folder": folder, "domains_fault": error.strerror or type(error).__name__}
    return {"domains": found, "folder": folder, "domains_fault": ""}


def _keys(settings: Settings) -> dict[str, Any]:
    """Names of keys; to a visitor of some domains those of other domains do not exist."""
    grant, file = visitor().grant, settings.keys_file
    try:
        named = keys_in(file.expanduser()) if file else []
    except UserError as error:
        return {"keys": [], "keys_fault": str(error), "admin_key": bool(settings.admin_api_key), "whole": False}
    whole = grant.domains is None
    shown = [key for key in named if whole or (key.domains and all(map(grant.shows, key.domains)))]
    return {"keys": shown, "keys_fault": "", "admin_key": bool(settings.admin_api_key), "whole": whole}


def _settings(settings: Settings) -> list[tuple[str, str, Markup]]:
    """Name, value and meaning; of a secret only whether it is set."""
    if visitor().domains is not None:
        return []
    return [
        (name.upper(), _value(name, getattr(settings, name)), _with_code(field.description or ""))
        for name, field in type(settings).model_fields.items()
    ]


def _value(name: str, value: Any) -> str:
    if isinstance(value, SecretStr):
        given = value.get_secret_value()
        return _place(given) if given and name in _ADDRESSES else "set" if given else "not set"
    return "not set" if value is None or value == "" else _as_set(value)


def _as_set(value: Any) -> str:
    """As the environment takes it: a text as it stands, else JSON."""
    plain = to_jsonable_python(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _with_code(text: str) -> Markup:
    """A description, in which what stands between backticks is code."""
    pieces = enumerate(text.split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(piece) if n % 2 else escape(piece) for n, piece in pieces)


def _place(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://…@{parts.netloc.rpartition('@')[2]}{parts.path}"

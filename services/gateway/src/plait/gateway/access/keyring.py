"""Client keys in a credential file: put in, listed, disabled. Only their hashes are written."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from plait.common.access.keys import SINGLE, hash_of, new_key
from plait.common.errors import UserError
from plait.common.rewriting import rewrite_checked
from plait.gateway.access import credentials
from plait.gateway.access.credentials import ClientKey

_LIST: Final = "client_api_keys"
_Content = dict[str, Any]


def add(path: Path, name: str | None, expires: datetime | None) -> tuple[str, str]:
    """Make a key for the domain whose credential file this is; the file is made where there is none.

    Returns the key's name, and the key, which is written down nowhere.

    Raises:
        UserError: there is such a name, or the file is broken or cannot be written.
    """
    key, chosen = new_key(), ""

    def change(content: _Content) -> _Content:
        nonlocal chosen
        chosen = _free_name(content, name)
        entry = {"name": chosen, "hash": hash_of(key), "created": _text(datetime.now(UTC))}
        end = {} if expires is None else {"expires": _text(expires)}
        return {**content, _LIST: [*content.get(_LIST, []), entry | end]}

    rewrite_checked(path, change, partial(credentials.read, path))
    return chosen, key


def disable(path: Path, name: str) -> None:
    """Let nobody in with this key any more; an exchange that runs goes on to its end.

    The single key, which stands in its file in clear, becomes one of the list by this, so that it can be named.

    Raises:
        UserError: there is no such key, or the file is broken or cannot be written.
    """

    def change(content: _Content) -> _Content:
        if name not in [key["name"] for key in _entries(content)]:
            raise UserError(f"There is no key `{name}` in {path}: `plait keys list` shows them.")
        entries = _entries(content) if name == SINGLE else content[_LIST]
        disabled = [{**entry, "disabled": True} if entry["name"] == name else entry for entry in entries]
        return {field: value for field, value in content.items() if field != name} | {_LIST: disabled}

    rewrite_checked(path, change, partial(credentials.read, path))


def keys_in(path: Path) -> list[ClientKey]:
    """The keys of a credential file that is good, in its order, the single one last."""
    return msgspec.convert(_entries(msgspec.json.decode(path.read_bytes())), list[ClientKey])


def _entries(content: _Content) -> list[_Content]:
    single = content.get(SINGLE)
    return [*content.get(_LIST, []), *([{"name": SINGLE, "hash": hash_of(single)}] if single else [])]


def _free_name(content: _Content, wanted: str | None) -> str:
    taken = {entry["name"] for entry in _entries(content)} | {SINGLE}
    if wanted in taken:
        raise UserError(f"There is a key `{wanted}` already: give another name.")
    return wanted or next(name for n in count(1) if (name := f"key-{n}") not in taken)


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

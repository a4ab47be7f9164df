"""Named keys in their file: put in, listed, disabled. Only their hashes are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from plait.common.access import key_file
from plait.common.access.grants import Role
from plait.common.access.key_file import Content, NamedKey
from plait.common.access.keys import hash_of, new_key
from plait.common.errors import Broken, UserError
from plait.common.rewriting import rewrite_checked

_LIST: Final = "keys"
_Json = dict[str, Any]


def add(
    path: Path, role: Role, *, name: str | None, domains: Sequence[str], expires: datetime | None
) -> tuple[str, str]:
    """Make a key; the file is made where there is none. No domains: of all.

    Returns the key's name, and the key, which is written down nowhere.

    Raises:
        UserError: there is such a name, or the file is broken or cannot be written.
    """
    key, chosen = new_key(), ""

    def change(content: _Json) -> _Json:
        nonlocal chosen
        keys = content.get(_LIST, [])
        chosen = _free_name({entry["name"] for entry in keys}, role, name)
        made = NamedKey(
            name=chosen,
            role=role,
            hash=hash_of(key),
            domains=list(domains) or None,
            created=datetime.now(UTC).replace(microsecond=0),
            expires=expires and expires.replace(microsecond=0),
        )
        return {**content, _LIST: [*keys, msgspec.to_builtins(made)]}

    rewrite_checked(path, change, key_file.read)
    return chosen, key


def disable(path: Path, name: str) -> None:
    """Let nobody in with this key any more.

    Raises:
        UserError: there is no such key, or the file is broken or cannot be written.
    """

    def change(content: _Json) -> _Json:
        keys = content.get(_LIST, [])
        if name not in [entry["name"] for entry in keys]:
            raise UserError(f"There is no key `{name}` in {path}: `plait keys list` shows them.")
        return {**content, _LIST: [{**key, "disabled": True} if key["name"] == name else key for key in keys]}

    rewrite_checked(path, change, key_file.read)


def keys_in(path: Path) -> list[NamedKey]:
    """The keys of a file in its order; none where there is no file.

    Raises:
        UserError: the file is broken or cannot be read.
    """
    try:
        raw = path.read_bytes()
        key_file.read(raw)
    except FileNotFoundError:
        return []
    except (Broken, OSError) as error:
        raise UserError(f"{path} cannot be used: {error}.") from error
    return msgspec.json.decode(raw, type=Content).keys


def _free_name(taken: set[str], role: Role, wanted: str | None) -> str:
    if wanted in taken:
        raise UserError(f"There is a key `{wanted}` already: give another name.")
    return wanted or next(name for n in count(1) if (name := f"{role}-{n}") not in taken)

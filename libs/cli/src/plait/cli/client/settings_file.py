"""Claude Code's settings file: our variables are put into its `env`, everything else stays as it is."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from plait.common.errors import UserError

DEFAULT: Final = Path("~/.claude/settings.json")
_NEW_FILE: Final = 0o600
"""It may hold a key."""


def read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing when it is empty or not there.

    Raises:
        UserError: it cannot be read, or is no settings file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text) if text.strip() else {}
    except FileNotFoundError:
        return {}
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(f"{path} is not JSON{where}: mend it, or name another file. It was left as it is.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not JSON: it is no UTF-8 text. It was left as it is.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if not isinstance(found, dict) or not isinstance(found.get("env", {}), dict):
        what = "an object" if not isinstance(found, dict) else "an object under `env`"
        raise UserError(f"{path} is not a settings file: it must hold {what}. It was left as it is.")
    return found


def merged(settings: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The settings with these variables; their order, other variables and other settings stay."""
    return {**settings, "env": {**settings.get("env", {}), **env}}


def write(path: Path, settings: Mapping[str, Any]) -> None:
    """Whole or not at all; through a symbolic link, and with the permissions that the file had.

    Raises:
        UserError: it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o7777 if target.exists() else _NEW_FILE
        text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
        _replace(target, text.encode(errors="backslashreplace"), mode)  # half a surrogate pair becomes its JSON escape
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def _replace(target: Path, content: bytes, mode: int) -> None:
    descriptor, making = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        Path(making).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(making).unlink()
        raise

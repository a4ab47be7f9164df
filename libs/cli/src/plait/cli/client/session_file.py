"""Where Claude Code looks for the sessions of a folder (wire format: `plait.common.session_file`)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from uuid import UUID

from plait.common.errors import UserError

_NOT_KEPT: Final = re.compile(r"[^A-Za-z0-9]")


def path_of(folder: Path, session: UUID) -> Path:
    """The file of a session that goes on in a folder."""
    own = os.environ.get("CLAUDE_CONFIG_DIR")
    base = Path(own) if own else Path.home() / ".claude"
    return base / "projects" / _NOT_KEPT.sub("-", str(folder)) / f"{session}.jsonl"


def write(folder: Path, session: UUID, content: bytes) -> Path:
    """Write a session that is not there yet, readable by its user alone.

    Raises:
        UserError: it cannot be written.
    """
    path = path_of(folder, session)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    return path

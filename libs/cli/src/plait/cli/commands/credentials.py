"""`plait credentials` as the terminal sees it."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from plait.cli import obstacles, target
from plait.cli.tables import print_table
from plait.cli.terminal import Console
from plait.common.errors import UserError
from plait.gateway.access.credentials import Credential
from plait.gateway.access.directory import Directory, File

out = Console()

_DAY: Final = 24 * 60 * 60
_COLUMNS: Final = ("domain", "state", "Claude", "account", "keys")


def credentials(*, home: Path | None = None) -> int:
    """List the domains that have a credential file, and what is wrong; exits 1 when nobody gets through one of them.

    Args:
        home: Whose `plait up` is meant.
    """
    folder = target.credentials(target.home(home))
    directory = Directory(folder)
    directory.scan()
    if directory.fault:
        raise UserError(f"{folder}: {directory.fault}.")
    if not directory.files:
        _say(f"No credential files in {folder}: this machine's clients pass with credentials of their own.")
        return 0
    now = time.time()
    files = list(directory.files.values())
    _show([_row(file, now) for file in files])
    return 1 if any(obstacles.is_shut(file, now) for file in files) else 0


def _show(rows: list[list[str]]) -> None:
    """On a terminal the remarks have lines of their own: they hold commands, which no column may cut."""
    if not out.is_terminal:
        print_table(out, [*_COLUMNS, "remarks"], rows)
        return
    print_table(out, _COLUMNS, [row[:-1] for row in rows])
    for domain, *_, remark in rows:
        if remark:
            _say(f"{domain}: {remark}")


def _row(file: File, now: float) -> list[str]:
    domain, found = file.domain or file.path.name, file.credential
    if file.problem or found is None:
        return [domain, "broken", "", "", "", file.problem]
    return [domain, _state(found, now), _kind(found), found.account_id or "", _keys(found, now), _remark(file, now)]


def _state(found: Credential, now: float) -> str:
    if found.expires_at is None or now < found.expires_at - _DAY:
        return "valid"
    return "expiring within 24 h" if now < found.expires_at else "expired"


def _kind(found: Credential) -> str:
    if not found.upstream:
        return "none"
    return "API key" if found.expires_at is None else "login"


def _keys(found: Credential, now: float) -> str:
    """How many let somebody in, of how many."""
    if not found.keys:
        return "none"
    good = sum(1 for key in found.keys if key.is_good(now))
    return str(good) if good == len(found.keys) else f"{good} of {len(found.keys)}"


def _remark(file: File, now: float) -> str:
    return "; ".join(filter(None, [_obstacle(file, now), _end(file, now), _open(file)]))


def _obstacle(file: File, now: float) -> str:
    if file.credential is None or file.domain is None:
        return ""
    return obstacles.of_credential(file.credential, file.domain, now)


def _end(file: File, now: float) -> str:
    found = file.credential
    if found is None or found.expires_at is None:
        return ""
    at = f"{datetime.fromtimestamp(found.expires_at, UTC):%Y-%m-%d %H:%M} UTC"
    if found.renewable:
        return f"until {at}, then refreshed" if now < found.expires_at else "the next request refreshes it"
    return f"until {at}" if now < found.expires_at else f"`plait login {file.domain}` renews it"


def _open(file: File) -> str:
    return f"every user may read it: chmod 600 {shlex.quote(str(file.path.absolute()))}" if file.readable_by_all else ""


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)

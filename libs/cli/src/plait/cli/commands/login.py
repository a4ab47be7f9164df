"""`plait login` as the terminal sees it."""

from __future__ import annotations

import asyncio
import math
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from plait.cli import domains, target
from plait.cli.terminal import Console
from plait.common.errors import UserError
from plait.gateway.access.directory import Directory, File
from plait.gateway.oauth.grants import Refused, TokenServer, Unavailable
from plait.gateway.oauth.login import Login
from plait.gateway.oauth.renewal import Renewal
from plait.gateway.oauth.settings import LoginSettings

out = Console()
err = Console(stderr=True)

Flag = Annotated[bool, Parameter(negative="")]


def login(
    domain: str | None = None,
    /,
    *,
    code: str | None = None,
    status: Flag = False,
    refresh: Flag = False,
    own_file: Flag = False,
    home: Path | None = None,
) -> int:
    """Log a domain in at Claude, with a person's account: prints an address to open, and asks for the code.

    Args:
        domain: Whose requests use the login: a host's name, `_default`, or `*.` and a name.
        code: The code, as CODE#STATE, where it cannot be asked for; the address was printed by an earlier call.
        status: Show the logins that there are, and how long each is good; exits 1 when one has ended.
        refresh: Refresh a login now; without a domain, all of them.
        own_file: Give the domain a file of its own, where another file is for it so far and is not any more then.
        home: Whose `plait up` is meant.
    """
    if status + refresh + (code is not None) > 1 or (domain is None and not (status or refresh)):
        err.print("plait: name a domain, or give one of --status and --refresh", style="red")
        return 2
    folder = target.credentials(target.home(home))
    if status:
        return _show(_logins(folder, domain))
    if refresh:
        return asyncio.run(_refresh(_logins(folder, domain)))
    assert domain
    return _log_in(folder, domains.named(domain), code, own_file=own_file)


def _log_in(folder: Path, domain: str, code: str | None, *, own_file: bool) -> int:
    path = domains.file_of(domain, folder, own_file=own_file)
    login = Login(path, LoginSettings())
    if code is None:
        _say(f"Open this address, log in to Claude and allow it:\n\n  {login.begin()}\n")
        code = _asked()
    if code is None:
        flag = " --own-file" if own_file else ""
        _say(f"When you have the code: plait login {shlex.quote(domain)}{flag} --code 'CODE#STATE'")
        return 1
    grant = asyncio.run(login.finish(code))
    _say(f"{domain} is logged in until {_moment(grant.expires_at)}; it is refreshed before that. In {path}.")
    credential = Directory(folder).scan().find(domain)
    if credential is not None and not credential.keys:
        _say(f"It has no client keys: `plait keys new {shlex.quote(domain)}` makes one.")
    _say(f"`plait client {domains.host_of(domain)}` says how clients are set up.")
    return 0


def _asked() -> str | None:
    """What is typed or pasted; None when nobody is there to do so."""
    out.print("Then paste the code that the page shows: ", end="", highlight=False)
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        out.print()
    return line.strip() or None


def _logins(folder: Path, domain: str | None) -> list[File]:
    """The credential files that hold a login, or the one of a domain.

    Raises:
        UserError: the domain has none.
    """
    directory = Directory(folder)
    directory.scan()
    wanted = domains.named(domain) if domain else None
    found = [file for file in directory.files.values() if _is_login(file) and wanted in (None, file.domain)]
    if wanted and not found:
        raise UserError(f"{wanted} has no login in {folder}: `plait login {wanted}` makes one.")
    if not found:
        _say(f"There is no login in {folder}: `plait login DOMAIN` makes one.")
    return found


def _is_login(file: File) -> bool:
    return file.credential is not None and file.credential.expires_at is not None


def _show(logins: list[File]) -> int:
    states = [_state(file) for file in logins]
    for file, (good, says) in zip(logins, states, strict=True):
        out.print("[green]✓[/] " if good else "[red]✗[/] ", end="", highlight=False)
        _say(f"{file.domain:<30} {says}")
    return 0 if all(good for good, _ in states) else 1


def _state(file: File) -> tuple[bool, str]:
    """Whether the login can be used, and what is to be known of it."""
    credential = file.credential
    assert credential
    assert credential.expires_at is not None
    at, ended = _moment(credential.expires_at), credential.expires_at <= time.time()
    if credential.renewable:
        return True, f"expired {at}: the next request refreshes it" if ended else f"good until {at}, then refreshed"
    if ended:
        return False, f"expired {at}: `plait login {file.domain}` renews it"
    return True, f"good until {at}; without a refresh token it ends then"


async def _refresh(logins: list[File]) -> int:
    server, good = TokenServer(LoginSettings()), True
    for file in logins:
        try:
            renewal = Renewal(file.path, server)
            await renewal.renew(math.inf)
        except Refused as error:
            good = False
            _complain(f"{file.domain} is not refreshed: {error}. Log in again with `plait login {file.domain}`.")
        except Unavailable as error:
            good = False
            _complain(f"{file.domain} is not refreshed: {error}. Try again later.")
        else:
            _say(f"{file.domain} is good until {_moment(renewal.stored().expires_at / 1000)}.")
    return 0 if good else 1


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _complain(text: str) -> None:
    err.print(f"plait: {text}", style="red", highlight=False, markup=False, soft_wrap=True)

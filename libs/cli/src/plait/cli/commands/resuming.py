"""`plait resume` as the terminal sees it: going on, in Claude Code, from any recorded exchange."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID, uuid4

import httpx2
from cyclopts import Parameter

from plait.cli import target
from plait.cli.client.session_file import write
from plait.cli.client.setup import URL
from plait.cli.home import Home
from plait.cli.program import LOOPBACK
from plait.cli.settings import ClientSettings, UpSettings
from plait.cli.terminal import Console
from plait.common.errors import UserError

out = Console()
err = Console(stderr=True)
_SECONDS: Final = 60.0
_PROGRAM: Final = "claude"


def resume(
    exchange: UUID,
    /,
    *,
    print_: Annotated[bool, Parameter("--print", negative="")] = False,
    url: str | None = None,
    home: Path | None = None,
) -> None:
    """Go on from an exchange: Claude Code starts in this folder, with everything said up to and with its answer.

    It is a new session; the record shows it as a fork of the old one. Files and folders are as they are now. The key
    of the read API is DASHBOARD_API_KEY, or that of the home. Claude Code is given the gateway's address as
    ANTHROPIC_BASE_URL, unless that is set.

    Args:
        exchange: Its id, as in X-Request-ID and on the dashboard.
        print_: Do not start Claude Code: write the session, and print the command that goes on with it.
        url: Where the read API or the gateway is; default GATEWAY_URL, else the `plait up` on the home.
        home: Whose `plait up` is meant when no address is given.
    """
    whose = target.home(home)
    base, key = _api(url, whose)
    folder, session = Path.cwd(), uuid4()
    path = write(folder, session, _fetch(base, key, exchange, session, folder))
    _note(f"The session is written: {path}")
    command, added = (_PROGRAM, "--resume", str(session)), _added(url, whose)
    line = " ".join([*(f"{name}={shlex.quote(value)}" for name, value in added.items()), shlex.join(command)])
    if print_:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
        return
    program = shutil.which(_PROGRAM)
    if program is None:
        raise UserError(f"There is no {_PROGRAM} here. This goes on with the session: {line}")
    os.execve(program, command, {**os.environ, **added})  # noqa: S606 - it takes our place in the terminal


def _added(url: str | None, home: Home) -> dict[str, str]:
    """What the client's environment lacks to go through the gateway."""
    if os.environ.get(URL):
        return {}
    gateway = _gateway(url, home)
    if gateway is None:
        _note(f"Claude Code goes where its own settings say: set {URL} to the gateway's address to have it recorded.")
    return {URL: gateway} if gateway else {}


def _gateway(url: str | None, home: Home) -> str | None:
    """Where clients reach the gateway; None when `url` is all that is known: it may be the read API's."""
    if url:
        return None
    if given := ClientSettings().gateway_url:
        return given
    addresses = home.addresses() if home.is_locked() else None
    return f"http://{LOOPBACK}:{addresses.gateway}" if addresses else None


def _note(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)


def _api(url: str | None, home: Home) -> tuple[str, str]:
    """Address and key of the read API.

    Raises:
        UserError: one of them is not known.
    """
    addresses = home.addresses() if home.is_locked() else None
    local = f"http://{LOOPBACK}:{addresses.api}" if addresses else None
    base = url or ClientSettings().gateway_url or local
    if base is None:
        raise UserError(f"Where is Plait? Give --url, or start `plait up` (none is running on {home.path}).")
    given = UpSettings().dashboard_api_key
    if given is None and addresses is None:
        raise UserError(f"Which key opens {base}? Set DASHBOARD_API_KEY.")
    return base.rstrip("/"), given.get_secret_value() if given else home.secrets().dashboard_key


def _fetch(base: str, key: str, exchange: UUID, session: UUID, folder: Path) -> bytes:
    """The session file.

    Raises:
        UserError: the API cannot be reached, or refuses.
    """
    address = f"{base}/api/requests/{exchange}/session"
    asked = {"sessionId": str(session), "cwd": str(folder)}
    try:
        answer = httpx2.get(address, params=asked, headers={"X-Dashboard-Key": key}, timeout=_SECONDS)
    except (httpx2.TransportError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise UserError(f"{base} cannot be reached ({type(error).__name__}): see --url.") from None
    if answer.status_code != httpx2.codes.OK:
        raise UserError(f"{base} says: {_reason(answer)}")
    return answer.content


def _reason(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {answer.status_code}"

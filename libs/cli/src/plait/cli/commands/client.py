"""`plait client` as the terminal sees it."""

from __future__ import annotations

import shlex
import sys
import time
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from cyclopts import Parameter

from plait.cli import obstacles, target
from plait.cli.client import gateway, settings_file
from plait.cli.client.gateway import Gateway
from plait.cli.client.setup import KEY, Setup
from plait.cli.home import Home
from plait.cli.program import LOOPBACK
from plait.cli.settings import ClientSettings
from plait.cli.terminal import Console
from plait.common.addresses import is_loopback
from plait.common.errors import UserError

_MANAGED: Final = """\
  Linux    /etc/claude-code/managed-settings.json
  macOS    /Library/Application Support/ClaudeCode/managed-settings.json
  Windows  C:\\Program Files\\ClaudeCode\\managed-settings.json"""
_USUAL_PORT: Final = 3000

out = Console()
err = Console(stderr=True)


def client(
    domain: str | None = None,
    /,
    *,
    url: str | None = None,
    key: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    write: Annotated[list[Path] | None, Parameter(consume_multiple=(0, 1), negative="", metavar="[PATH]")] = None,
    home: Path | None = None,
) -> None:
    """Print what a developer needs to send Claude Code and the SDKs through the gateway.

    Args:
        domain: Whose client it is; default: the domain of the gateway's own address.
        url: The gateway's address, where it is not https://DOMAIN.
        key: The client's key, to be put in; `-` asks for it, or reads it from the standard input.
        write: Put it into this settings file of Claude Code instead, default ~/.claude/settings.json; the rest stays.
        home: Whose `plait up` is meant.
    """
    folder = target.home(home)
    usual = ClientSettings().gateway_url or _running(folder)
    found = gateway.find(target.credentials(folder), domain=domain, url=url, usual=usual)
    given = _asked() if key == "-" else key
    if given and found.has_keys:
        gateway.check_key(found, given, time.time())
    if (running := _other_port(folder, found)) is not None:
        err.print(f"Warning: the gateway on this machine listens on {running}.", style="yellow", soft_wrap=True)
    if write is None:
        _show(found, Setup(found.url, given or found.key), key_is_known=bool(given))
    else:
        _write(found, Setup(found.url, given or found.key), write[0] if write else settings_file.DEFAULT)


def _asked() -> str:
    """The key, unseen where it is typed."""
    return getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def _running(home: Home) -> str:
    addresses = home.addresses()
    return f"http://{LOOPBACK}:{addresses.gateway if addresses else _USUAL_PORT}"


def _other_port(home: Home, found: Gateway) -> str | None:
    """Where the running `plait up` listens, if clients on this machine are to be sent to another port of it."""
    there, running = urlsplit(found.url), _running(home)
    if not is_loopback(there.hostname or "") or there.port == urlsplit(running).port or not home.is_locked():
        return None
    return running


def _show(found: Gateway, setup: Setup, *, key_is_known: bool) -> None:
    _say(f"{found.url} is the gateway of {found.domain}. {_about_key(found, key_is_known=key_is_known)}")
    if why := obstacles.of_credential(found.credential, found.source, time.time()):
        _say(f"Nobody gets through it: {why}.")
    elif found.has_keys and not found.credential.upstream:
        _say("The client's own credential for Claude goes in the other of the two headers (docs/credentials.md).")
    _section("Shell", setup.shell())
    _section(f"Claude Code, for one person: {settings_file.DEFAULT} (--write puts it there)", setup.settings())
    _section(f"Claude Code, for all users of a machine: an administrator's file\n{_MANAGED}", setup.managed_settings())
    _section("Python", setup.python())
    _section("TypeScript", setup.typescript())
    _section("curl", setup.curl())


def _about_key(found: Gateway, *, key_is_known: bool) -> str:
    if found.key is None:
        return "It asks for no key: the client's own key or login goes to Claude unchanged."
    if found.key != gateway.PLACEHOLDER:
        return "It asks for no key on this machine, but Claude Code does not start without one: any will do."
    if key_is_known:
        return "Whoever reads what follows has the key."
    makes = f"`{_makes_key(found)}` makes one."
    if found.has_keys:
        return f"Put a client's key in place of {gateway.PLACEHOLDER}: {makes}"
    return f"It has no client key yet, so nobody gets in from the network: {makes}"


def _makes_key(found: Gateway) -> str:
    """For the file that is in force: one of the domain's own would hide it, and the credential for Claude with it."""
    return f"plait keys new {shlex.quote(found.source)}"


def _write(found: Gateway, setup: Setup, path: Path) -> None:
    path = path.expanduser()
    settings = settings_file.read(path)
    env = dict(setup.env)
    if env.get(KEY) == gateway.PLACEHOLDER:
        if KEY not in settings.get("env", {}):
            raise UserError(f"{found.domain} needs a key: give it with --key (`{_makes_key(found)}` makes one).")
        del env[KEY]
    rest = " The rest of it is as it was." if settings else ""
    stays = f" {KEY} stays as it was, too." if KEY in settings.get("env", {}) and KEY not in env else ""
    settings_file.write(path, settings_file.merged(settings, env))
    _say(f"{path} now sends Claude Code through {found.url}: it has {', '.join(env)}.{rest}{stays}")


def _section(title: str, text: str) -> None:
    out.print(f"\n{title}\n", style="bold", highlight=False, markup=False, soft_wrap=True)
    _say(text)


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)

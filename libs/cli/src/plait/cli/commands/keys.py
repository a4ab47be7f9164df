"""`plait keys` as the terminal sees it."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from plait.cli import domains, target
from plait.cli.tables import print_table
from plait.cli.terminal import Console
from plait.common.access import key_ring
from plait.common.access.grants import Role
from plait.common.access.key_file import NamedKey
from plait.common.errors import UserError, WrongUsage
from plait.gateway.access import keyring
from plait.gateway.access.credentials import ClientKey
from plait.gateway.access.directory import Directory, File

app = App(name="keys", help="Keys by which clients are let into a domain, and people into what was recorded.")
out = Console()
err = Console(stderr=True)

_SPAN: Final = re.compile(r"([0-9]{1,5})([hdw])")
_SPANS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SOON: Final = timedelta(hours=24)


@app.command
def new(
    domain: str | None = None,
    /,
    *,
    role: Role | None = None,
    of: Annotated[list[str] | None, Parameter("--domain", negative="")] = None,
    name: str | None = None,
    expires: str | None = None,
    own_file: Annotated[bool, Parameter(negative="")] = False,
    home: Path | None = None,
) -> None:
    """Make a key, and show it this once: only its hash is kept.

    With a domain: one by which clients are let into it. With --role: one that opens the record to people and programs.

    Args:
        domain: Whose requests it lets in: a host's name, `_default`, or `*.` and a name.
        role: What it opens of the record: viewer reads, admin also deletes.
        of: With --role: shows this domain alone; may be given several times. Default: all domains.
        name: By which it is listed and recorded; default: key-1, key-2, … or viewer-1, admin-1, …
        expires: When it ends: a span (12h, 30d, 8w) or a time (2027-01-31, or with a time of day); default: never.
        own_file: Give the domain a file of its own, where another file is for it so far and is not any more then.
        home: Whose `plait up` is meant.
    """
    until = _moment(expires) if expires else None
    if role is not None:
        _refuse_domain(domain, own_file=own_file)
        _new_reader(target.keys(target.home(home)), role, of or [], name, until)
        return
    if of:
        shown = shlex.join(f"--domain={text}" for text in of)
        raise WrongUsage(
            f"--domain is for keys to the record, which have a role: `plait keys new --role viewer {shown}`."
            " A key that lets clients into a domain is made by `plait keys new DOMAIN`."
        )
    if domain is None:
        raise WrongUsage("Name the domain that the key lets clients into, or give --role for a key to the record.")
    folder, named = target.credentials(target.home(home)), domains.named(domain)
    path = domains.file_of(named, folder, own_file=own_file)
    is_first = not _has_files(folder)
    chosen, key = keyring.add(path, name, until)
    _note(f"Key `{chosen}` of {named}{_good_until(until)}. It is shown this once; {path} holds its hash:")
    out.print(key, highlight=False, markup=False, soft_wrap=True)
    for note in _next_steps(folder, named, path, is_first=is_first):
        _note(note)


def _refuse_domain(domain: str | None, *, own_file: bool) -> None:
    if domain is not None:
        raise WrongUsage(f"A key to the record is no domain's: to show {domain} alone give --domain {domain}.")
    if own_file:
        raise WrongUsage("--own-file is for keys of clients: keys with a --role stand in one file.")


def _new_reader(path: Path, role: Role, of: list[str], name: str | None, until: datetime | None) -> None:
    shown = sorted({domains.host_named(text) for text in of})
    chosen, key = key_ring.add(path, role, name=name, domains=shown, expires=until)
    what = f"{role} key `{chosen}` of {', '.join(shown) or 'all domains'}{_good_until(until)}"
    _note(f"{what[0].upper()}{what[1:]}. It is shown this once; {path} holds its hash:")
    out.print(key, highlight=False, markup=False, soft_wrap=True)
    _note("A running API or dashboard knows it within a second; programs send it as X-Dashboard-Key or Bearer token.")


def _good_until(until: datetime | None) -> str:
    return f", good until {until:%Y-%m-%d %H:%M} UTC" if until else ""


def _has_files(folder: Path) -> bool:
    directory = Directory(folder)
    directory.scan()
    return bool(directory.files)


def _next_steps(folder: Path, domain: str, path: Path, *, is_first: bool) -> list[str]:
    notes = [f"`plait client {domains.host_of(domain)}` says how clients are set up with it."]
    credential = Directory(folder).scan().find(domain)
    if credential is not None and not credential.upstream:
        notes.append(
            f"{domain} has no credential for Claude yet: `plait login {shlex.quote(domain)}`, or put `type` and"
            f" `api_key` into {path.name}, or set PASS_CLIENT_CREDENTIALS=true and let clients bring their own."
        )
    if is_first:
        notes.append("From now on only domains that have a credential file are let in (docs/credentials.md).")
    return notes


@app.command(name="list")
def list_keys(domain: str | None = None, /, *, home: Path | None = None) -> int:
    """Show the keys of all domains, or of one; exits 1 when a file of them is broken.

    Args:
        domain: Of which domain.
        home: Whose `plait up` is meant.
    """
    folder = target.credentials(target.home(home))
    wanted = domains.named(domain) if domain else None
    directory = Directory(folder)
    table = directory.scan()
    source = table.source(wanted) if wanted else None
    files = [file for file in directory.files.values() if wanted is None or file.domain == source]
    broken = [file for file in files if file.problem]
    rows = [_row(file, key) for file in files if not file.problem for key in keyring.keys_in(file.path)]
    if source not in (None, wanted):
        _note(f"The file of {source} is in force for {wanted}:")
    if rows:
        print_table(out, ["domain", "key", "state", "created (UTC)", "expires (UTC)"], rows)
    readers = _readers(target.keys(target.home(home))) if wanted is None else []
    if readers and rows:
        out.print()
    if readers:
        print_table(out, ["role", "shows domains", "key", "state", "created (UTC)", "expires (UTC)"], readers)
    if not rows and not readers and not broken:
        _note(f"No client keys{f' of {wanted}' if wanted else ''} in {folder}.")
    for file in broken:
        _note(f"{file.path} is broken: {file.problem}")
    return 1 if broken else 0


def _readers(path: Path) -> list[list[str]]:
    """Keys to the record, beside those of the settings."""
    return [
        [key.role, ", ".join(key.domains or ["all"]), key.name, _state(key), _minute(key.created), _minute(key.expires)]
        for key in key_ring.keys_in(path)
    ]


@app.command
def disable(domain: str, name: str | None = None, /, *, home: Path | None = None) -> None:
    """Let nobody in with a key any more. It stays listed, and its name stays taken.

    A key to the record is named alone, one of clients after its domain.

    Args:
        domain: Whose key it is; not of a key that has a role.
        name: What the key is called.
        home: Whose `plait up` is meant.
    """
    if name is None:
        path = target.keys(target.home(home))
        key_ring.disable(path, domain)
        _note(f"Key `{domain}` is disabled; a running API or dashboard knows it within a second.")
        return
    folder, named = target.credentials(target.home(home)), domains.named(domain)
    directory = Directory(folder)
    directory.scan()
    path = directory.path_of(named)
    if not path.exists():
        raise UserError(f"{named} has no credential file in {folder}: `plait credentials` lists those that there are.")
    keyring.disable(path, name)
    _note(f"Key `{name}` of {named} is disabled; a running gateway knows it within a second.")


def _row(file: File, key: ClientKey) -> list[str]:
    return [file.domain or "", key.name, _state(key), _minute(key.created), _minute(key.expires)]


def _state(key: ClientKey | NamedKey) -> str:
    now = datetime.now(UTC)
    if key.disabled:
        return "disabled"
    if key.expires is None or now < key.expires - _SOON:
        return "valid"
    return "expiring within 24 h" if now < key.expires else "expired"


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def _moment(text: str) -> datetime:
    """A span from now, or a time, UTC unless it says otherwise.

    Raises:
        WrongUsage: it is neither, or lies in the past.
    """
    now, span = datetime.now(UTC), _SPAN.fullmatch(text)
    try:
        moment = now + int(span[1]) * _SPANS[span[2]] if span else datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"--expires {text} is no time: give a span (12h, 30d, 8w) or a date (2027-01-31).") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= now:
        raise WrongUsage(f"--expires {text} is not in the future.")
    return moment


def _note(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)

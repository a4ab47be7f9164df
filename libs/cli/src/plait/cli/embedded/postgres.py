"""Embedded Postgres: a server of our own, on the loopback address only, with a password.

Postgres refuses to run as root; then it runs as `nobody`, who owns the data folder. That user often cannot reach the
folder by its path (root's home is closed to others), so the server is started inside it and calls it by
`/proc/self/cwd`, which needs no permission on the folders above: none of them is opened to others.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from plait.cli.embedded.binaries import postgres_folder, unprivileged
from plait.cli.program import LOOPBACK, Program, system_environment
from plait.common.errors import UserError
from plait.common.postgres import Role

USER: Final = "plait"
DATABASE: Final = "plait"

_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "80",
    "jit": "off",
    # A failing statement's text and the row it failed on are content: neither may stand in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


LOGINS: Final[Mapping[str, tuple[Role, ...]]] = {
    "api": ("plait_reader", "plait_limited", "plait_asker"),
    "dashboard": ("plait_reader", "plait_limited", "plait_asker"),
}
"""Parts that do not log in as the owner of the tables, and what they may be instead."""


def url(port: int, password: str, database: str = DATABASE, *, part: str = "") -> str:
    """Address of a database of the server on `port`, for its owner, or for a part that is not to be the owner."""
    if part in LOGINS:
        return f"postgresql://{login_of(part)}:{password_of(part, password)}@{LOOPBACK}:{port}/{database}"
    return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{database}"


def login_of(part: str) -> str:
    """The user that a part of LOGINS logs in as."""
    return f"{USER}_{part}"


def password_of(part: str, password: str) -> str:
    """Its password, made of the owner's, which cannot be told from it."""
    return hmac.digest(password.encode(), part.encode(), hashlib.sha256).hex()


def prepare(
    folder: Path, port: int, password: str, *, env: Mapping[str, str] | None = None, durable: bool = True
) -> Program:
    """Make the data folder if there is none (0.5 s); the server that serves it on `port`.

    `durable=False` is for tests: a crash of the machine may lose everything.

    Raises:
        UserError: Postgres could not be set up; the message says what it said.
    """
    data = folder / "data"
    user = unprivileged(data)
    installation = postgres_folder(user and user[0])
    if not data.exists():
        _initialise(folder, installation / "bin" / "initdb", password, user)
    _forget_dead_server(data)
    settings = _SETTINGS | {"port": str(port)} | ({} if durable else {"fsync": "off", "full_page_writes": "off"})
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=(str(installation / "bin" / "postgres"), "-D", _own_name(data, user), *options),
        env=system_environment() | dict(env or {}),
        ready=lambda pid: _serves(data, pid),
        cwd=data,
        uid=user and user[0],
        gid=user and user[1],
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
    )


def serving(folder: Path) -> psutil.Process | None:
    """The server that runs on this folder, whoever started it."""
    return _server(folder / "data")


def _initialise(folder: Path, initdb: Path, password: str, user: tuple[int, int] | None) -> None:
    """Into a folder beside, moved when whole: a set-up cut short is begun anew next time."""
    folder.mkdir(parents=True, exist_ok=True)
    making, secret = folder / "making", folder / "password"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    for path in (folder, making, secret):
        if user:
            os.chown(path, *user)
    folder.chmod(0o700)
    where = _own_name(making, user)
    argv = [str(initdb), "-D", where, "-U", USER, "-A", "scram-sha-256", "--pwfile", f"{where}/../password"]
    argv += ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    as_user = Program("initdb", tuple(argv), lambda _: True, system_environment(), making, *(user or (None, None)))
    done = subprocess.run(argv, **as_user.options(), capture_output=True, text=True, check=False)
    secret.unlink()
    if done.returncode:
        raise UserError(f"Postgres could not be set up in {folder}: {done.stderr.strip() or done.stdout.strip()}")
    making.rename(folder / "data")


def _own_name(data: Path, user: tuple[int, int] | None) -> str:
    """What the server, started inside `data`, calls it."""
    return "/proc/self/cwd" if user and sys.platform == "linux" else str(data)


def _serves(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _server(data: Path) -> psutil.Process | None:
    try:
        found = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
        return found if Path(found.cwd()) == data.resolve() else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _forget_dead_server(data: Path) -> None:
    """Remove a pid file that a killed server left: Postgres takes a stranger who got the same id for its owner."""
    if (data / "postmaster.pid").exists() and _server(data) is None:
        (data / "postmaster.pid").unlink()

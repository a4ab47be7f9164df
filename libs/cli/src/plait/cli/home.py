"""The folder that holds all state of `plait up`: what lies where in it, its secrets, and who may use it now."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from plait.common.errors import UserError

DEFAULT: Final = Path("~/.local/share/plait").expanduser()
_LARGE_LOG: Final = 20 * 1024 * 1024


class Secrets(msgspec.Struct, frozen=True):
    """Made once for a home and never shown but for the dashboard's key."""

    dashboard_key: str
    masking_key: str
    """Hex."""
    postgres_password: str


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of the last `plait up` listen; ports of embedded servers stay the same while they are free."""

    gateway: int
    api: int
    dashboard: int | None
    postgres: int | None
    """None: DATABASE_URL was given."""
    broker: int | None
    """None: KAFKA_BOOTSTRAP_SERVERS was given."""
    controller: int | None = None
    """Apache Kafka's second port."""
    flavor: str = "embedded"
    health: dict[str, int] = {}
    """Of each process of consumers, where it tells its health and metrics."""


@dataclass(frozen=True)
class Home:
    """Paths are those of docs: others script against them."""

    path: Path

    @property
    def run(self) -> Path:
        """Pid files and addresses."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """One file a part."""
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        """Embedded Postgres."""
        return self.path / "postgres"

    @property
    def broker(self) -> Path:
        """Apache Kafka, with `--broker kafka`."""
        return self.path / "broker"

    @property
    def spool(self) -> Path:
        """The gateway's."""
        return self.path / "spool" / "gateway"

    @property
    def credentials(self) -> Path:
        """Credentials, unless CREDENTIALS_DIR is set."""
        return self.path / "credentials"

    @property
    def keys(self) -> Path:
        """Named keys of the read API, unless KEYS_FILE is set."""
        return self.path / "keys.json"

    def create(self) -> None:
        """Make what is missing, closed to other users.

        Raises:
            UserError: it cannot be made or written to.
        """
        try:
            for folder in (self.path, self.run, self.logs, self.spool, self.credentials):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.run / "up.lock", os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise UserError(f"{self.path} cannot be used: {error.strerror}. Give another folder with --home.") from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only `plait up` on this home.

        Raises:
            UserError: another one runs on it.
        """
        with (self.run / "up.lock").open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"Plait already runs on {self.path} (process {file.read().strip() or 'unknown'}):"
                    " stop it, or give this one another folder with --home."
                ) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def is_locked(self) -> bool:
        """Whether a `plait up` runs on it."""
        try:
            with self.lock():
                return False
        except UserError:
            return True
        except FileNotFoundError:
            return False

    def secrets(self) -> Secrets:
        """Read, or made at first use.

        Raises:
            UserError: the file is broken.
        """
        path = self.path / "secrets.json"
        if not path.exists():
            made = Secrets(secrets.token_urlsafe(18), secrets.token_hex(32), secrets.token_hex(16))
            _write_private(path, msgspec.json.format(msgspec.json.encode(made)) + b"\n")
        try:
            return msgspec.json.decode(path.read_bytes(), type=Secrets)
        except msgspec.DecodeError as error:
            raise UserError(f"{path} is broken ({error}): restore it, or start with another --home.") from None

    def addresses(self) -> Addresses | None:
        """Of the last `plait up`, None if there was none that this version can read."""
        try:
            return msgspec.json.decode((self.run / "addresses.json").read_bytes(), type=Addresses)
        except (OSError, msgspec.DecodeError):
            return None

    def remember(self, addresses: Addresses) -> None:
        """Write the addresses down for tools and for the next start."""
        _write_private(self.run / "addresses.json", msgspec.json.encode(addresses) + b"\n")

    def pid_file(self, part: str) -> Path:
        """Holds the id of the process that runs the part, while it runs."""
        return self.run / f"{part}.pid"

    def open_log(self, process: str, parts: Sequence[str]) -> int:
        """A descriptor to append to the log of a process; each part that it runs finds it under its own name."""
        path = self.logs / f"{process}.log"
        if path.is_symlink():
            path.unlink()
        elif path.exists() and path.stat().st_size > _LARGE_LOG:
            path.rename(path.with_suffix(".log.1"))
        for part in parts:
            name = self.logs / f"{part}.log"
            if name != path and not name.is_symlink():
                name.unlink(missing_ok=True)
                name.symlink_to(path.name)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by us alone."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    making.rename(path)

"""What one `plait up` is going to run, decided before anything is started."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from plait.cli.home import Addresses, Home, Secrets
from plait.cli.leftovers import MARK
from plait.cli.parts import PARTS, Part, processes
from plait.cli.program import LOOPBACK, free_port
from plait.cli.settings import UpSettings
from plait.common.addresses import is_loopback
from plait.common.errors import UserError

Broker = Literal["embedded", "kafka"]

_NOT_PASSED_ON: Final = ("HOST", "PORT")
"""They mean one process each; several would fight over one port. METRICS_PORT is the gateway's."""


@dataclass(frozen=True)
class Options:
    """The flags of `plait up`."""

    home: Path
    host: str = LOOPBACK
    gateway_port: int = 3000
    dashboard_port: int = 3001
    api_port: int = 3002
    dashboard: bool = True
    broker: Broker = "embedded"
    one_process_each: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that are wanted."""
        return tuple(p for p in PARTS if self.dashboard or p.name != "dashboard")

    @property
    def address(self) -> str:
        """Where we reach what listens on `host` ourselves."""
        return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104 - not listened on here

    @property
    def is_open(self) -> bool:
        """Whether others than this machine reach what listens on `host`."""
        return not is_loopback(self.host)

    @property
    def ports(self) -> dict[str, int]:
        """Where the parts that speak HTTP listen."""
        wanted = {"gateway": self.gateway_port, "api": self.api_port}
        return wanted | ({"dashboard": self.dashboard_port} if self.dashboard else {})

    def url(self, part: str) -> str:
        """Base address of a part that speaks HTTP, as seen from this machine."""
        address = self.address
        return f"http://{f'[{address}]' if ':' in address else address}:{self.ports[part]}"


@dataclass(frozen=True)
class Plan:
    """Everything decided: where each part listens and what it is told."""

    options: Options
    home: Home
    settings: UpSettings
    secrets: Secrets
    addresses: Addresses

    @property
    def dashboard_key(self) -> str:
        """The one given, else the home's own."""
        given = self.settings.dashboard_api_key
        return given.get_secret_value() if given else self.secrets.dashboard_key

    @property
    def database_url(self) -> str:
        """Of the database given, else of the embedded one, for the owner of its tables."""
        return self.database_url_of("")

    def database_url_of(self, part: str) -> str:
        """The same for a part: it does not log in as the owner where it need not."""
        from plait.cli.embedded import postgres

        if self.settings.database_url:
            return self.settings.database_url.get_secret_value()
        assert self.addresses.postgres
        return postgres.url(self.addresses.postgres, self.secrets.postgres_password, part=part)

    @property
    def bootstrap_servers(self) -> str:
        """Of the broker given, else of our own."""
        return self.settings.kafka_bootstrap_servers or f"{LOOPBACK}:{self.addresses.broker}"

    @property
    def credentials(self) -> Path:
        """The folder of credential files."""
        return self.settings.credentials_dir or self.home.credentials

    @property
    def keys(self) -> Path:
        """The file of named keys of the read API."""
        return self.settings.keys_file or self.home.keys

    @property
    def dashboard_url(self) -> str:
        """The dashboard as readers of notices reach it: as they are told, else on this machine."""
        return self.settings.dashboard_url or f"http://{self.options.address}:{self.options.dashboard_port}"

    @property
    def mark(self) -> dict[str, str]:
        """By which a later `plait up` knows our processes (`plait.cli.leftovers`)."""
        return {MARK: str(self.home.path.resolve()), "PLAIT_HOME": str(self.home.path)}

    def environment(self, process: str, part: Part) -> dict[str, str]:
        """The whole environment of a process; `part` is the first or only one that it runs."""
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        listen = {"HOST": self.options.host, "PORT": str(self.options.ports[part.name])} if part.port else {}
        metrics = self.addresses.health.get(process, self.settings.metrics_port if part.name == "gateway" else 0)
        return (
            inherited
            | self.mark
            | listen
            | {
                "METRICS_PORT": str(metrics),
                "DATABASE_URL": self.database_url_of(part.name),
                "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
                "KAFKA_FLAVOR": self.addresses.flavor,
                "KAFKA_ASSIGNMENT": "group" if self.addresses.broker is None else "all",
                "SPOOL_DIR": str(self.home.spool),
                "CREDENTIALS_DIR": str(self.credentials),
                "KEYS_FILE": str(self.keys),
                "MASKING_KEY": self.secrets.masking_key,
                "DASHBOARD_API_KEY": self.dashboard_key,
                "API_URL": self.options.url("api"),
                "GATEWAY_URL": self.options.url("gateway"),
                "DASHBOARD_URL": self.dashboard_url,
                "METRICS_URLS": json.dumps(self._metrics_urls()),
            }
        )

    def _metrics_urls(self) -> dict[str, str]:
        """Where processes tell their health and metrics: the dashboard shows them."""
        gateway = {"gateway": self.settings.metrics_port} if self.settings.metrics_port else {}
        return {name: f"http://{LOOPBACK}:{port}" for name, port in {**gateway, **self.addresses.health}.items()}


def make(options: Options, home: Home, settings: UpSettings) -> Plan:
    """Decide; nothing is started yet, and only the secrets and addresses are written.

    Raises:
        UserError: a port is taken, or given twice.
    """
    _refuse_taken_ports(options)
    addresses = _addresses(options, settings, home.addresses())
    home.remember(addresses)
    return Plan(options, home, settings, home.secrets(), addresses)


def _addresses(options: Options, settings: UpSettings, before: Addresses | None) -> Addresses:
    external = settings.kafka_bootstrap_servers is not None
    return Addresses(
        gateway=options.gateway_port,
        api=options.api_port,
        dashboard=options.dashboard_port if options.dashboard else None,
        postgres=None if settings.database_url else _own_port(before.postgres if before else None),
        broker=None if external else _own_port(before.broker if before else None),
        controller=_own_port(before.controller if before else None)
        if options.broker == "kafka" and not external
        else None,
        flavor="kafka" if external else options.broker,
        health={name: _own_port(before.health.get(name) if before else None) for name in _telling(options)},
    )


def _telling(options: Options) -> list[str]:
    layout = processes(options.parts, one_each=options.one_process_each)
    return [name for name, parts in layout.items() if any(part.tells_health for part in parts)]


def _own_port(before: int | None) -> int:
    return before if before and not taken(LOOPBACK, before) else free_port()


def _refuse_taken_ports(options: Options) -> None:
    ports = options.ports
    for name, port in ports.items():
        if twice := [other for other in ports if other != name and ports[other] == port]:
            raise UserError(f"{name} and {twice[0]} cannot both listen on port {port}: give one of them another.")
    if faults := [
        f"Port {port} is taken{_by_whom(port)}: stop that program, or choose another with --{name}-port."
        for name, port in ports.items()
        if taken(options.host, port)
    ]:
        raise UserError(" ".join(faults))


def taken(host: str, port: int) -> bool:
    """Whether somebody listens there.

    Raises:
        UserError: we may not listen there, whoever does.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise UserError(f"Port {port} is reserved for the system: choose one above 1023.") from None
        except socket.gaierror:
            raise UserError(f"{host} is no address of this machine: give another with --host.") from None
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise UserError(f"{host} is no address of this machine: give another with --host.") from None
            return True
    return False


def _by_whom(port: int) -> str:
    """The process that listens there, as far as we may know."""
    with contextlib.suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
                return f" by process {each.pid} ({psutil.Process(each.pid).name()})"
    return ""

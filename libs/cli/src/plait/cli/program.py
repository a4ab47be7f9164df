"""A program that runs as a process of its own: how it is started, how one sees it is ready, how it is asked to end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

LOOPBACK: Final = "127.0.0.1"

Ready: TypeAlias = "Callable[[int], bool]"
"""Whether the process with this id serves. Cheap, never raises, may block for a second."""


@dataclass(frozen=True)
class Program:
    """One program; the supervisor and the tests start it alike."""

    name: str
    argv: tuple[str, ...]
    ready: Ready
    env: Mapping[str, str] = field(default_factory=dict)
    """Its whole environment."""
    cwd: Path | None = None
    uid: int | None = None
    """Run as this user, None: as ourselves."""
    gid: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    """Seconds from the stop signal until it is killed."""

    def options(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess.Popen` and `asyncio.create_subprocess_exec`.

        A session of its own keeps a Ctrl-C in the terminal from reaching it before the supervisor's ordered stop.
        """
        user: dict[str, Any] = {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}
        return {"env": dict(self.env), "cwd": self.cwd, "start_new_session": True, **user}


def system_environment() -> dict[str, str]:
    """What a program needs that reads none of our settings: nothing else can change its behaviour by accident."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "JAVA_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ}


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((host, port)) == 0


def http_ready(host: str, port: int) -> Ready:
    """Ready is what answers 200 to `GET /health/ready`."""

    def ask(_: int) -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask

"""A `plait up` of the tests: started as a user does, in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from plait.cli.program import LOOPBACK
from tests.ports import free_port

_SET_ELSEWHERE = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "DASHBOARD_API_KEY", "HOST", "PORT", "PLAIT_HOME")
PLAIT = Path(sys.executable).with_name("plait")
START_S = 150
"""How long a start may take, of five seconds when nobody else works."""


def until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.05)


class PlaitUp:
    """`with PlaitUp(home) as plait:` starts it without waiting; whatever it started is gone afterwards."""

    def __init__(self, home: Path, *flags: str, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.gateway, self.api = free_port(), free_port()
        self.output = home.parent / f"{home.name}.out"
        ports = ("--gateway-port", str(self.gateway), "--api-port", str(self.api))
        self._argv = (str(PLAIT), "up", "--home", str(home), "--no-dashboard", *ports, *flags)
        self._env = {n: v for n, v in os.environ.items() if n not in _SET_ELSEWHERE} | dict(env or {})
        self._seen: set[psutil.Process] = set()

    def __enter__(self) -> PlaitUp:
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(self._argv, env=self._env, cwd=self.home.parent, stdout=out, stderr=out)
        return self

    def __exit__(self, *_: object) -> None:
        self.family()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        for left in self.left_over():
            left.kill()

    def family(self) -> set[psutil.Process]:
        """Itself and every process seen below it so far."""
        if self.process.poll() is None:
            top = psutil.Process(self.process.pid)
            self._seen |= {top, *top.children(recursive=True)}
        return self._seen

    def left_over(self) -> list[psutil.Process]:
        """Those of the processes seen that still run."""
        return [p for p in self._seen if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    def status(self, port: int, path: str = "/health/ready") -> int:
        """Of a GET; 0 when nobody answers."""
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def post(self, body: bytes) -> str:
        """Send a request through the gateway; returns its exchange id."""
        connection = http.client.HTTPConnection(LOOPBACK, self.gateway, timeout=60)
        connection.request("POST", "/v1/messages", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.headers["X-Request-ID"]

    def is_recorded(self, exchange_id: str) -> bool:
        """Whether the API knows how the exchange ended."""
        key = json.loads((self.home / "secrets.json").read_text())["dashboard_key"]
        connection = http.client.HTTPConnection(LOOPBACK, self.api, timeout=60)
        connection.request("GET", f"/api/requests/{exchange_id}", headers={"X-Dashboard-Key": key})
        answer = connection.getresponse()
        record = answer.read()
        connection.close()
        return answer.status == 200 and json.loads(record)["outcome"] is not None

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return self.status(self.gateway) == 200 and self.status(self.api) == 200

    def wait_ready(self) -> PlaitUp:
        until(self.is_ready, START_S, f"ready: {self.output.read_text()}")
        self.family()
        return self

    def said(self) -> str:
        return self.output.read_text()

    def wait_said(self, text: str, timeout: float = 60) -> None:
        until(lambda: text in self.said(), timeout, f"saying {text!r}: {self.said()}")

    def pid(self, part: str) -> int | None:
        try:
            return int((self.home / "run" / f"{part}.pid").read_text())
        except (OSError, ValueError):
            return None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status."""
        self.family()
        self.process.send_signal(number)
        return self.process.wait(60)


def run_plait(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    environment = {n: v for n, v in os.environ.items() if n not in _SET_ELSEWHERE} | dict(env or {})
    return subprocess.run(
        [PLAIT, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=START_S, check=False
    )

"""A dashboard in a process of its own, as `plait run dashboard` starts it: Streamlit runs once a process."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2

from tests.ports import free_port

KEY = "key-of-the-tests"
START_S = 150
"""How long the start may take, of four seconds when nobody else works."""

Fill = Callable[[asyncpg.Connection], Awaitable[None]]


@contextmanager
def database(server: str, template: str, fill: Fill | None = None) -> Iterator[str]:
    """The address of a migrated database, filled by `fill`."""
    name = f"plait_board_{secrets.token_hex(6)}"
    _alone(_command(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    address = urlsplit(server)._replace(path=f"/{name}").geturl()
    if fill:
        _alone(_fill(address, fill))
    yield address
    _alone(_command(server, f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def dashboard(database_url: str, log: Path, **more: str) -> Iterator[str]:
    """The base address of a dashboard that reads that database; its key is KEY, `more` are other settings."""
    port = free_port()
    settings = {"DATABASE_URL": database_url, "DASHBOARD_API_KEY": KEY, "HOST": "127.0.0.1", "PORT": str(port), **more}
    plait = Path(sys.executable).with_name("plait")
    with log.open("wb") as out:
        process = subprocess.Popen([plait, "run", "dashboard"], env=os.environ | settings, stdout=out, stderr=out)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        try:
            if httpx2.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)


def _alone(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread without a loop: Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _command(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fill(address: str, fill: Fill) -> None:
    connection = await asyncpg.connect(address)
    try:
        await fill(connection)
    finally:
        await connection.close()

"""Processes that an earlier `plait up` on the same home left behind when it was killed."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Final

import psutil

from plait.cli.embedded import postgres

MARK: Final = "PLAIT_PART_OF"
"""Environment variable that every process we start carries: the home it belongs to."""


def find(home: Path) -> list[psutil.Process]:
    """Living processes that belong to `home`, without ourselves.

    Postgres writes its status over its environment, so it is known by the folder it works in.
    """
    found = [p for p in psutil.process_iter() if p.pid != psutil.Process().pid and _marked(p) == str(home.resolve())]
    server = postgres.serving(home / "postgres")
    return [*found, server] if server and server not in found else found


def end(home: Path, grace: float = 12.0) -> int:
    """Ask what belongs to `home` to stop, kill what has not after `grace` seconds; returns how many there were."""
    processes = find(home)
    for process in processes:
        _ask_to_stop(process)
    _, stubborn = psutil.wait_procs(processes, timeout=grace)
    for process in stubborn:
        _kill(process)
    psutil.wait_procs(stubborn, timeout=5)
    return len(processes)


def _marked(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def _ask_to_stop(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):  # it may end between being found and being asked its name
        process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()

"""The gateway is killed under load: every exchange whose answer a client has got must be in the spool, whole."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from plait.cli.program import free_port
from tests.bench import load, nginx
from tests.bench.gateway import Ledger, gateway
from tests.bench.pinning import DRIVING
from tests.bench.stage import ANSWER, LEAST_BYTES, STREAM, body
from tests.bench.tables import table

_CONNECTIONS = 32
_SECONDS = 2


@dataclass(frozen=True)
class Killed:
    """Exchanges by id: answered as the client saw it, and whole in the spool afterwards."""

    answered: set[UUID]
    whole: set[UUID]


def measure(path: str, size: int = 900) -> Killed:
    """One kill (SIGKILL), in the midst of a load of calls to `path`, each of about `size` bytes."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
        folder, upstream_port = Path(name), free_port()
        with (
            nginx.upstream(folder / "upstream", upstream_port, DRIVING, ANSWER, STREAM),
            gateway(folder / "spool", f"http://127.0.0.1:{upstream_port}") as victim,
        ):
            noted = folder / "noted"
            lua = load.script(folder, body(size), note_ids=noted)
            argv = load.command(
                f"http://127.0.0.1:{victim.port}{path}", lua, connections=_CONNECTIONS, seconds=_SECONDS
            )
            driving = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
            time.sleep(_SECONDS / 2)
            victim.process.kill()
            driving.wait(_SECONDS + 30)
        answered = {UUID(line) for line in noted.read_text(encoding="ascii").split()}
        return Killed(answered, Ledger(folder / "spool", least_bytes=LEAST_BYTES, settled=True).read())


def report(found: dict[str, list[Killed]], *, kept: Sequence[Sequence[str]] = ()) -> list[str]:
    """A table with a line for each kind of call; `kept`: lines that go before them."""
    return table(
        ["nothing answered is lost", "answered", "whole records", "answered and lost"],
        [*kept, *(_line(case, kills) for case, kills in found.items())],
    )


def _line(case: str, found: list[Killed]) -> list[str]:
    answered, whole = sum(len(one.answered) for one in found), sum(len(one.whole) for one in found)
    lost = sum(len(one.answered - one.whole) for one in found)
    return [f"{case}, killed {len(found)} times", f"{answered:,}", f"{whole:,}", f"**{lost:,}**"]

"""The gateway is killed under load: every exchange whose answer a client has got must be in the spool, whole."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from plait.cli.program import free_port
from tests.bench import load, nginx
from tests.bench.gateway import Ledger, gateway
from tests.bench.pinning import DRIVING
from tests.bench.stage import ANSWER, LEAST_BYTES, STREAM, body

_CONNECTIONS = 32
_SECONDS = 2


@dataclass(frozen=True)
class Killed:
    """Exchanges by id: answered as the client saw it, and whole in the spool afterwards."""

    answered: set[UUID]
    whole: set[UUID]


def measure(path: str) -> Killed:
    """One kill (SIGKILL), in the midst of a load of calls to `path`."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
        folder, upstream_port = Path(name), free_port()
        with (
            nginx.upstream(folder / "upstream", upstream_port, DRIVING, ANSWER, STREAM),
            gateway(folder / "spool", f"http://127.0.0.1:{upstream_port}") as victim,
        ):
            noted = folder / "noted"
            lua = load.script(folder, body(900), note_ids=noted)
            argv = load.command(
                f"http://127.0.0.1:{victim.port}{path}", lua, connections=_CONNECTIONS, seconds=_SECONDS
            )
            driving = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
            time.sleep(_SECONDS / 2)
            victim.process.kill()
            driving.wait(_SECONDS + 30)
        answered = {UUID(line) for line in noted.read_text(encoding="ascii").split()}
        return Killed(answered, Ledger(folder / "spool", least_bytes=LEAST_BYTES, settled=True).read())

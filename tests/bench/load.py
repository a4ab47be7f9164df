"""The load tool: wrk, its output read."""

from __future__ import annotations

import re
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

from tests.bench.pinning import DRIVING, pinned

_SCRIPT = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["x-api-key"] = "sk-ant-fake"
wrk.headers["anthropic-version"] = "2023-06-01"
wrk.body = %s
done = function(summary, latency)
    io.write(string.format("RESULT %%d %%d %%d %%f\\n", summary.requests, summary.duration,
        summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
        + summary.errors.timeout, latency:percentile(50)))
end
"""
_NOTING = """
local noted = io.open("%s", "a")
noted:setvbuf("line")
response = function(status, headers, body)
    for name, value in pairs(headers) do
        if name:lower() == "x-request-id" then noted:write(value, "\\n") end
    end
end
"""


class LoadFailed(Exception):
    """The load tool did not run to its end, or calls failed."""


@dataclass(frozen=True)
class Load:
    """One run: calls answered, in how many seconds, and the median latency in microseconds."""

    calls: int
    seconds: float
    median_us: float
    cpu_s: float = 0.0
    """Processor seconds that whatever stands between used meanwhile."""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def busy(self) -> float:
        """Share of its core that whatever stands between used."""
        return self.cpu_s / self.seconds

    @property
    def per_core_second(self) -> float:
        """Calls for each second of processor time of whatever stands between."""
        return self.calls / self.cpu_s


def script(folder: Path, body: str, *, note_ids: Path | None = None) -> Path:
    """The load tool's script for POSTs of `body`; `note_ids`: where to write each answer's exchange id."""
    quoted = "[==[" + body + "]==]"
    file = folder / f"post-{zlib.crc32(body.encode()):08x}.lua"
    file.write_text(_SCRIPT % quoted + (_NOTING % note_ids if note_ids else ""), encoding="utf-8")
    return file


def command(address: str, lua: Path, *, connections: int, seconds: int) -> list[str]:
    """The load tool's command line, bound to its core."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(lua), address]
    return pinned(DRIVING, argv)


def drive(address: str, lua: Path, *, connections: int, seconds: int) -> Load:
    """Send calls for some seconds.

    Raises:
        LoadFailed: calls were refused, cut or answered with an error status.
    """
    argv = command(address, lua, connections=connections, seconds=seconds)
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 30, check=False)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) ([\d.]+)", ran.stdout)
    if not found:
        raise LoadFailed(f"wrk printed no result: {ran.stdout[-200:]} {ran.stderr[-200:]}")
    calls, micros, errors, median = (float(part) for part in found.groups())
    if errors or not calls:
        raise LoadFailed(f"{errors:.0f} of {calls:.0f} calls failed at {address}")
    return Load(int(calls), micros / 1e6, median)

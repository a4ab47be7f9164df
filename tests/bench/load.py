"""The load tool: wrk, its output read."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench.pinning import DRIVING, pinned

_SCRIPT = """
wrk.method = "POST"
wrk.path = "%s"
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


class LoadFailed(Exception):
    """The load tool did not run to its end, or calls failed."""


@dataclass(frozen=True)
class Load:
    """One run: calls a second, and the median latency in microseconds."""

    rate: float
    median_us: float


def script(folder: Path, path: str, body: str) -> Path:
    """The load tool's script for POSTs of `body` to `path`."""
    quoted = "[==[" + body + "]==]"
    file = folder / f"{path.strip('/').replace('/', '-').replace('?', '-')}.lua"
    file.write_text(_SCRIPT % (path, quoted), encoding="utf-8")
    return file


def drive(port: int, lua: Path, *, connections: int, seconds: float) -> Load:
    """Send calls for some seconds.

    Raises:
        LoadFailed: calls were refused, cut or answered with an error status.
    """
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(lua), f"http://127.0.0.1:{port}"]
    ran = subprocess.run(pinned(DRIVING, argv), capture_output=True, text=True, timeout=seconds + 30, check=False)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) ([\d.]+)", ran.stdout)
    if not found:
        raise LoadFailed(f"wrk printed no result: {ran.stdout[-200:]} {ran.stderr[-200:]}")
    calls, micros, errors, median = (float(part) for part in found.groups())
    if errors:
        raise LoadFailed(f"{errors:.0f} of {calls:.0f} calls failed on port {port}")
    return Load(calls / (micros / 1e6), median)

"""Runs the benchmarks and writes docs/benchmarks.md.

python -m tests.bench            # all
python -m tests.bench relay      # one of: relay, visible, consumers; printed only
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from plait.cli.embedded import kafka
from tests.bench import consumers, relay, visible
from tests.bench.pinning import core_count

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def _relay() -> list[str]:
    lacking = [tool for tool in ("wrk", "nginx", "taskset") if not shutil.which(tool, path="/usr/sbin:/usr/bin:/bin")]
    if lacking:
        return [f"Not measured: {', '.join(lacking)} not installed."]
    return relay.report(relay.measure())


def _visible() -> list[str]:
    delays = {"embedded broker": asyncio.run(visible.measure())}
    if (lack := kafka.missing()) is None:
        delays[f"Apache Kafka {kafka.VERSION}"] = asyncio.run(visible.measure("--broker", "kafka"))
    return [*visible.report(delays), *([f"Apache Kafka was not measured: {lack}"] if lack else [])]


def _consumers() -> list[str]:
    return consumers.report(asyncio.run(consumers.measure()))


SECTIONS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "relay": ("Relay", _relay),
    "visible": ("From answer to record", _visible),
    "consumers": ("Consumers", _consumers),
}


def main(names: list[str]) -> int:
    """Exit status: 2 for a benchmark that there is not."""
    if unknown := set(names) - set(SECTIONS):
        print(f"no benchmark {', '.join(unknown)}: there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    parts = []
    for name, (title, run) in SECTIONS.items():
        if not names or name in names:
            print(f"measuring: {title.lower()} ...", file=sys.stderr, flush=True)
            doc = sys.modules[f"tests.bench.{name}"].__doc__ or ""
            parts.append("\n".join([f"## {title}", "", doc.strip(), "", *run()]))
    print("\n\n".join(parts))
    if not names:
        PAGE.write_text("\n\n".join([_head(), *parts]) + "\n", encoding="utf-8")
    return 0


def _head() -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return f"""# Benchmarks

Ratios of things that ran in the same minute on the same machine; absolute figures are this machine's and no promise.
Repeat: `make bench` (Debian: `apt-get install nginx-light wrk`). The process that is measured has one core to itself;
load tool and upstream have the other. In brackets: smallest and largest of the rounds.

{datetime.now(UTC):%Y-%m-%d}, {commit.stdout.strip()}, {core_count()} cores, Python {platform.python_version()}."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

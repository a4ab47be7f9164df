"""Runs the benchmarks and writes docs/benchmarks.md: `python -m tests.bench --help`."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from plait.cli.embedded import kafka
from tests.bench import (
    bodies,
    consumers,
    dashboard,
    growth,
    listeners,
    litellm,
    memory,
    page,
    reading,
    relay,
    streams,
    tls,
    tree,
    visible,
)
from tests.bench.plan import MILLION, QUICK, Plan

_TOOLS = ("wrk", "nginx", "taskset", "openssl")


def _with_tools(measure: Callable[[Plan], list[str]]) -> Callable[[Plan], list[str]]:
    def run(plan: Plan) -> list[str]:
        lacking = [tool for tool in _TOOLS if not shutil.which(tool, path="/usr/sbin:/usr/bin:/bin")]
        return [f"Not measured: {', '.join(lacking)} not installed."] if lacking else measure(plan)

    return run


def _visible(_plan: Plan) -> list[str]:
    delays = {"embedded broker": asyncio.run(visible.measure())}
    if (lack := kafka.missing()) is None:
        delays[f"Apache Kafka {kafka.VERSION}"] = asyncio.run(visible.measure("--broker", "kafka"))
    return [*visible.report(delays), *([f"Apache Kafka was not measured: {lack}"] if lack else [])]


def _consumers(_plan: Plan) -> list[str]:
    return consumers.report(asyncio.run(consumers.measure()))


def _listeners(_plan: Plan) -> list[str]:
    return listeners.report(asyncio.run(listeners.measure()))


def _growth(plan: Plan) -> list[str]:
    return growth.report(asyncio.run(growth.measure(plan.turns)))


def _reading(plan: Plan) -> list[str]:
    return reading.report(reading.measure(plan.histories, plan.kept))


def _tree(_plan: Plan) -> list[str]:
    return tree.report(asyncio.run(tree.measure()))


SECTIONS: dict[str, tuple[str, Callable[[Plan], list[str]]]] = {
    "relay": ("Relay", _with_tools(relay.section)),
    "tls": ("TLS to the upstream", _with_tools(tls.section)),
    "bodies": ("Large requests", _with_tools(bodies.section)),
    "streams": ("Many streams", _with_tools(streams.section)),
    "memory": ("Memory", _with_tools(memory.section)),
    "litellm": ("LiteLLM", _with_tools(litellm.section)),
    "visible": ("From answer to record", _visible),
    "consumers": ("Consumers", _consumers),
    "listeners": ("Live listeners", _listeners),
    "tree": ("Long conversations", _tree),
    "reading": ("Read API", _reading),
    "dashboard": ("Dashboard", dashboard.section),
    "growth": ("Growth of the record", _growth),
}


def main(argv: list[str]) -> int:
    """Measure, print, and write the page where that is asked for."""
    asked = _arguments(argv)
    plan = replace(QUICK if asked.quick else MILLION if asked.million else Plan(), kept=asked.histories)
    names = asked.parts or [name for name in SECTIONS if name != "litellm"]
    names += ["litellm"] if asked.litellm else []
    for name in (name for name in SECTIONS if name in names):
        section = _measured(name, plan)
        print(section, end="\n\n", flush=True)
        if asked.write or not (asked.parts or asked.quick):
            page.write(SECTIONS[name][0], section, [title for title, _ in SECTIONS.values()])
    return 0


def _measured(name: str, plan: Plan) -> str:
    title, measure = SECTIONS[name]
    began = time.monotonic()
    print(f"measuring: {title} ...", file=sys.stderr, flush=True)
    lines = measure(plan)
    print(f"measured: {title}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    doc = sys.modules[f"tests.bench.{name}"].__doc__ or ""
    return "\n".join([f"## {title}", "", doc.strip(), "", *lines, "", page.stamp()])


def _part(name: str) -> str:
    if name not in SECTIONS:
        raise argparse.ArgumentTypeError(f"no part {name!r}: there are {', '.join(SECTIONS)}")
    return name


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Plait against its neighbours.")
    there = f"of {', '.join(SECTIONS)}: these only, and printed only; default: all"
    parser.add_argument("parts", nargs="*", type=_part, metavar="PART", help=there)
    parser.add_argument("--quick", action="store_true", help="see that it works: one short round, printed only")
    parser.add_argument("--million", action="store_true", help="watch the memory over a million exchanges")
    parser.add_argument("--litellm", action="store_true", help="also against LiteLLM's proxy, installed when needed")
    parser.add_argument("--histories", type=Path, help="a folder that keeps made-up histories for the next time")
    parser.add_argument("--write", action="store_true", help="put the chosen parts into docs/benchmarks.md")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

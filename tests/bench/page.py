"""docs/benchmarks.md: a section per part, each with when and where it was measured."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.pinning import core_count

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

_HEAD = """# Benchmarks

Ratios of things that ran in the same minute on the same machine; absolute figures are this machine's and no promise.
Repeat: `make bench` (Debian: `apt-get install nginx-light wrk`). The process that is measured has one core to itself;
load tool and upstream have the other. A figure is the median of the rounds, in brackets their smallest and largest.
"""


def write(title: str, section: str, titles: Sequence[str]) -> None:
    """Put a section into the page, which has them in the order of `titles`; the others stay as they are."""
    there = sections(PAGE.read_text(encoding="utf-8")) | {title: section}
    PAGE.write_text("\n\n".join([_HEAD.strip(), *(there[title] for title in titles if title in there)]) + "\n", "utf-8")


def sections(text: str) -> dict[str, str]:
    """Title → section of a page, heading included."""
    found = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {section.splitlines()[0].removeprefix("## "): section.strip() for section in found}


def stamp() -> str:
    """When, which version and on what."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    machine = f"{core_count()} cores, Python {platform.python_version()}"
    return f"*{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {commit.stdout.strip()}, {machine}.*"

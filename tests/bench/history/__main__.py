"""Makes a history: `python -m tests.bench.history --exchanges 1000000 --folder /tmp/history`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.history.keeping import fill, served


def main(argv: list[str]) -> int:
    """Write it, or serve what was written."""
    asked = _arguments(argv)
    if asked.folder is None:
        asyncio.run(_fill(os.environ["DATABASE_URL"], asked))
        return 0
    with served(asked.folder) as url:
        if asked.serve:
            print(f"DATABASE_URL={url}", flush=True)
            sys.stdin.read()
        else:
            asyncio.run(_fill(url, asked))
    return 0


async def _fill(url: str, asked: argparse.Namespace) -> None:
    began = time.monotonic()

    def tell(count: int) -> None:
        print(f"\r{count:,} exchanges, {time.monotonic() - began:.0f} s ", end="", file=sys.stderr, flush=True)

    await fill(url, asked.seed, asked.exchanges, asked.end, tell)
    print(f"\nready after {time.monotonic() - began:.0f} s", file=sys.stderr)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.history", description="Make a history of 90 days.")
    parser.add_argument("--exchanges", type=int, default=10_000, help="how many (default 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, size and end: same history (default 1)")
    parser.add_argument("--end", type=_moment, default=datetime.now(UTC), help="ISO 8601, when it ends (default now)")
    parser.add_argument("--folder", type=Path, help="an embedded Postgres in there; else the one of DATABASE_URL")
    parser.add_argument("--serve", action="store_true", help="write nothing: serve the folder until stdin ends")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

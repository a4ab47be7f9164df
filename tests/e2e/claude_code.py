"""The real Claude Code, from its npm package for this platform, kept in a cache outside of the repository."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

VERSION = "2.1.330"
_SECONDS = 150
_PACKAGES = {
    ("linux", "x86_64"): "claude-code-linux-x64",
    ("linux", "aarch64"): "claude-code-linux-arm64",
    ("darwin", "x86_64"): "claude-code-darwin-x64",
    ("darwin", "arm64"): "claude-code-darwin-arm64",
}


def binary() -> Path:
    """The program; fetched if it is not in the cache. Skips where there is no npm or no package for the platform."""
    package = _PACKAGES.get((sys.platform, platform.machine()))
    if package is None:
        pytest.skip(f"Claude Code has no package for {sys.platform} on {platform.machine()}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plait-tests" / f"claude-code-{VERSION}"
    found = cache / "node_modules" / "@anthropic-ai" / package / "claude"
    if not found.is_file():
        _fetch(f"@anthropic-ai/{package}@{VERSION}", cache)
    return found


def _fetch(package: str, cache: Path) -> None:
    if not shutil.which("npm"):
        pytest.skip("npm is missing, so Claude Code cannot be fetched")
    cache.mkdir(parents=True, exist_ok=True)
    quiet = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(
        ["npm", "install", *quiet, "--prefix", cache, package], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr


async def prompt(url: str | None, project: Path, words: str, *flags: str) -> dict[str, Any]:
    """`claude -p words` in `project`; returns its JSON result.

    `url`: where it takes Claude to be, with a key of its own; None: its settings file says both.
    """
    own = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-ant-fake"} if url else {}
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent / "home"),
        **own,
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    argv = (str(binary()), "-p", words, "--output-format", "json", "--dangerously-skip-permissions", *flags)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=project, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, (out, errors)
    result: dict[str, Any] = json.loads(out)
    return result

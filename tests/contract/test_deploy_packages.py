"""An image holds what its service imports: the locked requirements are held against the imports of its modules."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

from plait.cli.parts import PARTS

ROOT = Path(__file__).parents[2]
OURS = ("plait.common", "plait.cli", *sorted({part.entry.rsplit(".", 1)[0] for part in PARTS}))
OPTIONAL = {"uvloop"}
"""Taken where it is installed, done without where it is not (`plait.cli.hosting`)."""


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*OURS, include_external_packages=True)


def imported(package: str) -> set[str]:
    """Distributions whose modules are reached from any module of `package`, or from what runs it."""
    reached = graph().find_upstream_modules(package, as_package=True)
    reached |= graph().find_upstream_modules("plait.cli.hosting")
    outside = {name for name in reached if not name.startswith("plait")} - sys.stdlib_module_names - {"plait"}
    known = packages_distributions()
    return {_normal(known[name][0]) for name in outside}


def locked(image: str) -> set[str]:
    text = (ROOT / "requirements" / f"{image}.txt").read_text()
    return {_normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


@pytest.mark.parametrize("image", sorted({part.entry.split(".")[1] for part in PARTS}))
def test_what_a_service_imports_is_locked_for_its_image(image: str) -> None:
    needed = imported(f"plait.{image}")
    assert "msgspec" in needed
    assert needed - OPTIONAL <= locked(image)


def test_the_database_is_migrated_from_an_image_that_holds_no_other_service() -> None:
    reached = graph().find_upstream_modules("plait.cli.target") | graph().find_upstream_modules("plait.cli.database")
    assert {name for name in reached if name.startswith("plait.gateway")} == set()


@pytest.mark.parametrize("command", ["keys", "credentials", "login", "client"])
def test_credentials_are_kept_from_within_the_gateways_image(command: str) -> None:
    assert imported(f"plait.cli.commands.{command}") <= locked("gateway") | OPTIONAL


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

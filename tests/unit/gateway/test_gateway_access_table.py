"""The most specific file for a domain is the one that counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.access.credentials import Credential
from plait.gateway.access.table import UNCONFIGURED, Table

NAMES = ("a.b.example.com", "b.example.com", "*.b.example.com", "*.example.com", "*.com", "_default")
PATTERNS = (*NAMES, "localhost", "localhost:3000", "127.0.0.1")


def table_of(*names: str) -> Table:
    return Table({name: Credential(path=Path(name)) for name in names}, configured=True)


def found(table: Table, domain: str) -> str | None:
    credential = table.find(domain)
    return str(credential.path) if credential else None


@pytest.mark.parametrize(
    ("domain", "file"),
    [
        ("a.b.example.com", "a.b.example.com"),
        ("z.b.example.com", "*.b.example.com"),
        ("y.z.b.example.com", "*.b.example.com"),
        ("b.example.com", "b.example.com"),
        ("z.example.com", "*.example.com"),
        ("example.com", "*.com"),
        ("com", "_default"),
        ("notexample.com", "*.com"),
        ("localhost:3000", "localhost:3000"),
        ("localhost:3001", "localhost"),
        ("127.0.0.1:3000", "127.0.0.1"),
        ("127.0.0.2:3000", "_default"),
        ("[::1]", "_default"),
        ("_default", "_default"),
    ],
)
def test_the_nearest_file_counts(domain: str, file: str) -> None:
    assert found(table_of(*PATTERNS), domain) == file


def test_a_wild_card_is_not_for_the_domain_itself() -> None:
    assert found(table_of("*.example.com"), "example.com") is None


def test_without_a_default_an_unknown_domain_has_nothing() -> None:
    assert found(table_of("example.com"), "example.org") is None


def test_a_file_that_was_never_good_hides_what_is_less_specific() -> None:
    table = Table({"a.example.com": None, "_default": Credential(path=Path("d"))}, configured=True)
    assert table.find("a.example.com") is None
    assert found(table, "b.example.com") == "d"


def test_without_any_file_every_domain_is_unconfigured() -> None:
    assert Table({}, configured=False).find("any.example") is UNCONFIGURED
    assert Table({}, configured=True).find("any.example") is None


@given(st.sets(st.sampled_from(NAMES)), st.sampled_from(["a.b.example.com", "z.b.example.com", "z.example.com", "com"]))
def test_of_all_that_match_the_longest_counts(names: set[str], domain: str) -> None:
    matching = [name for name in names if name == domain or (name[:2] == "*." and domain.endswith(name[1:]))]
    expected = max(matching, key=lambda name: (name == domain, len(name)), default=None)
    assert found(table_of(*names), domain) == (expected or ("_default" if "_default" in names else None))

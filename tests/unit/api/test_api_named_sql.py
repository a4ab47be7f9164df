"""SQL in files: blocks, parameters by name, lines that are left out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.queries.matching import containing
from plait.common.queries.named import Statement, statements

ORDER = {"{key}", "{way}"}
"""What `plait.common.queries.ranking` puts in."""
NOUNS = ["exchanges", "records", "conversations", "identity", "statistics", "schema"]


def test_parameters_are_numbered_in_order_and_once_each() -> None:
    statement = Statement("s", "", "SELECT :b, :a, :b::text")
    assert statement.bind({"a": 1, "b": 2}) == ("SELECT $1, $2, $1::text", [2, 1])


def test_a_line_is_left_out_when_one_of_its_parameters_is_none() -> None:
    statement = Statement("s", "", "WHERE true\n  AND x = :x --?\n  AND y BETWEEN :y AND :z --?")
    assert statement.bind({"x": 7, "y": 1, "z": None}) == ("WHERE true\n  AND x = $1", [7])


def test_false_and_zero_are_values() -> None:
    statement = Statement("s", "", "WHERE true\n  AND x = :x --?\n  AND y = :y --?")
    assert statement.bind({"x": 0, "y": False})[1] == [0, False]


def test_a_parameter_that_nobody_gives_is_an_error() -> None:
    with pytest.raises(KeyError, match="missing"):
        Statement("s", "", "SELECT :missing").bind({})


@pytest.mark.parametrize("noun", NOUNS)
def test_every_statement_is_described_and_whole(noun: str) -> None:
    """Or it is a run of conditions, for others to include."""
    found = statements(noun)
    for statement in found.values():
        assert statement.description.endswith(".")
        is_part = any(statement.sql in other.sql for other in found.values() if other is not statement)
        assert statement.sql.lstrip().startswith(("SELECT", "WITH", "WHERE", "AND") if is_part else ("SELECT", "WITH"))
        assert set(re.findall(r"{\w+}", statement.sql)) <= ORDER
        assert ";" not in statement.sql


def test_an_included_block_stands_in_the_one_that_names_it() -> None:
    blocks = statements("exchanges")
    assert blocks["matching"].sql in blocks["count"].sql


@given(st.text(max_size=40))
def test_escaping_leaves_no_wildcard(text: str) -> None:
    pattern = containing(text)
    assert pattern is not None
    assert pattern[0] == pattern[-1] == "%"
    assert _plain(pattern[1:-1]) == text


def test_no_text_is_no_pattern() -> None:
    assert containing(None) is None


def _plain(pattern: str) -> str:
    """What a LIKE pattern without wildcards stands for."""
    found, characters = [], iter(pattern)
    for character in characters:
        assert character not in "%_"
        found.append(next(characters) if character == "\\" else character)
    return "".join(found)

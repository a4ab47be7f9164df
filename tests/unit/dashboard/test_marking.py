"""What was sought is marked where it stands, and nothing else of a snippet becomes markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from plait.common.search.query import parse
from plait.dashboard.islands.marking import marked
from tests.dashboard_scene import ATTACKS


@pytest.mark.parametrize(
    ("words", "text", "drawn"),
    [
        ("reset", "a Reset here, resetting", "a <mark>Reset</mark> here, <mark>reset</mark>ting"),
        ('"reset by"', "reset by, reset", "<mark>reset by</mark>, reset"),
        ("cafe", "at the Café", "at the <mark>Café</mark>"),
        ("one two", "one  two two", "<mark>one</mark>  <mark>two</mark> <mark>two</mark>"),
        ('retry "retry the"', "retry the", "<mark>retry the</mark>"),
        ("gone -kept", "kept gone", "kept <mark>gone</mark>"),
        ("b", "<b>b</b>", "&lt;<mark>b</mark>&gt;<mark>b</mark>&lt;/<mark>b</mark>&gt;"),
    ],
)
def test_marks_stand_around_what_was_sought(words: str, text: str, drawn: str) -> None:
    assert marked(text, parse(words)) == drawn


@given(st.text(max_size=200), st.sampled_from(["a", "ß", "of the", "window", '"x y"', "img script"]))
def test_a_text_stays_as_it_was(text: str, words: str) -> None:
    drawn = marked(text, parse(words))
    assert re.sub("</?mark>", "", drawn) == escape(text)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_shown_as_they_were_written(attack: str) -> None:
    drawn = re.sub("</?mark>", "", marked(attack, parse("script window img hit")))
    assert drawn == escape(attack)

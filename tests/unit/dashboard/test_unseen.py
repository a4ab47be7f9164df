"""Characters that cannot be seen, or turn the text around, are marked and stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from plait.dashboard.islands.markdown import markdown
from plait.dashboard.islands.unseen import line_of, show_unseen, written
from tests.harmless import Reader

HIDDEN = {
    "\u202e": "RLO", "\u2066": "LRI", "\u200b": "ZWSP", "\ufeff": "BOM", "\u00ad": "SHY", "\x1b": "ESC",
    "\x07": "U+0007", "\U000e0041": "tag U+0041", "\U000e0101": "U+E0101", "\u3164": "U+3164",
}  # fmt: skip
NEEDED = (
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "می\u200cخواهم",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "葛\U000e0100",
    "✔\ufe0f é à",
    "tab\tand\nline",
)


@pytest.mark.parametrize("character", HIDDEN)
def test_hidden_ones_are_marked_where_they_stand(character: str) -> None:
    shown = show_unseen(f"<p>a{character}b</p>")
    assert f'<span class="sign" data-is="{HIDDEN[character]}" title="U+' in shown
    assert Reader(shown).text == f"a{character}b"


@pytest.mark.parametrize("text", NEEDED)
def test_what_scripts_and_pictographs_need_is_left(text: str) -> None:
    assert show_unseen(text) == text


@pytest.mark.parametrize("text", ["a\u200db", "x\u200cy", "\u200d", "end\u200d", "\U0001f3f4\U000e0067x"])
def test_what_they_do_not_need_is_not(text: str) -> None:
    assert "sign" in show_unseen(f"<p>{text}</p>")


def test_attributes_stay_as_they_are() -> None:
    html = '<a title="a\u202eb" href="https://x.example/">c</a>'
    assert show_unseen(html) == html


def test_attributes_that_the_cleaner_writes_do_too() -> None:
    shown = show_unseen(str(markdown("[a](https://x.example/?\u200b> 'b>\u202e\" onclick=x')")))
    assert all(
        set(attributes) <= {"href", "title", "target", "rel", "class", "data-is"}
        for _, attributes in Reader(shown).tags
    )


@given(
    st.text(alphabet=st.sampled_from("ab<>&\"' \n\u202e\u200b\u200d\x1b\x00\U000e0041\U0001f3f4\U000e007f\U0001f468"))
)
def test_the_text_is_as_it_was_and_marking_twice_is_as_once(text: str) -> None:
    once = show_unseen(f'<p title="{escape(text)}">{escape(text)}</p>')
    assert Reader(once).text == text.replace("\0", "")
    assert show_unseen(once) == once


def test_halves_of_characters_are_written_as_json_has_them() -> None:
    assert written("a\ud83db\U0001f600") == "a\\ud83db\U0001f600"


def test_a_windows_title_has_none_of_them() -> None:
    assert line_of("a\u202eb\ud83d") == "ab\\ud83d"

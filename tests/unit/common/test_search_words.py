"""Words of any language, and queries that find them again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.search.matching import find
from plait.common.search.query import BadQuery, parse
from plait.common.search.slots import mask_of, masked, slot_of
from plait.common.search.words import LONGEST, composed, folded, runs, terms

WORDS = ["Straße", "snake_case", "parseHTTPResponse", "検索機能", "👩‍💻", "café", "naïve", "x" * 80, "a.b", "v2"]
TEXTS = st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join)


def found(line: str, *texts: str) -> tuple[bool, bool]:
    """Whether the index, and the message itself, say that a message of these texts has what is sought."""
    query = parse(line)
    has = set(terms(texts, 1 << 20))
    return all(has & set(group) for group in query.loose), find(query, texts) is not None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("strasse", "In der Straße"),
        ("STRASSE", "straße"),
        ("uber", "Über alles"),
        ("cafe", "cafe\u0301 au lait"),
        ("test", "many tests run"),
        ("konfig", "Konfigurationsdatei"),
        ("Response", "parseHTTPResponse(x)"),
        ("HTTPResponse", "parseHTTPResponse(x)"),
        ("parsehttp", "parseHTTPResponse(x)"),
        ("foo.bar()", "call foo.bar() now"),
        ("snake_case", "my snake_case_name"),
        ("case", "my snake_case_name"),
        ("src/main.py", "see src/main.py:10"),
        ("C++", "I like C++ best"),
        ("--no-verify", "git commit --no-verify"),
        ("don't", "I don't know"),
        ("検索", "全文検索機能です"),
        ("猫", "これは猫です"),
        ("机能", "检索机能"),
        ("👩‍💻", "hello 👩‍💻 world"),
        ('"two words"', "here two\n  words stand"),
        ('"two words', "here two words stand"),
        ("two -three", "two and four"),
        ("ﬁle", "a file"),
        ("ⅳ", "part IV"),
        ("x" * 100, "x" * 100),
    ],
)
def test_what_people_expect_to_find(line: str, text: str) -> None:
    assert found(line, composed(text)) == (True, True)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("foo.bar", "bar foo"),
        ("snake_case", "snake and case"),
        ('"two words"', "words two"),
        ('"two word"', "two words"),
        ("guration", "Konfiguration"),
        ("two -three", "two and three"),
        ('two -"and three"', "two and three"),
        ("a b", "a"),
        ("検索", "索検"),
    ],
)
def test_what_is_no_hit(line: str, text: str) -> None:
    assert found(line, text)[1] is False


@given(TEXTS)
def test_every_word_of_a_text_finds_it(text: str) -> None:
    said = composed(text)
    for word in runs(said):
        query = parse(f'"{word}"')
        assert all(set(terms([said], 1 << 20)) & set(group) for group in query.exact), word
        assert find(query, [said]) is not None, word


@given(st.text(max_size=200))
def test_any_line_is_a_query_or_refused(line: str) -> None:
    try:
        query = parse(line)
    except BadQuery:
        return
    assert query.wanted
    find(query, [composed(line)])


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(composed(text))) == folded(composed(text))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "names nothing"),
        ("%_\\ '", "names nothing"),
        ('"" -', "names nothing"),
        ("-this", "names only what is not to be there"),
        ("w " * 33, "more than 32 words"),
    ],
)
def test_what_cannot_be_looked_for(line: str, says: str) -> None:
    with pytest.raises(BadQuery, match=says):
        parse(line)


def test_huge_words_and_texts_are_bounded() -> None:
    assert len(terms(["y" * 1_000_000], 1 << 14)) <= 3
    many = " ".join(f"w{n}" for n in range(30_000))
    assert len(terms([many], 1 << 14)) == 1 << 14
    assert terms(["z" * LONGEST], 9) == terms(["z" * (LONGEST + 1)], 9)


def test_a_snippet_shows_the_place_in_one_line() -> None:
    text = "start " + "filler " * 100 + "here the needle\nand more " + "filler " * 100
    hit = find(parse("needle more"), [text])
    assert hit
    assert hit.snippet.startswith("…")
    assert "here the needle and more" in hit.snippet
    assert hit.snippet.endswith("…")
    assert len(hit.snippet) <= 202


def test_whole_and_frequent_words_rank_before_beginnings_and_long_texts() -> None:
    texts = ["needle needle", "needle", "needle " + "hay " * 5000, "needles"]
    ranks = [hit.rank for text in texts if (hit := find(parse("needle"), [text]))]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(texts)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20), st.integers(0, 2**40))
def test_masks_come_off_again(numbers: list[int], number: int) -> None:
    slot = slot_of(number)
    assert sorted(one ^ mask_of(slot) for one in masked(numbers, slot)) == sorted(numbers)
    assert all(-(2**31) <= one < 2**31 for one in masked(numbers, slot))

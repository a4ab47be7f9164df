"""Two requests beside each other: what is told of their difference, and that nothing in them runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.comparing import compare
from plait.common.queries.records import Prompt
from plait.dashboard.islands.comparison import Beside, beside, line_difference
from tests.dashboard_scene import ATTACKS
from tests.unit.dashboard.exchanges import number

IDS: tuple[UUID, UUID] = (number(1), number(2))


def prompt(*messages: Any, system: Any = None, tools: Any = None, **rest: Any) -> Prompt:
    return Prompt(
        messages=[msgspec.json.encode(message) for message in messages],
        system=None if system is None else msgspec.json.encode(system),
        tools=None if tools is None else msgspec.json.encode(tools),
        rest=rest,
        whole=None,
    )


def differ(a: Prompt, b: Prompt) -> Beside:
    return beside(compare(IDS, a, b), a, b)


def says(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def test_alike_is_told_so() -> None:
    one = prompt(says("hello"), system="s", tools=[{"name": "Bash"}], model="m")
    found = differ(one, one)
    assert found.alike
    assert found.unchanged == 1


def test_what_came_went_and_changed() -> None:
    first = prompt(says("one"), says("two", "assistant"), says("three"), says("gone", "assistant"))
    second = prompt(says("one"), says("two", "assistant"), says("drei"))
    found = differ(first, second)
    assert (found.unchanged, found.added, found.removed, found.changed) == (2, 0, 1, 1)
    changed, removed = found.messages
    assert (changed.change, changed.before, changed.after, changed.headline) == ("changed", 2, 2, "drei")
    assert changed.lines == (
        '<div class="lines" dir="auto"><div class="del">-three</div><div class="ins">+drei</div></div>'
    )
    assert (removed.change, removed.role, removed.before, removed.after) == ("removed", "assistant", 3, None)


def test_settings_system_and_tools_stand_by_their_names() -> None:
    before = prompt(system="be short\nbe kind", tools=[{"name": "Bash", "x": 1}, {"name": "Read"}], model="a", top_k=1)
    after = prompt(system="be short\nbe exact", tools=[{"name": "Bash", "x": 2}, {"name": "Edit"}], model="b", top_k=1)
    found = differ(before, after)
    assert [one.name for one in found.settings] == ["model"]
    assert found.system is not None
    assert '<div class=""> be short</div><div class="del">-be kind</div>' in found.system
    assert (found.tools_added, found.tools_removed) == (["Edit"], ["Read"])
    assert [one.name for one in found.tools_changed] == ["Bash"]


def test_a_change_in_what_is_no_text_is_seen() -> None:
    def image(data: str) -> dict[str, Any]:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return {"role": "user", "content": [{"type": "image", "source": source}]}

    (one,) = differ(prompt(image("AAAA")), prompt(image("BBBB"))).messages
    assert "BBBB" in one.lines


def test_of_very_many_messages_the_first_are_shown() -> None:
    found = differ(prompt(), prompt(*(says(f"m {n}") for n in range(150))))
    assert (found.added, len(found.messages), found.left_out) == (150, 100, 50)
    assert [one.after for one in found.messages] == list(range(100))


def test_long_differences_are_cut_and_told() -> None:
    many = line_difference("", "\n".join(f"line {n}" for n in range(1000)))
    assert many.count("<div") == 1 + 399 + 1
    assert "… 601 more lines" in many
    assert "8,001 more characters" in line_difference("", "a" * 10_000)


def test_a_place_in_the_midst_has_its_line() -> None:
    before = [f"line {n}" for n in range(50)]
    after = [*before[:40], "new", *before[41:]]
    assert '<div class="where">line 38</div>' in line_difference("\n".join(before), "\n".join(after))


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_shown_as_they_were_written(attack: str) -> None:
    found = differ(prompt(says("x")), prompt(says(attack), system=attack, tools=[{"name": attack}]))
    assert "<script" not in found.messages[0].lines
    assert "<img" not in found.messages[0].lines
    assert found.tools_added == [attack]  # the template escapes it


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_can_be_told_apart(one: str, other: str) -> None:
    drawn = line_difference(one, other)
    assert ('class="ins"' in drawn or 'class="del"' in drawn) == (one != other)
    assert str(drawn).encode()


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_value_may_stand_anywhere(value: Any) -> None:
    hostile = prompt(
        value, {"role": value, "content": value}, system=value, tools=[value, {"name": value}], model=value
    )
    differ(prompt(says("x")), hostile)
    differ(hostile, prompt(says("x")))

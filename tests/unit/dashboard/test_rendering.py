"""Messages of strangers: whatever they hold is shown as it was written and does nothing."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.dashboard.islands import markdown as md
from plait.dashboard.islands import messages
from plait.dashboard.islands.blocks import Part
from plait.dashboard.islands.code import difference, highlight
from plait.dashboard.islands.messages import Message, Said, read_answer, read_messages, read_system, read_tools
from plait.dashboard.islands.render import render
from plait.dashboard.islands.texts import clip, cut_off, one_line
from plait.dashboard.islands.unseen import show_unseen
from tests.attack_scene import blocks as attacked_blocks
from tests.attack_scene import body as attacked_body
from tests.attack_scene import results_of
from tests.attack_table import ATTACKS, LONG_LINE
from tests.dashboard_scene import rich_body
from tests.harmless import Reader, assert_harmless


def page(body: Any, answer: Any = None) -> str:
    said = body["messages"]
    return render(
        "messages.html",
        request_id="1",
        count=len(said),
        messages=Said(said).draw(),
        rest=[],
        system=read_system(body.get("system")),
        offered=read_tools(body.get("tools")),
        tools=[("Bash", 1)],
        answer=render("message.html", message=read_answer(answer, len(said) + 1)) if answer else None,
        stop_reason="end_turn",
        missing="None.",
    )


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_as_prose(name: str) -> None:
    assert_harmless(md.markdown(ATTACKS[name]))


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_in_every_place_of_a_message(name: str) -> None:
    attack = ATTACKS[name]
    said = [
        {"role": attack, "content": attacked_blocks(attack)},
        {"role": "user", "content": results_of(attack)},
        {"role": "system", "content": attack},
        {"role": "user", "content": attack},
    ]
    tool = {"name": attack, "description": attack, "input_schema": {attack: attack}}
    body = {"system": attack, "tools": [tool], "messages": said}
    assert_harmless(page(body, {"content": attacked_blocks(attack)}))


@pytest.mark.parametrize("colours", [True, False])
def test_no_message_ends_outside_itself(monkeypatch: pytest.MonkeyPatch, *, colours: bool) -> None:
    monkeypatch.setattr(messages, "_COLOURED", 10**9 if colours else 0)
    for html in Said(attacked_body()["messages"]).draw():
        assert whole(html) == 1


def whole(html: str) -> int:
    """How many elements there are outside of all others; fails where one is closed that is not open, or left open."""
    opened: list[str] = []
    outermost = 0
    for closing, tag in re.findall(r"<(/?)([a-z0-9]+)(?:\s[^<>]*)?>", html):
        if closing:
            assert opened.pop() == tag
        elif tag not in {"br", "hr", "img", "input", "path", "circle", "rect"}:
            outermost += not opened
            opened.append(tag)
    assert opened == []
    return outermost


WITHOUT_MARKS = [n for n, a in ATTACKS.items() if not re.search(r"\]\(|```|`|^\||\*\*|<https", a)]


@pytest.mark.parametrize("name", WITHOUT_MARKS)
def test_an_attack_is_shown_as_it_was_written(name: str) -> None:
    shown = Reader(show_unseen(md.markdown(ATTACKS[name]))).text
    assert "".join(shown.split()) == "".join(ATTACKS[name].split())


@pytest.mark.parametrize("name", ATTACKS)
def test_every_word_of_an_attack_is_shown(name: str) -> None:
    read = Reader(render_text(ATTACKS[name]))
    shown = " ".join([read.text, *(attributes.get("title") or "" for _, attributes in read.tags)])
    assert [word for word in re.findall(r"[\w.;&#]{3,}", ATTACKS[name]) if word not in shown] in ([], ["html"])


def render_text(text: str) -> str:
    """A text as the message that it is."""
    (html,) = Said([{"role": "user", "content": text}]).draw()
    return html


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_text_is_harmless(text: str) -> None:
    assert_harmless(md.markdown(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@settings(deadline=None, max_examples=40)
def test_any_json_can_be_shown(value: Any) -> None:
    body = {
        "system": value,
        "tools": value,
        "messages": [value, {"role": "user", "content": value}, {"role": "user", "content": [value]}],
    }
    assert_harmless(page(body, {"content": value}))


@pytest.mark.parametrize(
    "kind", ["text", "tool_use", "tool_result", "image", "document", "thinking", "redacted_thinking"]
)
@pytest.mark.parametrize("inner", [None, 7, "x", [], {}, [None], {"type": "base64"}])
def test_blocks_with_anything_in_them_can_be_shown(kind: str, inner: Any) -> None:
    fields = ("text", "input", "content", "source", "thinking", "data", "name", "id")
    page({"messages": [{"role": "user", "content": [{"type": kind, **dict.fromkeys(fields, inner)}]}]})


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/pdf", "image/png;x", ""])
def test_only_four_kinds_of_pictures_are_drawn(kind: str) -> None:
    source = {"type": "base64", "media_type": kind, "data": "AAAA"}
    (part,) = read_messages([{"role": "user", "content": [{"type": "image", "source": source}]}])[0].parts
    assert part.kind == "chip"


def test_a_picture_elsewhere_is_a_chip_with_its_address() -> None:
    html = md.markdown("![shot](https://far.example/a.png)")
    assert html == '<p><span class="chip">image: shot · https://far.example/a.png</span></p>\n'


def test_a_long_line_is_cut_and_told() -> None:
    html = page({"messages": [{"role": "user", "content": LONG_LINE}]})
    assert f"Show all {len(LONG_LINE.strip()):,} characters" in html
    assert 'data-whole="request.messages.0.content.0"' in html
    assert len(html) < 300_000


@pytest.mark.parametrize(
    "text",
    ["<system-reminder>" * 60_000, "|a" * 50 + "\n" + "|-" * 50 + "\n" + "|\n" * 14_000, "[" * 30_000, "![" * 15_000],
    ids=["reminders", "cells", "brackets", "images"],
)
def test_a_text_made_to_take_long_does_not(text: str) -> None:
    before = time.process_time()
    assert len(render_text(text)) < 20 * len(text)
    assert time.process_time() - before < 10


def test_markdown_reads_as_one_expects() -> None:
    html = md.markdown(
        "# T\n\n**b** `c` ~~s~~ [l](https://x.example/)\n\n- i\n\n|a|\n|-|\n|1|\n\n```python\nx = 1\n```"
    )
    for tag in (
        "<h1>T</h1>",
        "<strong>b</strong>",
        "<code>c</code>",
        "<s>s</s>",
        '<a href="https://x.example/"',
        "<li>i</li>",
    ):
        assert tag in html
    assert '<div class="table" tabindex="0"><table>' in html
    assert '<span class="n">1</span>' in html


def parts(message: Message) -> list[tuple[str, str, str]]:
    return [(p.kind, p.name, p.headline) for p in message.parts]


def test_a_request_reads_as_people_would_tell_it() -> None:
    told = read_messages(rich_body()["messages"])
    assert [m.role for m in told] == ["user", "assistant", "tools", "assistant", "tools", "assistant", "user"]
    assert parts(told[0])[0] == ("reminder", "System reminder", "The task tools have not been used recently.")
    assert parts(told[1]) == [
        ("thinking", "Thinking", "The failure needs a kill between the header and the body."),
        ("call", "Read", "/home/dev/plait/src/spool/writer.py"),
    ]
    assert parts(told[2])[0][:2] == ("result", "Read result")
    assert parts(told[3])[1:] == [
        ("call", "Bash", "pytest -q tests/spool -x --count 50"),
        ("call", "Edit", "src/spool/writer.py +2 −1"),
    ]
    assert parts(told[4])[0] == ("failed", "Bash failed", "2 lines · E AssertionError: torn tail 1 failed, 49 passed")
    assert parts(told[5]) == [("call", "TodoWrite", "1 of 3 done")]
    assert [p.kind for p in told[6].parts] == ["result", "picture", "chip", "prose"]


def test_a_system_message_is_folded() -> None:
    (told,) = read_messages([{"role": "system", "content": "# Environment"}])
    assert (told.role, parts(told)) == ("system", [("reminder", "System message", "# Environment")])


def test_an_edit_is_a_difference() -> None:
    shown = difference("a\nb\nc", "a\nx\nc")
    assert shown == (
        '<span class="same"> a\n</span><span class="del">-b\n</span>'
        '<span class="ins">+x\n</span><span class="same"> c\n</span>'
    )


def test_a_cut_tool_call_shows_what_came() -> None:
    call = {"type": "tool_use", "id": "1", "name": "Bash", "input": {}, "partial_json": '{"command":"ls'}
    (part,) = read_answer({"content": [call]}, 1).parts
    assert isinstance(part, Part)
    assert part.headline == '{ "cut off": "{\\"command\\":\\"ls" }'


def test_unknown_languages_and_long_code_are_plain() -> None:
    assert highlight("x < 1", "no-such-language") == "x &lt; 1"
    assert highlight("x" * 50_000, "python") == "x" * 50_000


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_line_and_no_longer(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line


@given(st.text(max_size=100))
def test_short_texts_are_not_clipped(text: str) -> None:
    assert clip(text) == text
    assert cut_off(text) == 0

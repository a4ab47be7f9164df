"""Messages of strangers: whatever they hold is shown as it was written and does nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.dashboard.islands import markdown as md
from plait.dashboard.islands.blocks import Part
from plait.dashboard.islands.code import difference, highlight
from plait.dashboard.islands.messages import Message, draw_messages, read_answer, read_messages, read_system, read_tools
from plait.dashboard.islands.render import render
from plait.dashboard.islands.texts import clip, cut_off, one_line
from tests.dashboard_scene import ATTACKS, rich_body

HARMLESS = {
    *("a", "b", "blockquote", "br", "button", "code", "details", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("bdi", "header", "hr", "img", "input", "label", "li", "ol", "p", "path", "pre", "rect", "circle", "s", "section"),
    *("span", "strong", "summary", "svg", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
MORE_ATTACKS = [
    *ATTACKS,
    "<a href='javascript:alert(1)'>x</a>",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](vbscript:x) [y](file:///etc/passwd) [z](//evil.example) [r](relative) [h](#hash)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+) ![y][ref]\n\n[ref]: https://evil.example/y.png 'title'",
    "<https://good.example/?a=<script>> <javascript:alert(1)>",
    "```<script>\nalert(1)\n```\n\n~~~html\n<img src=x onerror=alert(1)>\n~~~",
    '`<img src=x onerror="alert(1)">`',
    "|<script>|\n|-|\n|<img src=x onerror=y>|",
    "<!DOCTYPE html><math><mtext><style><img src=x onerror=alert(1)></style>",
    "\u202egnp.exe \u200b\u200d\ufeff \x00 \x1b[31m",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62;",
    "</div></details></section><script>alert(1)</script>",
    "<form action=/logout><input type=submit></form>",
    "[x](https://good.example 'a\" onmouseover=\"alert(1)')",
]


class Reader(HTMLParser):
    """Gathers what a browser would make of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed("".join(html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> Reader:
    reader = Reader(html)
    for tag, attributes in reader.tags:
        assert tag in HARMLESS, f"{tag} in {html!r}"
        assert not any(name.startswith("on") or name == "style" for name in attributes), html
        if tag == "a" and "data-jump" in attributes:
            assert re.fullmatch(r"#m\d+", attributes["href"] or "")
        elif tag == "a":
            href = attributes.get("href") or ""
            assert href.startswith(("https://", "http://", "mailto:")), html
            assert attributes["target"] == "_blank"
            assert "noopener" in (attributes["rel"] or "")
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/png;base64,"), html
    return reader


def page(body: Any, answer: Any = None) -> str:
    said = body["messages"]
    return render(
        "messages.html",
        request_id="1",
        messages=draw_messages(said),
        system=read_system(body.get("system")),
        offered=read_tools(body.get("tools")),
        tools=[("Bash", 1)],
        answer=render("message.html", message=read_answer(answer, len(said) + 1)) if answer else None,
        stop_reason="end_turn",
        missing="None.",
    )


@pytest.mark.parametrize("attack", MORE_ATTACKS)
def test_attacks_as_prose(attack: str) -> None:
    assert_harmless(md.markdown(attack))


@pytest.mark.parametrize("attack", MORE_ATTACKS)
def test_attacks_in_every_place_of_a_message(attack: str) -> None:
    blocks: list[Any] = [
        {"type": "text", "text": attack},
        {"type": "text", "text": f"<system-reminder>{attack}</system-reminder>"},
        {"type": "thinking", "thinking": attack},
        {"type": "redacted_thinking", "data": attack},
        {"type": "tool_use", "id": attack, "name": attack, "input": {attack: attack}},
        *(
            {"type": "tool_use", "id": n, "name": n, "input": arguments(attack)}
            for n in ("Bash", "Edit", "Write", "Task", "TodoWrite")
        ),
        {"type": "tool_result", "tool_use_id": attack, "content": attack, "is_error": True},
        {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": attack}, {"type": attack}]},
        {"type": "image", "source": {"type": "url", "url": attack}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": attack}},
        {"type": "image", "source": {"type": "base64", "media_type": attack, "data": "AAAA"}},
        {"type": "document", "title": attack, "source": {"type": "text", "data": attack}},
        {"type": attack, attack: attack},
    ]
    tool = {"name": attack, "description": attack, "input_schema": {attack: attack}}
    body = {
        "system": attack,
        "tools": [tool],
        "messages": [{"role": attack, "content": blocks}, {"role": "user", "content": attack}],
    }
    assert_harmless(page(body, {"content": blocks}))


def arguments(attack: str) -> dict[str, Any]:
    todos = [{"content": attack, "status": attack}]
    named = ("command", "file_path", "old_string", "content", "prompt", "description")
    return {**dict.fromkeys(named, attack), "new_string": "x", "todos": todos}


@pytest.mark.parametrize("attack", [a for a in ATTACKS if "](" not in a])
def test_an_attack_is_shown_as_it_was_written(attack: str) -> None:
    shown = Reader(md.markdown(attack)).text
    assert "".join(shown.split()) == "".join(attack.split())


@given(st.text(max_size=400))
@settings(max_examples=200)
def test_any_text_is_harmless(text: str) -> None:
    assert_harmless(md.markdown(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
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
    html = page({"messages": [{"role": "user", "content": "a" * 1_000_000}]})
    assert "Show all 1,000,000 characters" in html
    assert 'data-whole="request.messages.0.content.0"' in html
    assert len(html) < 100_000


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

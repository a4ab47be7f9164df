"""How a branch reads: people's words and code as they are, tools in short, no secrets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from plait.analyzer.insight.shaping import shape
from plait.analyzer.insight.shortening import Cleaner
from plait.common.events import Fault
from plait.common.queries.insight import BranchRecord, SubTask
from plait.common.redaction import KINDS, Redactor
from tests.unit.analyzer.branches import assistant, branch, call, result, talk, turn, user
from tests.unit.dashboard.exchanges import number

KEY = "sk-ant-api03-" + "aB3_" * 20


def shaped(record: BranchRecord, most: int = 100) -> list[str]:
    return shape(record, Cleaner(Redactor(KINDS)), most, 100_000)


def said(record: BranchRecord, most: int = 100) -> list[str]:
    """The texts without the headings."""
    return [message.partition("\n")[2] for message in shaped(record, most)]


def test_messages_stand_in_order_each_with_its_exchange() -> None:
    first, second = shaped(talk("Read it", "Done"))
    assert first == f"=== user · exchange {number(0)} · 2026-11-21 12:00:00\nRead it"
    assert second == f"=== assistant · exchange {number(0)} · 2026-11-21 12:00:00 · claude-opus-5-5\nDone"


def test_code_stays_as_it_is() -> None:
    code = "```py\n  if a:\n\n\tb = 'x  y'\n```"
    assert said(talk(f"Why?\n{code}", f"So:\n{code}")) == [f"Why?\n{code}", f"So:\n{code}"]


def test_what_clients_and_models_put_in_themselves_is_left_out() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    asked = user("<system-reminder>be nice</system-reminder>\nHi<system-reminder>open")
    system = {"role": "system", "content": "environment"}
    record = branch(turn(0, [asked, system], assistant(thought, "Hello")))
    assert said(record) == ["Hi<system-reminder>open", "Hello"]


def test_calls_and_results_are_named_and_short() -> None:
    record = branch(
        turn(0, [user("go")], assistant("Now:", call("Bash", {"timeout": 5, "command": "ls -la"}))),
        turn(1, [user(result("x" * 300))], assistant(call("Read", {"file_path": "/a"}, "t2"))),
        turn(2, [user(result([{"type": "text", "text": "no"}], "t2", is_error=True), "and then?")], assistant("Hm")),
    )
    assert said(record) == [
        "go",
        "Now:\n→ Bash: command=ls -la, timeout=5",
        f"← Bash, 300 characters: {'x' * 67} [… 200 characters left out …] {'x' * 33}",
        "→ Read: file_path=/a",
        "← Read failed, 2 characters: no\nand then?",
        "Hm",
    ]
    assert [one.split(" ")[1] for one in shaped(record)] == [
        "user",
        "assistant",
        "tools",
        "assistant",
        "user",
        "assistant",
    ]


def test_sub_agents_keep_more_and_are_summed_up() -> None:
    subtask = SubTask(
        branch_id="subtask_1", parent_request_id=number(0), request_count=3, total_tokens=1234, failed_count=1
    )
    prompt = "p" * 350
    record = branch(turn(0, [user("go")], assistant(call("Agent", {"prompt": prompt}))), subtasks=(subtask,))
    assert (
        said(record)[1]
        == f"→ Agent: prompt={prompt}\n[sub-task subtask_1: 3 exchanges, 1 of them failed, 1,234 tokens]"
    )


def test_failures_and_running_ones_are_told() -> None:
    fault = Fault(type="overloaded_error", message="Overloaded")
    record = branch(
        turn(0, [user("go")], {"type": "error"}, outcome="failed", error=fault),
        turn(1, [], None, outcome=None),
    )
    assert said(record) == ["go", "[overloaded_error: Overloaded]"]
    assert shaped(record)[1].partition("\n")[0].endswith("· failed")


def test_history_that_was_sent_along_is_marked_and_answers_are_not_told_twice() -> None:
    asked = [user("old"), assistant("older"), user("new")]
    record = branch(
        turn(0, asked, assistant("yes", {"type": "thinking", "thinking": "a"})),
        turn(1, [assistant("yes"), user("more")], assistant("ok")),
    )
    assert [one.split(" · ")[0] for one in shaped(record)[:3]] == [
        "=== earlier, user",
        "=== earlier, assistant",
        "=== user",
    ]
    assert said(record) == ["old", "older", "new", "yes", "more", "ok"]


def test_pictures_and_documents_are_named_and_what_is_in_them_stays_here() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    drawing = {"type": "image", "source": {"type": "base64", "media_type": "image/x", "data": "BBBB"}}
    paper = {"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": "CCCC"}}
    linked = {"type": "document", "source": {"type": "url", "url": "https://a.test/p.pdf"}}
    record = branch(
        turn(0, [user(picture, paper, linked)], assistant("ok")),
        turn(1, [user(result([picture, drawing, {"type": "text", "text": "seen"}]))], assistant("fine")),
    )
    texts = said(record)
    assert texts[0] == (
        "[image, image/png, 4 characters]\n[document, t, text/plain, 4 characters]\n[document, https://a.test/p.pdf]"
    )
    assert texts[2].endswith(": [image, image/png, 4 characters]\n[image, image/x, 4 characters]\nseen")
    assert not any(data in text for data in ("AAAA", "BBBB", "CCCC") for text in texts)


def test_bodies_that_are_no_messages_are_told_in_short() -> None:
    assert said(branch(turn(0, [], assistant("ok"), body={"prompt": "p"}))) == ['{"prompt": "p"}', "ok"]


@pytest.mark.parametrize("place", [0, 50, 400, 8_030, 20_000, 99_900])
def test_a_secret_is_found_before_a_long_text_is_cut(place: int) -> None:
    text = ("word " * 20_000)[:place] + f" {KEY} " + ("word " * 20_000)[place:]
    record = branch(
        turn(0, [user("go")], assistant(call("Bash", {"command": text}))), turn(1, [user(result(text))], None)
    )
    for one in said(record, 400):
        assert not any(KEY[n : n + 12] in one for n in range(len(KEY) - 12))


def test_a_text_of_many_megabytes_is_not_looked_through_whole() -> None:
    text, _ = said(talk("<" + "a b " * 4_000_000 + ">", "ok"))
    assert len(text) < 100_100
    assert text.startswith("<a b ")
    assert text.endswith("a b >")
    assert "[… 15,900,002 characters left out …]" in text


def test_what_is_taken_out_is_counted() -> None:
    cleaner = Cleaner(Redactor(KINDS))
    shape(talk(f"{KEY} bo@example.com", "ask al@example.com"), cleaner, 100, 1000)
    assert cleaner.found == Counter({"emails": 2, "api-keys": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "role", "name", "input", "tool_use_id", "id", "source", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@with_settings(deadline=None)
@given(JSON, JSON, JSON)
def test_nothing_that_a_client_sends_raises(message: Any, answer: Any, body: Any) -> None:
    record = branch(turn(0, [message, {"role": "user", "content": message}], answer, body=body))
    for one in shaped(record):
        one.encode("utf-8")

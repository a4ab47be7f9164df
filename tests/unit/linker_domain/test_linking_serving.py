"""Side requests hang on the exchange they serve."""

from __future__ import annotations

from typing import Any

from plait.linker.domain.facts import Facts
from plait.linker.domain.lookup import PAGE
from tests.unit.linker_domain.clients import assistant, call, exchange, running, user
from tests.unit.linker_domain.weaving import names_of, parent_of, weave

HELLO = [user("Hello")]
STOP_HOOK = "You are evaluating a stop-condition hook in Claude Code. Read the transcript."
SEARCH = [{"type": "web_search_20250305", "name": "web_search"}]
MONITOR = "You are a security monitor for autonomous AI coding agents."


def hello(number: int, **more: Any) -> Facts:
    return exchange(number, HELLO, "Hi", **{"session": "s", **more})


def title(number: int, answer: str = '{"title": "Greetings"}', **more: Any) -> Facts:
    return exchange(
        number, [user("x")], answer, **{"session": "s", "system": "You are naming a coding session", **more}
    )


def check(number: int, **more: Any) -> Facts:
    return exchange(number, [user("<transcript>")], "no", **{"session": "s", "system": MONITOR, **more})


def search(number: int, query: str, **more: Any) -> Facts:
    asked = [user(f"Perform a web search for the query: {query}")]
    return exchange(number, asked, "Found.", **{"session": "s", "tools": SEARCH, **more})


def test_one_with_history_serves_the_parent_it_would_have() -> None:
    suggestion = exchange(3, [*HELLO, assistant("Hi"), user("[SUGGESTION MODE: x]")], "y", session="s")
    assert parent_of(hello(1), exchange(2, [user("Else")], "x", session="s"), suggestion) == ("serves", 1)
    counted = exchange(3, [*HELLO, assistant("Hi"), user("x")], session="s", path="/v1/messages/count_tokens")
    assert parent_of(hello(1), counted) == ("serves", 1)


def test_a_side_question_sees_earlier_ones() -> None:
    aside = "<system-reminder>This is a side question from the user.</system-reminder>\n\n"
    history = [*HELLO, assistant("Hi")]
    first = exchange(2, [*history, user(f"{aside}Why?")], "So.", session="s")
    second = exchange(3, [*history, user(f"{aside}Why?"), assistant("So."), user(f"{aside}When?")], "Now", session="s")
    assert parent_of(hello(1), first, second) == ("serves", 1)


def test_a_title_serves_the_sessions_first_exchange_be_it_later() -> None:
    assert parent_of(hello(2), hello(3), title(1)) == ("serves", 2)
    loom = weave(title(1))
    loom.feed([hello(3)])
    loom.feed([hello(2)])
    assert loom.links()[title(1).id].serves_id == hello(2).id


def test_a_hook_that_judges_a_turn_is_not_the_next_one() -> None:
    history = [*HELLO, assistant("Hi")]
    hook = exchange(2, [*history, user("Is all done?")], '{"ok": true}', session="s", system=STOP_HOOK)
    line = [hello(1), hook, exchange(3, [*history, user("More")], "Well", session="s")]
    assert parent_of(*line[:2]) == ("serves", 1)
    names = names_of(*line)
    assert (names[3].link_kind, names[3].branch_id) == ("continue", "main")


def test_a_web_search_serves_who_called_it() -> None:
    callers = [exchange(n, HELLO, call(f"t{n}", "WebSearch", query=f"cats {n}"), session="s") for n in (1, 2)]
    assert parent_of(*callers, search(3, "cats 1")) == ("serves", 1)
    assert parent_of(*callers, search(3, "dogs")) == ("serves", 2)
    lone = [exchange(n, HELLO, call(f"t{n}", "WebSearch", query="cats")) for n in (1, 2)]
    assert parent_of(*lone, search(3, "cats", session=None)) == ("serves", 2)
    assert parent_of(*lone, search(3, "cats", session=None, at=100_000)) == ("none", None)


def test_others_serve_the_newest_before_them_of_their_agent_first() -> None:
    line = [hello(1), hello(2, agent="a1"), hello(3, agent="a2")]
    assert parent_of(*line, check(4)) == ("serves", 1)
    assert parent_of(*line, check(4, agent="a1")) == ("serves", 2)
    assert parent_of(*line, check(4, agent="a9")) == ("serves", 3)
    assert parent_of(*line, check(4, session="t")) == ("none", None)


def test_many_sub_agents_do_not_hide_the_main_line() -> None:
    agents = [hello(n, agent=f"a{n}") for n in range(2, 2 + PAGE)]
    assert parent_of(hello(1), *agents, check(500)) == ("serves", 1)


def test_failed_exchanges_are_served_by_nobody() -> None:
    failed = exchange(1, HELLO, outcome="failed", session="s")
    many = [exchange(n, HELLO, outcome="failed", session="s") for n in range(3, 13)]
    other = exchange(20, [user("Other")], "x", session="s")
    assert parent_of(failed, *many, other, title(2)) == ("serves", 20)
    assert parent_of(failed, title(2)) == ("none", None)
    assert parent_of(other, *many, check(30)) == ("serves", 20)


def test_side_notes_carry_the_conversation_they_serve_and_are_no_children() -> None:
    names = names_of(hello(1), check(2), exchange(3, [*HELLO, assistant("Hi"), user("x")], "y", session="s"))
    assert (names[2].conversation_id, names[2].link_kind, names[2].branch_id) == (names[1].conversation_id, None, None)
    assert (names[3].link_kind, names[3].branch_id) == ("continue", "main")


def test_a_side_request_that_turns_out_rejected_serves_nobody() -> None:
    path = "/v1/messages/count_tokens"
    loom = weave(hello(1), running(2, HELLO, session="s", path=path))
    rejected = exchange(2, HELLO, outcome="rejected", session="s", path=path)
    assert loom.links()[rejected.id].serves_id == hello(1).id
    assert loom.feed([rejected]) == {rejected.id}
    assert loom.links()[rejected.id].serves_id is None


def test_nobody_follows_a_side_request() -> None:
    aside = exchange(1, HELLO, "Hi", session="s", path="/v1/messages/count_tokens")
    assert parent_of(aside, exchange(2, [*HELLO, assistant("Hi"), user("x")], "y", session="s")) == ("none", None)

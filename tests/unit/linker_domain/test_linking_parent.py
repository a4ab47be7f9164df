"""Rules 2, 4, 6, 8, 9 and 10: whose messages and answer a request goes on from."""

from __future__ import annotations

from typing import Any

import pytest

from plait.linker.domain.facts import Facts
from tests.unit.linker_domain.clients import Json, Outcome, assistant, call, exchange, result, running, user
from tests.unit.linker_domain.weaving import link_of, names_of, parent_of, weave

HELLO = [user("Hello")]
TURN = [*HELLO, assistant("Hi"), user("More")]


def hello(number: int, answer: str | Json = "Hi", **more: Any) -> Facts:
    return exchange(number, HELLO, answer, **{"session": "s", **more})


def then(number: int, messages: list[Json], **more: Any) -> Facts:
    return exchange(number, messages, f"Answer {number}", **{"session": "s", **more})


def test_a_match_in_scope() -> None:
    assert parent_of(hello(1), then(2, TURN)) == ("match", 1)


def test_equal_transcripts_are_told_apart_by_session() -> None:
    sessions = [hello(1), hello(2, session="t")]
    assert parent_of(*sessions, then(3, TURN)) == ("match", 1)
    assert parent_of(*sessions, then(3, TURN, session="t")) == ("match", 2)


def test_without_ids_the_newest_is_taken_one_of_the_same_system_first() -> None:
    found = [hello(1, session=None, system="A"), hello(2, session=None, system="B")]
    assert parent_of(*found, then(3, TURN, session=None)) == ("match", 2)
    assert parent_of(*found, then(3, TURN, session=None, system="A")) == ("match", 1)


def test_never_a_later_one_nor_another_domain_nor_a_failed_one() -> None:
    assert parent_of(hello(3), then(2, TURN)) == ("none", None)
    assert parent_of(hello(1, domain="other.test"), then(2, TURN)) == ("none", None)
    assert parent_of(exchange(1, HELLO, "Hi", outcome="failed", session="s"), then(2, TURN)) == ("none", None)


def test_a_prefilled_answer_is_one_message_with_it() -> None:
    prefilled = exchange(1, [*HELLO, assistant("Hi, ")], "dear", session="s")
    assert parent_of(prefilled, then(2, [*HELLO, assistant("Hi, dear"), user("More")])) == ("match", 1)


def test_notifications_vanish_and_answers_around_them_touch() -> None:
    note = user("<system-reminder>[SYSTEM NOTIFICATION] done</system-reminder>")
    first = exchange(2, [*HELLO, assistant("Hi"), note], "Noted.", session="s")
    second = exchange(3, [*HELLO, assistant("Hi"), note, assistant("Noted."), note], "Again.", session="s")
    history = [*HELLO, assistant("Hi"), note, assistant("Noted."), note, assistant("Again."), user("Good")]
    line = [hello(1), first, second, then(4, history)]
    assert [parent_of(*line[:n])[1] for n in (2, 3, 4)] == [1, 2, 3]


def test_a_thread_names_its_message_or_has_no_parent() -> None:
    first = exchange(1, HELLO, "Hi", thread={"type": "create"})
    on = running(2, [user("More")], thread={"type": "continue", "previous_message_id": "msg_1"})
    lost = running(3, TURN, thread={"type": "continue", "previous_message_id": "msg_x"})
    assert parent_of(first, on) == ("thread", 1)
    assert parent_of(first, lost) == ("none", None)


def test_a_thread_goes_on_from_a_plain_request() -> None:
    on = exchange(2, [user("More")], "Well", session="s", thread={"type": "continue", "previous_message_id": "msg_1"})
    assert parent_of(hello(1), on) == ("thread", 1)


def test_a_fork_begins_with_another_sessions_history() -> None:
    fork = then(2, TURN, session="t")
    assert parent_of(hello(1), fork) == ("fork", 1)
    names = names_of(hello(1), fork)
    assert (names[2].link_kind, names[2].branch_id) == ("fork", "branch_20261121090002")
    assert names[2].conversation_id == names[1].conversation_id


def test_a_fork_from_a_cut_answer() -> None:
    cut = exchange(1, HELLO, "One two three", outcome="aborted", session="s")
    said = [*HELLO, assistant("One two"), user("More")]
    assert parent_of(cut, then(2, said, session="t")) == ("fork", 1)
    assert parent_of(cut, then(2, [*HELLO, assistant("Other"), user("x")], session="t")) == ("none", None)
    none = [*HELLO, assistant("No response requested."), user("x")]
    assert parent_of(cut, then(2, none, session="t")) == ("fork", 1)
    assert parent_of(hello(1), then(2, none, session="t")) == ("none", None)


@pytest.mark.parametrize(
    ("outcome", "said", "resent"),
    [
        ("complete", "Hi", "Hi there"),
        ("complete", "It begins with these words and goes on so", "It begins with these words and goes on as"),
        ("aborted", "It begins with these words and goes on so", "It begins with these words, not"),
    ],
    ids=["longer", "of the same length", "a beginning"],
)
def test_no_fork_goes_on_from_an_answer_that_begins_otherwise(outcome: Outcome, said: str, resent: str) -> None:
    other = exchange(1, HELLO, said, outcome=outcome, session="s")
    assert parent_of(other, then(2, [*HELLO, assistant(resent), user("x")], session="t")) == ("none", None)


def test_a_fork_needs_more_than_the_same_question() -> None:
    """A tool call without a text is not the beginning of somebody else's answer."""
    asked = exchange(1, HELLO, "Let me look.", call("t1"), session="s")
    other = [*HELLO, assistant(call("t2", "Read")), user(result("t2"))]
    assert parent_of(asked, then(2, other, session="t")) == ("none", None)


def test_tool_ids_survive_edits() -> None:
    caller = exchange(1, HELLO, "Let me see.", call("t1"), session="s")
    edited = [user("Hello!!"), assistant("Changed.", call("t1")), user(result("t1"))]
    assert parent_of(caller, then(2, edited)) == ("tool_call", 1)
    assert parent_of(caller, then(2, edited, session="t")) == ("domain_tool_call", 1)
    assert parent_of(caller, then(2, edited, session=None)) == ("tool_call", 1)
    bare = exchange(1, HELLO, call("t1"))
    assert parent_of(bare, then(2, edited, session=None)) == ("tool_call", 1)


def test_an_answer_between_edited_messages() -> None:
    first = hello(1)
    longer = then(2, TURN)
    edited = [*HELLO, assistant("Changed"), user("Other"), assistant("Answer 2"), user("On")]
    assert parent_of(first, longer, then(3, edited)) == ("answer", 2)
    window = [user("More"), assistant("Answer 2"), user("On")]
    assert parent_of(first, longer, then(3, window)) == ("answer", 2)


@pytest.mark.parametrize("goes_on", ["the limit.", call("t1")], ids=["text", "call"])
def test_an_answer_that_ran_on_from_another_once_what_was_said_between_is_dropped(goes_on: str | Json) -> None:
    """An answer stopped at the token limit: the client asks for the rest, and leaves that out when it resumes."""
    stopped = hello(1, "Stopped at ")
    cut = [*HELLO, assistant("Stopped at ")]
    rest = exchange(2, [*cut, user("Continue from where you left off.")], goes_on, session="s")
    resumed = [*cut, assistant(goes_on), user("On" if isinstance(goes_on, str) else result("t1"))]
    assert parent_of(stopped, rest, then(3, resumed))[1] == 2
    assert parent_of(stopped, then(3, resumed)) == ("edited", 1)


def test_a_cut_answer_resent_in_part() -> None:
    cut = exchange(1, HELLO, "One two three", outcome="interrupted", session="s")
    other = exchange(2, HELLO, "Four", outcome="interrupted", session="s")
    assert parent_of(cut, other, then(3, [*HELLO, assistant("One two"), user("On")])) == ("edited", 1)
    assert parent_of(cut, other, then(3, [*HELLO, assistant("No response requested."), user("On")])) == ("edited", 2)


@pytest.mark.parametrize("answer", ["", "One two"], ids=["nothing came", "a part came"])
def test_a_turn_that_was_interrupted_and_that_the_client_resumes_by_words_of_its_own(answer: str) -> None:
    attempt = exchange(2, TURN, answer, outcome="aborted", session="s")
    asked = [*TURN[:-1], user("More", "Continue from where you left off.")]
    resumed = [*asked, assistant("No response requested."), user("On")]
    assert parent_of(hello(1), attempt, then(3, resumed)) == ("edited", 2)


def test_who_asked_by_these_words_for_the_rest_and_was_interrupted_is_resumed_as_well() -> None:
    stopped = hello(1, "Stopped at ")
    asked = [*HELLO, assistant("Stopped at "), user("Continue from where you left off.")]
    attempt = exchange(2, asked, "", outcome="aborted", session="s")
    assert parent_of(stopped, attempt, then(3, [*asked, assistant("No response requested."), user("On")]))[1] == 2


def test_an_edited_answer() -> None:
    assert parent_of(hello(1), then(2, [*HELLO, assistant("Edited"), user("On")])) == ("edited", 1)


def test_an_unknown_answer_may_be_the_one_resent() -> None:
    asked = [running(1, HELLO, session="s"), hello(2, "Something else")]
    on = then(3, TURN)
    assert parent_of(*asked, on) == ("edited", 1)
    assert parent_of(*asked, hello(1), on) == ("match", 1)


def test_a_match_in_the_domain() -> None:
    """A session that has begun so already, but goes on from another's turn."""
    line = [hello(1), exchange(2, TURN, "Here", session="t"), hello(3, "Other", session="u")]
    on = then(4, [*TURN, assistant("Here"), user("On")], session="u")
    assert parent_of(*line, on) == ("domain_match", 2)


def test_dropped_turns() -> None:
    history = [*TURN, assistant("Lost"), user("On"), assistant("Lost too"), user("And on")]
    assert parent_of(hello(1), then(2, history)) == ("dropped_turns", 1)


def test_dropped_turns_behind_a_cut_answer() -> None:
    cut = exchange(1, HELLO, "One two three", outcome="interrupted", session="s")
    history = [*HELLO, assistant("One two"), user("More"), assistant("Lost"), user("On")]
    assert parent_of(cut, then(2, history)) == ("dropped_turns", 1)


def test_dropped_turns_behind_another_sessions_answer() -> None:
    """Its own session has begun so, but was answered otherwise."""
    line = [hello(1, session="t"), hello(2, "Other")]
    assert parent_of(*line, then(3, [*TURN, assistant("Lost"), user("On")])) == ("dropped_turns", 1)


def test_many_turns_back() -> None:
    lost = [m for n in range(200) for m in (assistant(f"Lost {n}"), user(f"On {n}"))]
    assert parent_of(hello(1), then(2, [*HELLO, assistant("Hi"), user("x"), *lost])) == ("dropped_turns", 1)


def test_a_rewind_to_the_root_is_a_conversation_of_its_own() -> None:
    names = names_of(hello(1), exchange(2, [user("Other")], "x", session="s"))
    assert names[1].conversation_id != names[2].conversation_id


def test_equal_first_messages_in_two_sessions() -> None:
    names = names_of(hello(1), hello(2, session="t"))
    assert names[1].conversation_id != names[2].conversation_id


def test_different_images_do_not_link() -> None:
    def image(data: str) -> Json:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return user({"type": "image", "source": source}, "What is it?")

    first = exchange(1, [image("AA")], "A cat")
    assert parent_of(first, exchange(2, [image("AA"), assistant("A cat"), user("x")], "y")) == ("match", 1)
    assert parent_of(first, exchange(2, [image("BB"), assistant("A cat."), user("x")], "y")) == ("none", None)


def test_an_orphan_moves_when_its_parent_arrives() -> None:
    first, second, third = hello(1), then(2, TURN), then(3, [*TURN, assistant("Answer 2"), user("On")])
    loom = weave(second, third)
    assert loom.names()[third.id].conversation_id == loom.names()[second.id].conversation_id
    loom.feed([first])
    assert len({one.conversation_id for one in loom.names().values()}) == 1
    assert loom.links()[second.id].rule == "match"


def test_who_else_could_have_been_followed_is_evidence() -> None:
    older, newer = (exchange(number, [user("Hello")], "Hi", session="s") for number in (1, 2))
    other = exchange(3, [user("Hello")], outcome="failed", session="s")
    link = link_of(older, newer, other, exchange(4, [user("Hello"), assistant("Hi"), user("On")], "Yes", session="s"))
    assert link.parent_id == newer.id
    assert link.detail == {"messages": 1, "refused": {"older than the one taken": 1}}

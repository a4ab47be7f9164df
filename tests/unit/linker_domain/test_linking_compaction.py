"""Rules 3 and 7: summaries and what goes on from them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from plait.linker.domain.facts import Facts
from plait.linker.domain.weave import Loom
from tests.unit.linker_domain.clients import CONTINUED, SUMMARY_TASK, Json, assistant, call, exchange, result, user
from tests.unit.linker_domain.weaving import names_of, parent_of

STORY = "1. They greeted, and went on."
CALL = assistant("See.", call("t1"))
HELLO = [user("Hello")]
WEEK = 7 * 24 * 60 * 60


def start(number: int = 1, **more: Any) -> Facts:
    return exchange(number, HELLO, *CALL["content"], **{"session": "s", **more})


def summary(number: int, messages: list[Json], **more: Any) -> Facts:
    answer = f"<analysis>Hm.</analysis>\n<summary>\n{STORY}\n</summary>"
    return exchange(number, messages, answer, **{"session": "s", **more})


def after(number: int, *messages: Json, told: str = STORY.upper(), **more: Any) -> Facts:
    return exchange(number, [user(f"{CONTINUED}{told}"), *messages], f"Answer {number}", **{"session": "s", **more})


def test_what_is_left_without_the_instruction_is_the_parents() -> None:
    whole = [*HELLO, CALL, user(result("t1"), SUMMARY_TASK)]
    second = exchange(2, [*HELLO, CALL, user(result("t1"))], "Well.", session="s")
    assert parent_of(start(), second, summary(3, whole)) == ("compaction", 2)
    assert parent_of(start(), summary(3, [*HELLO, CALL, user(SUMMARY_TASK)])) == ("compaction", 1)


def test_else_the_later_rules_find_the_parent() -> None:
    assert parent_of(start(), summary(3, [*HELLO, CALL, user(result("t1"), SUMMARY_TASK)])) == ("match", 1)


def test_the_older_summariser() -> None:
    asked = [*HELLO, CALL, user("Please summarise.")]
    prompt = "You are a helpful AI assistant tasked with summarizing conversations."
    assert parent_of(start(), summary(2, asked, system=prompt)) == ("compaction", 1)


def test_going_on_from_a_summary() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)])]
    kept = after(3, CALL, user(result("t1")))
    assert parent_of(*line, kept) == ("summary", 2)
    assert parent_of(*line, after(3)) == ("summary", 2)
    on = after(4, CALL, user(result("t1")), assistant("Answer 3"), user("On"))
    assert parent_of(*line, kept, on) == ("match", 3)
    names = names_of(*line, kept, on)
    assert [names[n].link_kind for n in (2, 3, 4)] == ["compact", "after_compaction", "continue"]
    assert [names[n].branch_id for n in (2, 3, 4)] == ["main", "compact_090003", "compact_090003"]


def test_several_may_stand_on_one_summary() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)]), after(3, CALL, user("A"))]
    assert parent_of(*line, after(4, CALL, user("B"))) == ("summary", 2)
    names = names_of(*line, after(4, CALL, user("B"), at=3))
    assert {names[3].branch_id, names[4].branch_id} == {"compact_090003", "compact_090003_2"}


def test_a_fork_from_behind_a_summary_follows_the_turn_that_it_has() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)]), after(3)]
    fork = after(4, assistant("Answer 3"), user("On"), session="t")
    assert parent_of(*line, fork) == ("fork", 3)


def test_an_edited_answer_after_it_does_not_stand_on_the_summary() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)]), after(3, CALL, user("A"))]
    edited = after(4, CALL, user("A"), assistant("Edited"), user("On"))
    assert parent_of(*line, edited) == ("edited", 3)


def test_old_clients_answer_for_themselves() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)])]
    assert parent_of(*line, after(3, assistant("No response requested."), user("On"))) == ("summary", 2)


def test_summarised_from_here_on() -> None:
    """The part before stays; the summary stands in the newest message."""
    first = exchange(1, HELLO, "Hi", session="s")
    second = exchange(2, [*HELLO, assistant("Hi"), user("More")], "Well", session="s")
    asked = [*HELLO, assistant("Hi"), user("More"), assistant("Well"), user(SUMMARY_TASK)]
    on = exchange(4, [*HELLO, assistant("Hi"), user(f"{CONTINUED}{STORY}", "On")], "Yes", session="s")
    assert parent_of(first, second, summary(3, asked), on) == ("summary", 3)


@pytest.mark.parametrize("failed_before", [False, True])
def test_a_summary_that_comes_late_is_still_found_by_who_stands_at_its_end(failed_before: bool) -> None:
    """Meanwhile its history, or a failed attempt of its own, told whom it follows."""
    stands = [*HELLO, CALL, user(result("t1"), f"{CONTINUED}{STORY}", "On.")]
    failed = exchange(3, stands, session="s", outcome="failed")
    standing = exchange(4, stands, "Yes.", session="s")
    loom = Loom()
    for one in (start(), *([failed] if failed_before else []), standing):
        loom.feed([one])
    loom.feed([summary(2, [*HELLO, CALL, user(result("t1"), SUMMARY_TASK)])])
    found = loom.names()[(failed if failed_before else standing).id]
    assert (found.link_kind, found.parent_id) == ("after_compaction", UUID(int=2))
    assert (loom.links()[standing.id].rule == "retry") == failed_before


def test_a_summary_of_a_summary() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)]), after(3, CALL, user("A"))]
    again = summary(
        4, [user(f"{CONTINUED}{STORY.upper()}"), CALL, user("A"), assistant("Answer 3"), user(SUMMARY_TASK)]
    )
    assert parent_of(*line, again) == ("compaction", 3)
    assert parent_of(*line, again, after(5)) == ("summary", 4)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("at", "found"), [(9, True), (WEEK + 9, False)])
def test_from_another_session(named: bool, at: int, found: bool) -> None:
    session = "0a1b2c3d-0000-4000-8000-000000000001"
    told = f"{STORY} Read {session}.jsonl for more." if named else STORY
    line = [start(session=session), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)], session=session)]
    on = after(3, session="t", told=told, at=at)
    assert (parent_of(*line, on) == ("summary", 2)) is (found or named)
    if found:
        assert names_of(*line, on)[3].link_kind == "after_compaction"


def test_the_transcript_named_last_is_the_conversations_own() -> None:
    """A summary may tell of other transcripts before; after a week nothing else leads to the session."""
    other, own = (f"0a1b2c3d-0000-4000-8000-00000000000{n}" for n in (1, 2))
    story = f"They read {other}.jsonl first."
    asked = [*HELLO, CALL, user(SUMMARY_TASK)]
    line = [start(session=own), exchange(2, asked, f"<summary>{story}</summary>", session=own)]
    told = f"{story}\nThe full transcript is at /home/x/{own}.jsonl"
    assert parent_of(*line, after(3, session="t", told=told, at=WEEK + 9)) == ("summary", 2)
    elsewhere = exchange(3, asked, f"<summary>{story}</summary>", session=other)
    assert parent_of(*line, elsewhere, after(4, session="t", told=told)) == ("summary", 2)


def test_the_own_sessions_summary_comes_before_a_newer_equal_one() -> None:
    asked = [*HELLO, CALL, user(SUMMARY_TASK)]
    line = [start(), summary(2, asked), start(3, session="t"), summary(4, asked, session="t")]
    assert parent_of(*line, after(5)) == ("summary", 2)


def test_another_summary_is_not_mine() -> None:
    line = [start(), summary(2, [*HELLO, CALL, user(SUMMARY_TASK)])]
    assert parent_of(*line, after(3, told="Something else.")) == ("none", None)


def test_inside_a_sub_agent() -> None:
    caller = exchange(1, HELLO, call("t1", "Agent", prompt="Look."), session="s")
    look = exchange(2, [user("Look.")], "Seen.", session="s", agent="a1")
    compact = summary(3, [user("Look."), assistant("Seen."), user(SUMMARY_TASK)], agent="a1")
    names = names_of(caller, look, compact, after(4, agent="a1"))
    assert [names[n].branch_id for n in (2, 3, 4)] == ["subtask_1", "subtask_1", "compact_090004"]
    assert (names[4].is_subtask, names[4].parent_task_id, names[4].kind) == (True, caller.id, "subagent")

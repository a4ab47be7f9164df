"""Names: conversations, branches and titles, read off pointers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from plait.common.ids import conversation_id
from plait.linker.domain.names import Member, Names, Taken, name_leaf, name_trees, titles_of
from tests.unit.linker_domain.clients import BEGIN, exchange, running, user
from tests.unit.linker_domain.weaving import weave


def member(number: int, parent: int | None = None, at: int | None = None, **more: Any) -> Member:
    defaults: dict[str, Any] = {"kind": "inference", "rule": "match", "outcome": "complete", "empty": False}
    return Member(
        id=UUID(int=number),
        started_at=BEGIN + timedelta(seconds=number if at is None else at),
        parent_id=UUID(int=parent) if parent else None,
        **(defaults | more),
    )


def retry(number: int, attempt: int, **more: Any) -> Member:
    return member(number, rule="retry", retry_of=UUID(int=attempt), **more)


def failed(number: int, parent: int | None = None) -> Member:
    return member(number, parent, outcome="failed", empty=True)


def named(*members: Member) -> dict[int, Names]:
    return {one.int: names for one, names in name_trees(members).items()}


def kinds(*members: Member) -> list[tuple[str | None, str | None]]:
    names = named(*members)
    return [(names[one.id.int].link_kind, names[one.id.int].branch_id) for one in members]


def test_the_first_child_goes_on_later_ones_branch() -> None:
    found = kinds(member(1), member(2, 1), member(3, 1), member(4, 1, at=3), member(5, 3))
    first, second = "branch_20261121090003", "branch_20261121090003_2"
    assert found == [("root", "main"), ("continue", "main"), ("branch", first), ("branch", second), ("continue", first)]


def test_the_conversation_is_named_by_its_root() -> None:
    assert {one.conversation_id for one in named(member(1), member(2, 1)).values()} == {conversation_id(UUID(int=1))}


def test_attempts_that_got_nowhere_are_no_children() -> None:
    found = kinds(member(1), failed(2, 1), member(3, 1), member(4, 1))
    assert [kind for kind, _ in found] == ["root", "continue", "continue", "branch"]
    assert found[1][1] == "main"


def test_attempts_that_got_through_in_the_end_are_one_child() -> None:
    found = kinds(member(1), failed(2, 1), retry(3, 2, outcome="failed"), retry(4, 3), member(5, 1), member(6, 4))
    assert [kind for kind, _ in found] == ["root", "continue", "retry", "retry", "branch", "continue"]
    assert [branch for _, branch in found[1:4]] == ["main"] * 3


@pytest.mark.parametrize(("empty", "second"), [(True, "continue"), (False, "branch")])
def test_an_aborted_one_counts_if_it_has_content(empty: bool, second: str) -> None:
    found = kinds(member(1), member(2, 1, outcome="aborted", empty=empty), member(3, 1))
    assert found[2][0] == second


def test_a_running_child_counts() -> None:
    assert kinds(member(1), member(2, 1, outcome=None, empty=True), member(3, 1))[2][0] == "branch"


def test_after_a_cut_answer_it_is_interrupted() -> None:
    cut = member(1, outcome="interrupted")
    assert [kind for kind, _ in kinds(cut, member(2, 1), member(3, 1))] == ["root", "interrupted", "branch"]


def test_spawns_forks_and_summaries_are_no_children() -> None:
    root = member(1, session_id="s")
    fork, spawn = member(2, 1, session_id="t"), member(3, 1, rule="spawn", session_id="s")
    compact = member(4, 1, kind="compaction", rule="compaction", session_id="s")
    found = kinds(root, fork, spawn, compact, member(5, 1, session_id="s"))
    assert [kind for kind, _ in found] == ["root", "fork", "spawn", "compact", "continue"]
    assert [branch for _, branch in found] == ["main", "branch_20261121090002", "subtask_1", "main", "main"]


def test_spawns_are_counted_through_the_conversation() -> None:
    spawns = [member(n, p, rule="spawn") for n, p in ((2, 1), (3, 2), (5, 4))]
    found = named(member(1), spawns[0], spawns[1], member(4, 1), spawns[2], member(6, 3), member(7, 3))
    assert [found[n].branch_id for n in (2, 3, 5)] == ["subtask_1", "subtask_2", "subtask_3"]
    assert (found[7].is_subtask, found[7].parent_task_id, found[7].link_kind) == (True, UUID(int=2), "branch")
    assert {found[n].kind for n in (2, 3, 5, 6, 7)} == {"subagent"}


def test_titles() -> None:
    typed = exchange(1, [user("<command-name>/x</command-name>"), user("Please\n help me")], "Yes", session="s")
    loom = weave(typed)
    names = loom.names()
    conversation = names[typed.id].conversation_id
    assert titles_of(loom.members(), names) == {conversation: "Please help me"}
    asked = exchange(2, [user("x")], '{"title": "Help"}', session="s", system="You are naming a coding session")
    loom.feed([asked])
    assert titles_of(loom.members(), loom.names()) == {conversation: "Help"}


@pytest.mark.parametrize("typed", ["<document>x</document> Summarise", "<b>Bold</b> is broken", "<T> is unknown"])
def test_what_a_person_typed_is_a_prompt_whatever_tag_it_begins_with(typed: str) -> None:
    assert running(1, [user(typed)]).title == typed


@pytest.mark.parametrize(
    "wrapper",
    [
        "bash-input",
        "bash-stdout",
        "command-message",
        "ide_opened_file",
        "ide_selection",
        "local-command-caveat",
        "local-command-stdout",
        "task-notification",
        "user-prompt-submit-hook",
    ],
)
def test_what_a_client_wraps_is_no_prompt(wrapper: str) -> None:
    assert running(1, [user(f"<{wrapper}>x</{wrapper}>", "Fix it")]).title == "Fix it"


@pytest.mark.parametrize(
    "said",
    ["[Request interrupted by user]", "Caveat: The messages below were made by", "Base directory for this skill: /x"],
)
def test_what_a_client_says_by_itself_is_no_prompt(said: str) -> None:
    assert running(1, [user(said, "Fix it")]).title == "Fix it"


CASES = [
    [member(1)],
    [member(1), member(2, 1)],
    [member(1), member(2, 1), member(3, 1)],
    [member(1), failed(2, 1), member(3, 1)],
    [member(1), member(2, 1, kind="compaction", rule="compaction"), member(3, 1)],
    [member(1), member(2, 1), member(3, 1, kind="compaction", rule="compaction")],
    [member(1), member(2, 1, rule="spawn"), member(3, 2)],
    [member(1), member(2, 1), member(3, kind="auxiliary", rule="serves", serves_id=UUID(int=2))],
    [member(1), member(2, kind="models", rule="none")],
    [member(1), member(2, 1, rule="spawn"), member(3, 1, rule="spawn")],
    [member(1), member(3, 1, rule="spawn"), member(2, 1, rule="spawn")],
    [member(1), member(2, 1), member(3, 1), member(4, 1)],
    [member(1), member(3, 1), member(2, 1)],
    [member(1), failed(2, 1), failed(3, 1)],
    [member(1), member(2, 1), failed(3, 1)],
    [member(1), member(2, 1, rule="summary"), member(3, 1)],
    [member(1), member(2, 1), member(3, 1, rule="summary")],
    [member(1, session_id="a"), member(2, 1, session_id="b"), member(3, 1, session_id="a")],
    [member(1, session_id="a"), member(2, 1, session_id="a"), member(3, 1, session_id="b")],
]


def taken_in(members: list[Member]) -> Taken:
    """What members of one conversation have taken of its names."""
    names = name_trees(members).values()
    spawns = [one.stamp for one in members if one.rule == "spawn"]
    newest = max((one.stamp for one in members), default=(BEGIN, UUID(int=0)))
    return Taken({one.branch_id for one in names if one.branch_id}, len(spawns), max(spawns, default=None), newest)


@pytest.mark.parametrize("members", CASES, ids=range(len(CASES)))
def test_the_short_way_gives_the_same_names_or_none(members: list[Member]) -> None:
    leaf, rest = members[-1], members[:-1]
    before, whole = name_trees(rest), name_trees(members)
    target = leaf.parent_id or leaf.serves_id
    towards = next((one for one in rest if one.id == target), None)
    siblings = [one for one in rest if leaf.parent_id and one.parent_id == leaf.parent_id and one.got_somewhere]
    short = name_leaf(leaf, towards, before.get(target) if target else None, siblings, taken_in(rest))
    assert short in (None, whole[leaf.id])
    if short:
        assert whole == before | {leaf.id: short}


def test_the_short_way_is_there_for_the_commonest_changes() -> None:
    root = member(1)
    names = name_trees([root])[root.id]
    taken = taken_in([root])
    assert name_leaf(member(2, 1), root, names, [], None) is not None
    assert name_leaf(member(3, 1), root, names, [member(2, 1)], None) is None
    branch = name_leaf(member(3, 1), root, names, [member(2, 1)], taken)
    assert branch is not None
    assert branch.link_kind == "branch"
    again = name_leaf(member(4, 1), root, names, [member(2, 1)], Taken({str(branch.branch_id)}, 0, None, root.stamp))
    assert again is not None
    assert again.branch_id != branch.branch_id
    assert name_leaf(member(2, 1), root, names, [member(3, 1)], taken) is None, "what comes later loses its place"
    spawn = name_leaf(member(3, 1, rule="spawn"), root, names, [], taken)
    assert spawn is not None
    assert spawn.branch_id == "subtask_1"
    assert name_leaf(member(2, 1, rule="spawn"), root, names, [], taken) is None, "it comes before another"

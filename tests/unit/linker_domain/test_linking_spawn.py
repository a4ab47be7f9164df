"""Rule 5: which tool call started an agent."""

from __future__ import annotations

from typing import Any

import pytest

from plait.linker.domain.facts import Facts
from tests.unit.linker_domain.clients import Json, assistant, call, exchange, result, running, text, user
from tests.unit.linker_domain.weaving import link_of, names_of, parent_of, weave

ASK = [user("Use agents")]
LOOK = [user("<system-reminder>x</system-reminder>", "Look at it.\n")]
DAY = 24 * 60 * 60


def caller(number: int, *calls: Json, **more: Any) -> Facts:
    return exchange(number, ASK, "Starting.", *(calls or [agent_call("t1")]), **{"session": "s", **more})


def agent_call(tool: str, prompt: str = "Look at it.", name: str = "Agent") -> Json:
    return call(tool, name, prompt=prompt)


def agent(number: int, agent: str | None = "a1", messages: list[Json] = LOOK, **more: Any) -> Facts:
    return exchange(number, messages, f"Report {number}.", **{"session": "s", "agent": agent, **more})


def spawn_call(*facts: Facts) -> str | None:
    return link_of(*facts).spawn_call


@pytest.mark.parametrize("name", ["Agent", "Task"])
@pytest.mark.parametrize("given", ["a1", None], ids=["with agent id", "without"])
def test_by_prompt(name: str, given: str | None) -> None:
    started = caller(1, agent_call("t1", name=name))
    assert parent_of(started, agent(2, given)) == ("spawn", 1)
    names = names_of(started, agent(2, given))
    assert (names[2].kind, names[2].branch_id, names[2].is_subtask) == ("subagent", "subtask_1", True)
    assert names[2].parent_task_id == started.id


def test_only_in_the_same_session() -> None:
    assert parent_of(caller(1), agent(2, session="t")) == ("none", None)


@pytest.mark.parametrize(("at", "found"), [(DAY, True), (DAY + 2, False)])
def test_without_a_session_within_a_day(at: int, found: bool) -> None:
    assert (parent_of(caller(1, session=None), agent(2, None, session=None, at=at))[1] == 1) is found


def test_calls_of_one_answer_in_their_order_each_once() -> None:
    started = caller(1, agent_call("t1"), agent_call("t2"))
    line = [started, agent(2, "a1"), agent(3, "a2"), agent(4, "a3")]
    assert [spawn_call(*line[:n]) for n in (2, 3, 4)] == ["t1", "t2", None]


def test_the_newest_call_first() -> None:
    line = [caller(1), caller(2, agent_call("t2")), agent(3, "a1"), agent(4, "a2")]
    assert [spawn_call(*line[:n]) for n in (3, 4)] == ["t2", "t1"]


def test_a_result_names_its_agent() -> None:
    """Told later by the parent: the agents took the calls the other way round."""
    started = caller(1, agent_call("t1"), agent_call("t2"))
    told = [result("t2", "ok agentId: a1"), result("t1", [{"type": "text", "text": "agentId: a2 (use it)"}])]
    after = exchange(4, [*ASK, assistant("Starting.", agent_call("t1"), agent_call("t2")), user(*told)], session="s")
    loom = weave(started, agent(2, "a1"), agent(3, "a2"))
    loom.feed([after])
    calls = {one.int: link.spawn_call for one, link in loom.links().items()}
    assert (calls[2], calls[3]) == ("t2", "t1")


def test_a_report_may_quote_the_ids_of_others() -> None:
    """The client's own line stands behind the report, in the same text or in one of its own."""
    started = caller(1, agent_call("t1"))
    outer = exchange(2, LOOK, agent_call("t2", "Deeper."), session="s", agent="a1")
    inner = agent(3, "a2", [user("Deeper.")])
    quoted = "I asked one more (agentId: a2), see `agentId: string`."
    for told in (f"{quoted}\nagentId: a1 (to continue it)", [text(quoted), text("agentId: a1 (to continue it)")]):
        history = [*ASK, assistant("Starting.", agent_call("t1")), user(result("t1", told))]
        line = [started, outer, inner, exchange(4, history, "Fine.", session="s")]
        names = names_of(*line)
        assert [names[n].parent_id for n in (2, 3)] == [started.id, outer.id]
        assert line[-1].pairs == (("t1", "a1"),)


def test_a_notification_names_its_agent() -> None:
    note = "<system-reminder><task-notification><task-id>a1</task-id><tool-use-id>t2</tool-use-id></task-notification>"
    started = caller(1, agent_call("t1"), agent_call("t2"))
    after = exchange(3, [*ASK, assistant("Starting."), user(f"{note}</system-reminder>")], "Fine", session="s")
    assert spawn_call(started, after, agent(2, "a1")) == "t2"


def test_each_notification_of_a_text_names_its_own_agent() -> None:
    notes = (
        "<task-notification><task-id>a9</task-id></task-notification>\n"
        "<task-notification><task-id>a1</task-id><tool-use-id>t2</tool-use-id></task-notification>\n"
        "<task-notification><tool-use-id>t1</tool-use-id><task-id>a2</task-id></task-notification>"
    )
    assert running(1, [*ASK, assistant("Starting."), user(notes)]).pairs == (("t2", "a1"), ("t1", "a2"))


def test_the_parent_agent_issues_the_call() -> None:
    outer, inner = caller(1), exchange(2, LOOK, agent_call("t2"), session="s", agent="a1")
    header = {"x-claude-code-parent-agent-id": "a1"}
    assert spawn_call(outer, inner, agent(3, "a2", headers=header)) == "t2"


def test_a_retried_first_request_takes_one_call() -> None:
    started = caller(1, agent_call("t1"), agent_call("t2"))
    failed = exchange(2, LOOK, outcome="failed", session="s", agent="a1")
    line = [started, failed, agent(3, "a1"), agent(4, "a2")]
    assert parent_of(*line[:3]) == ("retry", 2)
    assert spawn_call(*line) == "t2"
    names = names_of(*line)
    assert [names[n].branch_id for n in (2, 3, 4)] == ["subtask_1", "subtask_1", "subtask_2"]


def test_workflows_start_many() -> None:
    task = "[Workflow harness — computed task] Mind. The computed task text follows:\n  Look at 'x'\n  and on"
    script = "await agent('Look at \\'x\\'\\nand on')"
    other = caller(1, call("w1", "Workflow", script="agent(`Look at 'x'\nand on`)"))
    newer = caller(2, call("w2", "Workflow", script=script))
    agents = [agent(n, f"a{n}", [user(task)]) for n in (3, 4)]
    assert [spawn_call(other, newer, one) for one in agents] == ["w1", "w1"]
    assert spawn_call(newer, agents[0]) == "w2"


@pytest.mark.parametrize("called", ["greeter", "hello:greeter"], ids=["own", "of a plugin"])
def test_a_skill_that_runs_in_an_agent_of_its_own(called: str) -> None:
    """The call names the skill; the agent is given its text, headed by its folder."""
    started = caller(1, call("t1", "Skill", skill=called))
    told = "Base directory for this skill: /home/x/skills/{}\n\nGreet them."
    assert spawn_call(started, agent(2, "a1", [user(told.format("greeter"))])) == "t1"
    assert parent_of(started, agent(2, "a1", [user(told.format("other"))])) == ("none", None)
    assert parent_of(started, agent(2, None, [user(told.format("greeter"))])) == ("none", None), "typed by the user"


def test_agents_that_were_given_the_whole_history() -> None:
    begun = [*ASK, assistant("Starting.", agent_call("t1", "Do the rest."), agent_call("t2", "Do the rest."))]
    started = exchange(1, ASK, *begun[1]["content"], session="s")
    told = "<fork-boilerplate>You are a fork.</fork-boilerplate>\nYour directive: Do the rest."
    forked = [*ASK, assistant(agent_call("t2", "Do the rest.")), user(result("t2", "started"), told)]
    assert parent_of(started, agent(2, "a1", forked)) == ("spawn", 1)
    unknown = [*forked[:2], user(result("t2", "started"), told.replace("rest", "least"))]
    assert spawn_call(started, agent(2, "a1", unknown)) == "t2"


def test_an_agent_goes_on_in_its_own_scope_and_may_be_resumed() -> None:
    first = agent(2)
    more = agent(3, messages=[*LOOK, assistant("Report 2."), user("And?")])
    names = names_of(caller(1), first, more)
    assert (names[3].parent_id, names[3].link_kind, names[3].branch_id) == (first.id, "resume_agent", "subtask_1")


def test_many_failed_attempts_do_not_hide_that_an_agent_has_begun() -> None:
    """A client may try more often than one look-up shows; an edited second turn is not another agent."""
    attempts = [exchange(n, LOOK, outcome="failed", session="s", agent="a1") for n in range(2, 13)]
    begun = exchange(20, LOOK, "Report.", call("tb"), session="s", agent="a1")
    told = exchange(
        21, [*ASK, assistant("Starting.", agent_call("t1")), user(result("t1", "agentId: a1"))], session="s"
    )
    edited = agent(22, messages=[*LOOK, assistant("Edited.", call("tb")), user(result("tb"))])
    line = [caller(1), *attempts, begun, told, edited]
    assert parent_of(*line) == ("tool_call", 20)
    assert names_of(*line)[22].branch_id == "subtask_1"


def test_a_child_before_its_parents_answer() -> None:
    started = caller(1)
    loom = weave(agent(2))
    assert loom.names()[agent(2).id].link_kind == "root"
    loom.feed([started])
    assert loom.names()[agent(2).id].link_kind == "spawn"

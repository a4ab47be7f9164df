"""What clients may do next at some place of a conversation: each a function of the traffic so far and of that place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from hypothesis import strategies as st

from tests.unit.linker_domain.clients import CONTINUED, SUMMARY_TASK, Json, Outcome, assistant, call, result, text, user
from tests.unit.linker_domain.traffic import DOMAIN, Line, Traffic, Truth

Deed = Callable[[Traffic, Line], object]
SPAWN_PROMPTS = ("Look at it.", "Look elsewhere.")
PROMPTS = st.lists(st.sampled_from(SPAWN_PROMPTS), min_size=1, max_size=3)
SESSIONS = ("s1", "s2", None, "old")
OLD_SESSION = str(uuid5(UUID(int=0), "old"))
SUMMARISER = "You are a helpful AI assistant tasked with summarizing conversations."
FAILURES: Sequence[tuple[Outcome, tuple[str, ...]]] = (
    ("failed", ()),
    ("aborted", ()),
    ("interrupted", ("A part",)),
    ("complete", ()),
)
"""How an attempt may end that its client makes again: an outcome, and what came."""


def together(traffic: Traffic, line: Line, count: int = 2) -> None:
    """Requests of one moment from one place: each begins before the others have ended."""
    moment = traffic.number + 1
    for n in range(count):
        traffic.turn(line, lasted=5.0 - n, at=moment)


def fork(traffic: Traffic, line: Line) -> None:
    """Another session with the same history."""
    traffic.turn(traffic.fork(line) if _may_fork(line) else line)


def fork_that_fails(traffic: Traffic, line: Line) -> None:
    """A fork whose first request must be made again: the retry is seen in the fork alone."""
    retries(traffic, traffic.fork(line) if _may_fork(line) else line, 2)


def fork_for_a_summary(traffic: Traffic, line: Line) -> None:
    """A fork whose first request asks for a summary of what it was given."""
    compact(traffic, traffic.fork(line) if _may_fork(line) and not line.cut else line)


def retries(
    traffic: Traffic, line: Line, count: int, failure: int = 0, link: Truth | None = None, prompt: str = ""
) -> None:
    """The same request until it goes through."""
    messages = (*line.history, traffic.words(line, prompt))
    outcome, came = FAILURES[failure]
    truth = link or line.next
    for _ in range(count):
        part = [text(one) for one in came]
        truth = Truth("retry", traffic.send(line, messages, *part, outcome=outcome, truth=truth))
    answer = text(f"Answer {traffic.number}.")
    traffic.go_on(line, messages, [answer], traffic.send(line, messages, answer, truth=truth))


def more_typed(traffic: Traffic, line: Line) -> None:
    """After a failed request the next prompt is appended to its message."""
    words = traffic.words(line)
    failed = traffic.send(line, (*line.history, words), outcome="failed", truth=line.next)
    messages = (*line.history, {"role": "user", "content": [*words["content"], text(f"And {traffic.number}")]})
    answer = text(f"Answer {traffic.number}.")
    last = traffic.send(line, messages, answer, truth=Truth("retry", failed))
    traffic.go_on(line, messages, [answer], last)


def given_up(traffic: Traffic, line: Line) -> None:
    """A prompt that was taken back before any answer: the next one stands in its place."""
    traffic.send(line, (*line.history, traffic.words(line)), outcome="aborted", truth=line.next)
    traffic.turn(line)


def cut(traffic: Traffic, line: Line, kept: bool) -> None:
    """An answer that was cut; the client goes on from the part it has, or says there was none."""
    messages = (*line.history, traffic.words(line))
    part = f"Answer {traffic.number}, a part of"
    number = traffic.send(line, messages, text(part), outcome="aborted", truth=line.next)
    said = part[:-3] if kept else "No response requested."
    told = [text("[Request interrupted by user]")] if kept else []
    traffic.go_on(line, messages, [text(said)], number, told)
    traffic.lines[-1] = replace(traffic.lines[-1], cut=True)


def cut_in_a_call(traffic: Traffic, line: Line) -> None:
    """A stream that broke off: the client keeps the blocks that were whole."""
    messages = (*line.history, traffic.words(line))
    whole = [text(f"Answer {traffic.number}."), call(f"toolu_{traffic.number}")]
    number = traffic.send(line, messages, *whole, text("And so"), outcome="interrupted", truth=line.next)
    told = [result(whole[1]["id"]), text("Your response above was cut off mid-stream.")]
    traffic.go_on(line, messages, whole, number, told)


def ran_on(traffic: Traffic, line: Line) -> None:
    """An answer at the token limit: the client asks for the rest, and in the next turn no longer sends that it did."""
    if line.forked:
        traffic.turn(line)
        return
    messages = (*line.history, traffic.words(line))
    part, rest = text(f"Answer {traffic.number} stops "), text(f"and ends {traffic.number}.")
    stopped = traffic.send(line, messages, part, truth=line.next)
    asked = (*messages, assistant(part), user("Continue from where you left off."))
    tip = traffic.send(line, asked, rest, truth=Truth("next", stopped))
    traffic.go_on(line, (*messages, assistant(part)), [rest], tip)
    traffic.turn(traffic.lines.pop())


def killed_in_a_tool(traffic: Traffic, line: Line) -> None:
    """A client that was killed while a tool ran, and resumed."""
    tool = call(f"toolu_{traffic.number}")
    traffic.turn(line, tool)
    stopped = traffic.lines.pop()
    told = user(result(tool["id"], "[Tool call interrupted: the client ended]"))
    history = (*stopped.history, told, assistant("No response requested."))
    traffic.turn(replace(stopped, history=history))


def tool_loop(traffic: Traffic, line: Line, count: int) -> None:
    """Results that are sent with nothing typed, then a stop: the next prompt comes with the last results."""
    for _ in range(count):
        traffic.tools(line, 2)
        line = traffic.lines.pop()
        messages = (*line.history, {"role": "user", "content": list(line.asked)})
        tool = call(f"toolu_{traffic.number}_again")
        number = traffic.send(line, messages, tool, truth=line.next)
        traffic.go_on(line, messages, [tool], number, [result(tool["id"])])
        line = traffic.lines[-1]


def notified(traffic: Traffic, line: Line, count: int) -> None:
    """Notifications that are wholly reminders vanish from the messages, and the answers around them touch."""
    if line.asked or not line.history or line.forked:
        traffic.turn(line)
        return
    for n in range(count):
        told = f"<system-reminder>[SYSTEM NOTIFICATION {n}] An agent is done.</system-reminder>"
        messages = (*line.history, user(told))
        answer = text(f"Noted {traffic.number}.")
        traffic.go_on(line, messages, [answer], traffic.send(line, messages, answer, truth=line.next))
        line = traffic.lines[-1]
    traffic.turn(line)


def edited(traffic: Traffic, line: Line) -> None:
    """A client that changes the beginning of its history: the last question and answer tell whom it follows."""
    if len(line.history) >= 4 and _can_be_told(line):
        first = user(f"Changed {traffic.number}")
        line = replace(line, history=(first, *line.history[1:]))
    traffic.turn(line)


def window(traffic: Traffic, line: Line) -> None:
    """A client that leaves the oldest question and answer out."""
    if len(line.history) >= 4 and _can_be_told(line):
        line = replace(line, history=line.history[2:])
    traffic.turn(line)


def thread(traffic: Traffic, line: Line) -> None:
    """New messages only, behind a message that is named; one of them fails first."""
    if line.tip is None:
        traffic.turn(line)
        return
    place = replace(line, history=(), forked=False, compacted=False)
    for failing in (False, True):
        messages = [traffic.words(place)]
        more = {"type": "continue", "previous_message_id": f"msg_{(place.tip or line.tip).int}"}
        truth = Truth("next", place.tip)
        if failing:
            truth = Truth("retry", traffic.send(place, messages, outcome="failed", truth=truth, thread=more))
        tip = traffic.send(place, messages, text("Yes."), truth=truth, thread=more)
        place = replace(place, tip=tip, asked=(), later=())


def counted(traffic: Traffic, line: Line, retry: bool) -> None:
    """A program without ids that counts its attempts: then a pause tells nothing; without counting it does."""
    line = replace(line, agent=None) if line.session is None else Line(None, domain=line.domain)
    first = line.next if line.tip else Truth("root")
    messages = (*line.history, traffic.words(line))
    failed = traffic.send(line, messages, outcome="failed", truth=first, headers={"x-stainless-retry-count": "0"})
    traffic.paused += 600
    headers = {"x-stainless-retry-count": "1"} if retry else {}
    answer = text(f"Answer {traffic.number}.")
    truth = Truth("retry", failed) if retry else first
    traffic.go_on(line, messages, [answer], traffic.send(line, messages, answer, truth=truth, headers=headers))


def much_later(traffic: Traffic, line: Line) -> None:
    """The same prompt as an agent's, without ids a day after its call: not started by it."""
    prompt = f"Look at {traffic.number}."
    tool = call(f"toolu_{traffic.number}", "Agent", prompt=prompt)
    traffic.turn(line, tool, asked=[result(tool["id"], "started")])
    traffic.paused += 25 * 3600
    traffic.start(None, domain=line.domain, prompt=prompt)


def begun_anew(traffic: Traffic, line: Line, count: int, failure: int) -> None:
    """A conversation whose first request must be made again."""
    begins = Line(f"begun-{traffic.number}" if line.session else None, domain=line.domain)
    retries(traffic, begins, count, failure, Truth("root"))


def spawn(traffic: Traffic, line: Line, prompts: list[str], early: bool = False, failures: int = 0) -> None:
    """An answer that starts agents, each with a line of its own; their reports come back with the results.

    `early`: they begin while it is still coming in. `failures`: of each agent's first request.
    """
    name = "Task" if line.old else "Agent"
    calls = [call(f"toolu_{traffic.number}_{n}", name, prompt=prompt) for n, prompt in enumerate(prompts)]
    ids = [f"a{traffic.number:04}{n:04}" for n in range(len(prompts))]
    agents = ids if line.session and not line.old else [None] * len(prompts)
    told = [f"done, agentId: {agent}" if agent else "done" for agent in agents]
    results = [result(one["id"], say) for one, say in zip(calls, told, strict=True)]
    parent = traffic.turn(line, *calls, asked=results, lasted=60.0 if early else 0.5)
    for prompt, agent in zip(prompts, agents, strict=True):
        nested = line.agent if agent else None
        child = Line(line.session, agent, parent_agent=nested, old=line.old, domain=line.domain)
        retries(traffic, child, failures, link=Truth("spawn", parent), prompt=prompt)


def spawn_behind(traffic: Traffic, line: Line, prompts: list[str]) -> None:
    """Agents in the background: the results come at once and name nobody, a notification one turn later does."""
    known = len(traffic.lines)
    spawn(traffic, line, prompts, early=True)
    spawning = traffic.lines[known]
    results = [block for block in spawning.asked if block["type"] == "tool_result"]
    launched = [result(one["tool_use_id"], "Async agent launched.") for one in results]
    told = [text(_notification(one["tool_use_id"], one["content"].rpartition(" ")[2])) for one in results]
    others = [block for block in spawning.asked if block["type"] != "tool_result"]
    later = tuple(told) if line.session and not line.old else ()
    traffic.lines[known] = replace(spawning, asked=(*launched, *others), later=later)


def workflow(traffic: Traffic, line: Line, count: int) -> None:
    """One call that starts several agents with tasks of its script."""
    if line.old or not line.session:
        traffic.turn(line)
        return
    tasks = [f"Count {traffic.number} {n}." for n in range(count)]
    tool = call(f"toolu_{traffic.number}", "Workflow", script="; ".join(f"agent('{task}')" for task in tasks))
    parent = traffic.turn(line, tool, asked=[result(tool["id"], "started")], lasted=30.0)
    for n, task in enumerate(tasks):
        prompt = f"[Workflow harness — computed task] Mind. The computed task text follows:\n  {task}"
        agent = Line(line.session, f"w{traffic.number:04}{n:04}", domain=line.domain)
        traffic.turn(agent, link=Truth("spawn", parent), prompt=prompt)


def fork_agent(traffic: Traffic, line: Line) -> None:
    """An agent that is given the whole history, of the last answer only its own call."""
    if line.old or not line.session:
        traffic.turn(line)
        return
    tools = [call(f"toolu_{traffic.number}_{n}", "Agent", prompt=f"Do {traffic.number} {n}.") for n in range(2)]
    parent = traffic.turn(line, *tools, asked=[result(one["id"], "started") for one in tools])
    before = traffic.lines[-1].history[:-1]
    for n, tool in enumerate(tools):
        told = f"<fork-boilerplate>You are a fork.</fork-boilerplate>\nYour directive: {tool['input']['prompt']}"
        words = user(result(tool["id"], "started"), told)
        messages = (*before, {"role": "assistant", "content": [tool]}, words)
        agent = Line(line.session, f"f{traffic.number:04}{n:04}", parent_agent=line.agent, domain=line.domain)
        answer = text(f"Answer {traffic.number}.")
        number = traffic.send(agent, messages, answer, truth=Truth("spawn", parent))
        traffic.go_on(agent, messages, [answer], number)


def compact(traffic: Traffic, line: Line, times: int = 1, failures: int = 0, stand: int = 1) -> None:
    """A summary, and the session going on from it; `times` in a row, the request failing first, `stand` going on."""
    for _ in range(times):
        number, summary = _summarised(traffic, line, failures)
        told = [text(f"{CONTINUED}{summary}")]
        after = replace(line, history=(), tip=number, asked=tuple(told), later=(), forked=False, compacted=True)
        if line.old:
            echoed = user(*told, "<command-name>/compact</command-name>")
            after = replace(after, history=(echoed, assistant("No response requested.")), asked=())
        for _ in range(stand):
            traffic.turn(after)
        line = traffic.lines[-1]


def compact_recent_part(traffic: Traffic, line: Line) -> None:
    """The rewind menu's "summarize from here": what was before stays, the summary stands behind it."""
    number, summary = _summarised(traffic, line, 0)
    told = (text(f"{CONTINUED}{summary}"),)
    traffic.turn(
        replace(line, history=line.history[:2], tip=number, asked=told, later=(), forked=False, compacted=True)
    )


def compact_with_kept_answer(traffic: Traffic, line: Line) -> None:
    """The newest answer is left out of what is summarised, and stands verbatim behind the summary."""
    if len(line.history) < 4 or line.forked or line.compacted or _ran_together(line):  # else others may ask the same
        traffic.turn(line)
        return
    kept = line.history[-1]
    number, summary = _summarised(traffic, replace(line, history=line.history[:-1], asked=()), 0)
    history = (user(f"{CONTINUED}{summary}"), kept)
    traffic.turn(replace(line, history=history, tip=number, compacted=True))


def _summarised(traffic: Traffic, line: Line, failures: int) -> tuple[UUID, str]:
    """The request for a summary, perhaps made again, and what it gave."""
    task = "Please write the summary." if line.old else SUMMARY_TASK
    more: dict[str, Any] = {"system": SUMMARISER} if line.old else {}
    ends_open = bool(line.history) and line.history[-1]["role"] == "user"
    left, words = (line.history[:-1], line.history[-1]["content"]) if ends_open else (line.history, line.asked)
    messages = (*left, {"role": "user", "content": [*words, text(task)]})
    link = Truth("compact", line.tip)
    for _ in range(failures):
        link = Truth("retry", traffic.send(line, messages, outcome="failed", truth=link, **more))
    summary = f"The story of {traffic.number} so far."
    return traffic.send(line, messages, text(f"<summary>{summary}</summary>"), truth=link, **more), summary


def suggestion(traffic: Traffic, line: Line) -> None:
    """A side request that has the history, but is none."""
    words = text("[SUGGESTION MODE: what may come next?]")
    _beside(traffic, line, (*line.history, {"role": "user", "content": [*line.asked, words]}))


def side_question(traffic: Traffic, line: Line) -> None:
    """The user asks something on the side."""
    words = text(f"This is a side question from the user: why {traffic.number}?")
    _beside(traffic, line, (*line.history, {"role": "user", "content": [*line.asked, words]}))


def count_tokens(traffic: Traffic, line: Line) -> None:
    """The size of what would be sent next."""
    _beside(traffic, line, (*line.history, traffic.words(line)), path="/v1/messages/count_tokens")


def title(traffic: Traffic, line: Line) -> None:
    """The client names the session: a note on its first exchange."""
    served = traffic.first[line.domain, line.session] if line.session else None
    words = [user(f"Please write a 5-10 word title for {traffic.number}")]
    traffic.send(replace(line, agent=None), words, text("A title"), truth=Truth("side", served))


def search(traffic: Traffic, line: Line) -> None:
    """An answer that searches: the search is a request of its own, while the answer still comes in."""
    query = f"what is {traffic.number}"
    tool = call(f"toolu_{traffic.number}", "WebSearch", query=query)
    searching = traffic.turn(line, tool, asked=[result(tool["id"], "found")], lasted=20.0)
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    words = [user(f"Perform a web search for the query: {query}")]
    traffic.send(line, words, text("Found."), truth=Truth("side", searching), tools=tools)


def _beside(traffic: Traffic, line: Line, messages: Sequence[Json], **more: Any) -> None:
    traffic.send(line, messages, text("Go on."), truth=Truth("side", line.tip), **more)


def twins(traffic: Traffic, line: Line) -> None:
    """Two sessions that say the same in turn, and a third of their id in another domain; then each its own."""
    number = traffic.number
    elsewhere = "other.test" if line.domain == DOMAIN else DOMAIN
    for session, domain in ((f"t{number}", line.domain), (f"u{number}", line.domain), (f"t{number}", elsewhere)):
        traffic.start(session, domain=domain, prompt="Hello twin", answered="Hello to you")
    for _ in range(3):
        traffic.turn(traffic.lines.pop(-3), prompt="On we go", answered="We go")
    for _ in range(3):
        traffic.turn(traffic.lines.pop(-3))


def strangers(traffic: Traffic, _: Line) -> None:
    """Programs without ids that say the same, one after the other: the newest one is followed."""
    number = traffic.number
    for _number in range(2):
        traffic.start(None, prompt=f"Hello stranger {number}", answered="Hello")
        traffic.turn(traffic.lines.pop(), prompt="Go on, stranger", answered="I do")
        traffic.turn(traffic.lines.pop())


def again_from_the_start(traffic: Traffic, line: Line) -> None:
    """A rewind to the beginning, or `/clear`: another conversation, of the same session or a new one."""
    traffic.start(line.session if traffic.number % 2 else f"clear-{traffic.number}", domain=line.domain)


def _may_fork(line: Line) -> bool:
    return bool(line.session and not line.agent and not line.old and not line.forked and not line.compacted)


def _can_be_told(line: Line) -> bool:
    """Whether the last question and answer of an edited history are known together: no notification ran into them."""
    return not (line.forked or line.compacted or line.cut or _ran_together(line) or _on_summary(line))


def _on_summary(line: Line) -> bool:
    """Whether a summary stands in its history: with another beginning that alone tells whom it follows (rule 7)."""
    blocks = (block for message in line.history for block in message["content"])
    return any(CONTINUED in block.get("text", "") for block in blocks)


def _ran_together(line: Line) -> bool:
    """Whether the last answer and the one before it are one message, since what was between vanishes."""
    before = line.history[-2]["content"] if len(line.history) > 1 else []
    return all(block.get("text", "").startswith("<system-reminder>") for block in before)


def _notification(tool: str, agent: str) -> str:
    return (
        f"<task-notification><task-id>{agent}</task-id><tool-use-id>{tool}</tool-use-id><status>completed</status>"
        "</task-notification>"
    )


def _with(deed: Callable[..., object], *given: st.SearchStrategy[Any]) -> st.SearchStrategy[Deed]:
    def bound(values: tuple[Any, ...]) -> Deed:
        return lambda traffic, line: deed(traffic, line, *values)

    return st.tuples(*given).map(bound)


DEEDS: st.SearchStrategy[Deed] = st.one_of(
    _with(Traffic.turn),
    _with(Traffic.tools, st.integers(1, 3)),
    _with(together, st.integers(2, 3)),
    _with(fork),
    _with(fork_that_fails),
    _with(fork_for_a_summary),
    _with(counted, st.booleans()),
    _with(much_later),
    _with(begun_anew, st.integers(1, 2), st.integers(0, len(FAILURES) - 1)),
    _with(retries, st.integers(1, 3), st.integers(0, len(FAILURES) - 1)),
    _with(more_typed),
    _with(given_up),
    _with(cut, st.booleans()),
    _with(cut_in_a_call),
    _with(killed_in_a_tool),
    _with(ran_on),
    _with(tool_loop, st.integers(1, 2)),
    _with(notified, st.integers(1, 2)),
    _with(edited),
    _with(window),
    _with(thread),
    _with(spawn, PROMPTS, st.booleans(), st.integers(0, 1)),
    _with(spawn_behind, PROMPTS),
    _with(workflow, st.integers(1, 2)),
    _with(fork_agent),
    _with(compact, st.integers(1, 2), st.integers(0, 1), st.integers(1, 2)),
    _with(compact_with_kept_answer),
    _with(compact_recent_part),
    _with(suggestion),
    _with(side_question),
    _with(count_tokens),
    _with(title),
    _with(search),
    _with(twins),
    _with(strangers),
    _with(again_from_the_start),
)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Up to three sessions, some without a session id or of an older client, and what happens in them."""
    traffic = Traffic()
    for session in draw(st.lists(st.sampled_from(SESSIONS), min_size=1, max_size=3, unique=True)):
        traffic.start(OLD_SESSION if session == "old" else session, old=session == "old")
    for deed in draw(st.lists(DEEDS, max_size=10)):
        deed(traffic, traffic.lines[draw(st.integers(0, len(traffic.lines) - 1))])
    return traffic

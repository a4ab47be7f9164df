"""`plait analyze` and `plait analyses` as the terminal sees them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from cyclopts import App, Parameter, validators
from rich.markdown import Markdown

from plait.cli import database, target
from plait.cli.home import Home as OfHome
from plait.cli.tables import print_table
from plait.cli.terminal import Console, shown
from plait.common import analyses
from plait.common.analyses import Call, Caller, Outcome
from plait.common.analysis import LONGEST_WISH
from plait.common.errors import UserError, WrongUsage
from plait.common.postgres import open_pool
from plait.common.queries.analyses import (
    Analysis,
    AnalysisFilter,
    AnalysisSummary,
    BranchPlace,
    State,
    find_branch,
    get_analysis,
    list_analyses,
)
from plait.common.queries.paging import Page

out = Console()
err = Console(stderr=True)
app = App(name="analyses", help="Analyses of conversations: list, show, try again, and who asked.")
Home = Annotated[Path | None, Parameter(help="Whose `plait up` is meant when DATABASE_URL is not set.")]
Limit = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=10_000))]
_LOOK_EVERY_S: Final = 0.3
_SHOWN: Final = 50
_SAID: Final = 60
"""Characters of a summary in a list."""
_OPEN: Final = ("pending", "processing")


def analyze(
    conversation: UUID,
    /,
    *,
    branch: str = "main",
    prompt: str | None = None,
    again: Annotated[bool, Parameter(negative="")] = False,
    wait: bool = True,
    home: Home = None,
) -> int:
    """Have a branch of a conversation analysed, and show what comes of it; exits 1 when it fails.

    One that is there already is shown, and not made again. Ctrl-C ends the waiting, not the analysis.

    Args:
        conversation: Which one.
        branch: Which of its branches.
        prompt: What this analysis should look at besides the usual.
        again: Make it anew if there is one.
        wait: Wait until it is done.
    """
    if prompt and len(prompt) > LONGEST_WISH:
        raise WrongUsage(f"--prompt is longer than {LONGEST_WISH} characters")
    found = asyncio.run(_analyze(target.home(home), conversation, branch, prompt, again=again, wait=wait))
    if found is None:
        out.print(f"It is queued: `plait analyses show {conversation}` tells how far it is.", highlight=False)
        return 0
    return _tell(found)


@app.command(name="list")
def list_(*, domain: str | None = None, status: State | None = None, limit: Limit = _SHOWN, home: Home = None) -> None:
    """Show analyses, those asked for last first.

    Args:
        domain: Of this domain alone.
        status: In this state alone.
        limit: How many of them.
    """
    rows = asyncio.run(_listed(target.home(home), AnalysisFilter(domain=domain, status=status), limit))
    if not rows:
        err.print("There are no such analyses: `plait analyze CONVERSATION` asks for one.", highlight=False)
        return
    head = ["conversation", "branch", "state", "asked (UTC)", "attempts", "tokens", "cost", "says"]
    print_table(out, head, [_row(each) for each in rows])


@app.command
def show(conversation: UUID, /, *, branch: str = "main", home: Home = None) -> int:
    """Show how an analysis stands, what was tried, and what it says; exits 1 when it has failed.

    Args:
        conversation: Which one.
        branch: Which of its branches.
    """
    return _tell(asyncio.run(_look(target.home(home), conversation, branch)))


@app.command
def retry(
    conversation: UUID | None = None,
    /,
    *,
    branch: str = "main",
    all_: Annotated[bool, Parameter("--all", negative="")] = False,
    home: Home = None,
) -> None:
    """Queue anew what has failed, with the prompt that it was asked for with.

    Args:
        conversation: Which one.
        branch: Which of its branches.
        all_: All that have failed.
    """
    _again(home, conversation, branch, ("failed",), everything=all_)


@app.command
def reset(
    conversation: UUID | None = None,
    /,
    *,
    branch: str = "main",
    all_: Annotated[bool, Parameter("--all", negative="")] = False,
    home: Home = None,
) -> None:
    """Begin anew with what waits, runs or has failed, whoever works at it: for analyses that seem stuck.

    Args:
        conversation: Which one.
        branch: Which of its branches.
        all_: All that wait, run or have failed.
    """
    _again(home, conversation, branch, ("pending", "processing", "failed"), everything=all_)


@app.command
def calls(*, limit: Limit = _SHOWN, home: Home = None) -> None:
    """Show who asked for analyses, and who read them over the API, the latest first: refused calls too.

    Args:
        limit: How many of them.
    """
    found = asyncio.run(_calls(target.home(home), limit))
    if not found:
        err.print("Nobody has asked for an analysis yet, nor read one.", highlight=False)
        return
    head = ["at (UTC)", "by", "action", "became", "domain", "conversation", "branch", "request id"]
    rows = [[f"{each.at:%Y-%m-%d %H:%M:%S}", each.caller, each.action, each.outcome, *_named(each)] for each in found]
    print_table(out, head, rows)


def _again(
    home: Path | None, conversation: UUID | None, branch: str, states: Sequence[State], *, everything: bool
) -> None:
    if (conversation is None) != everything:
        raise WrongUsage("name a conversation, or give --all")
    count = asyncio.run(_queue_again(target.home(home), conversation, branch, states))
    out.print(f"{count} queued anew.", highlight=False)


async def _analyze(
    home: OfHome, conversation: UUID, branch: str, prompt: str | None, *, again: bool, wait: bool
) -> Analysis | None:
    async with _writing(home) as pool:
        where = await _branch(pool, conversation, branch)
        caller = Caller(f"user {target.user()}")
        async with pool.acquire() as connection, connection.transaction():
            asked = await analyses.queue(connection, where, caller.name, prompt)
            if again and not asked.is_queued:
                await analyses.queue_again(connection, where, caller.name, prompt)
            outcome: Outcome = "done" if asked.is_queued or again else "known"
            await analyses.note(connection, caller, "regenerate" if again else "request", outcome, where)
        return await _waited(pool, where) if wait else None


async def _waited(pool: asyncpg.Pool, where: BranchPlace) -> Analysis:
    with err.status("") as status:
        while (found := await _found(pool, where)).status in _OPEN:
            tried = f", attempt {found.attempts}" if found.attempts > 1 else ""
            status.update(f"{found.status}{tried}" + (f" after: {shown(found.error)}" if found.error else ""))
            await asyncio.sleep(_LOOK_EVERY_S)
        return found


async def _look(home: OfHome, conversation: UUID, branch: str) -> Analysis:
    async with target.reading(home) as pool:
        return await _found(pool, await _branch(pool, conversation, branch))


async def _found(pool: asyncpg.Pool, where: BranchPlace) -> Analysis:
    found = await get_analysis(pool, where.conversation_id, where.branch_id)
    if found is None:
        raise UserError(f"Nobody has asked for this analysis: `plait analyze {where.conversation_id}` does.")
    return found


async def _listed(home: OfHome, where: AnalysisFilter, most: int) -> list[AnalysisSummary]:
    async with target.reading(home) as pool:
        return (await list_analyses(pool, where, Page(most))).rows


async def _calls(home: OfHome, most: int) -> list[Call]:
    async with target.reading(home) as pool:
        return await analyses.latest_calls(pool, most)


async def _queue_again(home: OfHome, conversation: UUID | None, branch: str, states: Sequence[State]) -> int:
    caller, count = Caller(f"user {target.user()}"), 0
    async with _writing(home) as pool:
        for where in await _those(pool, conversation, branch, states):
            async with pool.acquire() as connection, connection.transaction():
                if await analyses.queue_again(connection, where, caller.name, keep_prompt=True):
                    await analyses.note(connection, caller, "reset", "done", where)
                    count += 1
        if conversation and not count:
            raise UserError(_why_not(await _found(pool, await _branch(pool, conversation, branch))))
    return count


def _why_not(found: Analysis) -> str:
    """What keeps an analysis from being queued anew, and what to do instead."""
    instead = "`plait analyses reset` begins anew with it" if found.status in _OPEN else "`plait analyze --again` does"
    return f"This analysis has not failed: it is {found.status}; {instead}."


async def _those(
    pool: asyncpg.Pool, conversation: UUID | None, branch: str, states: Iterable[State]
) -> list[BranchPlace]:
    """The branches with an analysis in one of these states."""
    where = await _branch(pool, conversation, branch) if conversation else None
    named = (where.conversation_id, where.branch_id) if where else (None, None)
    found: list[BranchPlace] = []
    for state in states:
        sought = AnalysisFilter(conversation_id=named[0], branch_id=named[1], status=state)
        rows = (await list_analyses(pool, sought, Page(1_000_000))).rows
        found += [BranchPlace(conversation_id=r.conversation_id, branch_id=r.branch_id, domain=r.domain) for r in rows]
    return found


async def _branch(pool: asyncpg.Pool, conversation: UUID, branch: str) -> BranchPlace:
    found = await find_branch(pool, conversation, branch)
    if found is None:
        raise UserError(f"There is no branch {branch} of a conversation {conversation}.")
    return found


@asynccontextmanager
async def _writing(home: OfHome) -> AsyncIterator[asyncpg.Pool]:
    url = target.database_url(home)
    await (await database.connect(url)).close()
    pool = await open_pool(url, name="tool", size=2)
    try:
        yield pool
    finally:
        await pool.close()


def _row(one: AnalysisSummary) -> list[object]:
    says = one.error or one.summary or ""
    return [
        one.conversation_id,
        one.branch_id,
        one.status,
        f"{one.asked_at:%Y-%m-%d %H:%M}",
        one.attempts,
        f"{one.token_usage.total:,}" if one.token_usage else "",
        f"${one.cost_usd:.4f}" if one.cost_usd is not None else "",
        says if len(says) <= _SAID else f"{says[:_SAID]}…",
    ]


def _named(call: Call) -> list[object]:
    """What a call was about; empty where it does not say."""
    return [each or "" for each in (call.domain, call.conversation_id, call.branch_id, call.request_id)]


def _tell(found: Analysis) -> int:
    for line in _heading(found):
        err.print(line, highlight=False, markup=False, soft_wrap=True)
    if found.content and out.is_terminal:
        out.print(Markdown(found.content, hyperlinks=False))
    elif found.content:
        sys.stdout.write(f"{shown(found.content).rstrip()}\n")
    return 1 if found.status == "failed" else 0


def _heading(found: Analysis) -> list[str]:
    """How it stands, in lines."""
    used = found.token_usage
    made = [f"{found.provider} {found.model}"] if found.model else []
    made += [f"{used.prompt:,} tokens in, {used.completion:,} out"] if used else []
    made += [f"${found.cost_usd:.4f}"] if found.cost_usd is not None else []
    tried = [f"  attempt {one.attempt}, {one.ended_at:%H:%M:%S}: {one.reason}" for one in found.history]
    return [
        " · ".join([f"{found.status}, asked {found.asked_at:%Y-%m-%d %H:%M} UTC by {found.asked_by}", *made]),
        *([f"failed: {found.error}"] if found.status == "failed" and found.error else []),
        *([f"Tried before:\n{chr(10).join(tried)}"] if tried else []),
        *(f"Note: {remark}" for remark in found.remarks),
    ]

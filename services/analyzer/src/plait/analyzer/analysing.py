"""One attempt at a job: the branch is read, the model asked, its answer checked; once it is asked again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import structlog

from plait.analyzer.insight.checking import Fit, Unfit, check
from plait.analyzer.insight.cutting import estimate
from plait.analyzer.insight.preparing import prepare
from plait.analyzer.insight.prompting import Prompt, repair
from plait.analyzer.jobs import Job, Result
from plait.analyzer.providers import Answer, Ask, Provider, ProviderError, Refused
from plait.analyzer.settings import Settings
from plait.common.analysis import response_schema
from plait.common.errors import PlaitError
from plait.common.postgres import Database
from plait.common.queries.insight import BranchRecord, get_branch

T = TypeVar("T")

_REPAIRED: Final = "The model was asked twice: its first answer did not have the form that was asked for."
_log = structlog.get_logger()


class NoBranch(PlaitError):
    """The branch exists no longer."""


class Analyst:
    """Makes analyses with one model."""

    def __init__(self, database: Database, provider: Provider, settings: Settings) -> None:
        self._database = database
        self._provider = provider
        self._settings = settings

    async def make(self, job: Job) -> Result:
        """The analysis of a job's branch.

        Raises:
            NoBranch: there is none.
            Unavailable: the model may answer later.
            Refused: it will not.
            DependencyDown: the database is away.
        """
        async with self._database.transaction() as connection:
            branch = await get_branch(connection, job.conversation_id, job.branch_id)
        if branch is None:
            raise NoBranch
        prompt = await _aside(lambda count: prepare(branch, job.custom_prompt, self._settings, count), self._count)
        begun = time.monotonic()
        answers, checked = await self._asked(branch, prompt)
        duration_ms = round((time.monotonic() - begun) * 1000)
        return _result(self._provider, prompt, answers, checked, duration_ms)

    async def _asked(self, branch: BranchRecord, prompt: Prompt) -> tuple[list[Answer], Fit | Unfit]:
        first = await self._ask(prompt)
        checked = await asyncio.to_thread(check, first.text, branch, self._settings)
        if isinstance(checked, Fit):
            return [first], checked
        try:
            second = await self._ask(repair(prompt, checked))
        except Refused:
            return [first], checked
        return [first, second], await asyncio.to_thread(check, second.text, branch, self._settings)

    async def _ask(self, prompt: Prompt) -> Answer:
        return await self._provider.answer(Ask(prompt.system, prompt.user, response_schema()))

    async def _count(self, text: str) -> int:
        """The provider's own count, else an estimate: a counter that is away is no reason to fail."""
        try:
            return await self._provider.count(text)
        except ProviderError as error:
            _log.warning("tokens are estimated", provider=self._provider.name, error=str(error))
            return estimate(text)


async def _aside(
    work: Callable[[Callable[[str], Awaitable[int]]], Coroutine[Any, Any, T]],
    count: Callable[[str], Coroutine[Any, Any, int]],
) -> T:
    """The result of `work`, which takes the processor for a while, in a thread; what it counts is counted here."""
    loop = asyncio.get_running_loop()

    async def counted(text: str) -> int:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(count(text), loop))

    return await asyncio.to_thread(lambda: asyncio.run(work(counted)))


def _result(
    provider: Provider, prompt: Prompt, answers: Sequence[Answer], checked: Fit | Unfit, duration_ms: int
) -> Result:
    costs = [answer.cost_usd for answer in answers]
    return Result(
        provider=provider.name,
        model=provider.model,
        prompt_version=prompt.version,
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        total_tokens=sum(answer.total_tokens for answer in answers),
        cost_usd=None if None in costs else sum((cost for cost in costs if cost is not None), Decimal()),
        duration_ms=duration_ms,
        content=checked.content,
        data=checked.analysis.as_json() if isinstance(checked, Fit) else None,
        remarks=_remarks(prompt, checked, repaired=len(answers) > 1),
    )


def _remarks(prompt: Prompt, checked: Fit | Unfit, *, repaired: bool) -> list[str]:
    """What a reader should know of how it came about."""
    left = "One message was" if prompt.left_out == 1 else f"{prompt.left_out} messages were"
    cut = [f"{left} left out: the branch is too long for the model."] if prompt.left_out else []
    taken = sum(prompt.redacted.values())
    places = "one place" if taken == 1 else f"{taken} places"
    masked = [f"Secrets and personal data were taken out in {places} before it was sent."] if taken else []
    again = [_REPAIRED] if repaired and isinstance(checked, Fit) else []
    found = checked.dropped if isinstance(checked, Fit) else [checked.reason]
    return [*cut, *masked, *again, *found]

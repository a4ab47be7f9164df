"""The demo's own Gemini, and the sample conversations that it analyses."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import httpx2

from plait.cli.plan import Plan
from plait.cli.terminal import Console
from plait.fakes.answers import Answer
from plait.fakes.gemini import ScriptedGemini
from plait.fakes.ledger import Call

_CONVERSATIONS: Final = 6
_THINKS_S: Final = 0.5
"""Seconds that it takes for an answer, so that one sees an analysis being made."""
_LONGEST_S: Final = 30.0
_POLL_S: Final = 2.0
"""Seconds between looks: each of them is a call that `plait analyses calls` tells of."""
_OWN: Final = {"ANALYSIS_PROVIDER": "gemini", "GEMINI_API_KEY": "demo", "ANALYSIS_AUTO": "off"}


class _Thoughtful(ScriptedGemini):
    def unscripted(self, call: Call) -> Answer:
        answer = super().unscripted(call)
        return replace(answer, head_wait=_THINKS_S) if call.path.endswith(":generateContent") else answer


@asynccontextmanager
async def gemini() -> AsyncIterator[ScriptedGemini]:
    """A scripted Gemini that every part started from now on takes for the real one."""
    async with _Thoughtful() as model:
        for name in [name for name in os.environ if name.startswith(("ANALYSIS_", "GEMINI_"))]:
            del os.environ[name]
        os.environ.update(_OWN, GEMINI_API_URL=model.url)
        yield model


async def analyse(plan: Plan, console: Console) -> None:
    """Ask for analyses of the longest conversations, through the API, and say what came of it."""
    headers = {"X-Dashboard-Key": plan.dashboard_key}
    async with httpx2.AsyncClient(base_url=plan.options.url("api"), headers=headers, timeout=10) as client:
        try:
            longest = await _longest(client)
            for one in longest:
                body = {"conversationId": one["conversationId"]}
                (await client.post("/api/analyses", json=body)).raise_for_status()
            states = await _settled(client)
        except httpx2.HTTPError as error:
            console.print(f"\nAnalyses: none, the API could not be asked ({type(error).__name__})", highlight=False)
            return
    done = states.count("completed")
    console.print(f"\nAnalyses: {done} of {len(longest)} conversations, by the demo's own Gemini", highlight=False)


async def _longest(client: httpx2.AsyncClient) -> Sequence[dict[str, Any]]:
    answer = await client.get("/api/conversations", params={"limit": 200})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["conversations"]
    return sorted(found, key=lambda one: (-one["messageCount"], one["conversationId"]))[:_CONVERSATIONS]


async def _settled(client: httpx2.AsyncClient) -> list[str]:
    """The states of all analyses, once none is under way, or after half a minute."""
    until = time.monotonic() + _LONGEST_S
    while True:
        answer = await client.get("/api/analyses")
        answer.raise_for_status()
        states = [one["status"] for one in answer.json()["analyses"]]
        if not {"pending", "processing"} & set(states) or time.monotonic() > until:
            return states
        await asyncio.sleep(_POLL_S)

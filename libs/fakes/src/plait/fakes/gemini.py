"""A scripted Gemini: the REST shapes of the Gemini API, for its own SDK to talk to.

    async with ScriptedGemini() as gemini:                       # GEMINI_API_URL=gemini.url, any GEMINI_API_KEY
        gemini.next.append(gemini_error(429, "RESOURCE_EXHAUSTED", "Quota", retry_s=3))
        ...                                                      # what follows gets a made-up analysis
        assert gemini.prompts[0].system.startswith(...)

`python -m plait.fakes.gemini --port 8001` runs it by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from plait.fakes.answers import Answer, json_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.insight import analysis_of
from plait.fakes.ledger import Call

_METHOD: Final = re.compile(r"/v1beta/models/([\w.-]+):(generateContent|countTokens)")
_CHARACTERS_PER_TOKEN: Final = 4
_THOUGHTS: Final = 60
"""Tokens that it says it spent on thinking."""


@dataclass(frozen=True)
class Prompt:
    """What a model was asked."""

    model: str
    system: str
    user: str
    config: dict[str, Any]
    """`generationConfig`: the response schema stands in it."""
    has_tools: bool


class ScriptedGemini(ScriptedClaude):
    """Listens on 127.0.0.1, on a free port unless told which."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.next: deque[Answer] = deque()
        """Answers to the next calls of generateContent, in order."""
        self.counts: deque[Answer] = deque()
        """The same of countTokens."""

    @property
    def prompts(self) -> list[Prompt]:
        """What was asked by generateContent, in order."""
        return [_prompt(call) for call in self.calls if call.path.endswith(":generateContent")]

    def unscripted(self, call: Call) -> Answer:
        """What a call gets: the next answer of the script, else one that fits."""
        found = _METHOD.fullmatch(call.path)
        if call.method != "POST" or not found:
            return gemini_error(404, "NOT_FOUND", f"{call.path} is not found for API version v1beta.")
        if not call.header("x-goog-api-key"):
            return gemini_error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
        if found[2] == "countTokens":
            return self.counts.popleft() if self.counts else json_answer(_counted(call))
        if self.next:
            return self.next.popleft()
        prompt = _prompt(call)
        return generated(json.dumps(analysis_of(prompt.user)), model=prompt.model, asked=len(call.body))


def generated(text: str, *, model: str = "gemini-4-argon", ended: str = "STOP", asked: int = 400) -> Answer:
    """An answer of generateContent that says `text`; `asked`: characters of what it was asked."""
    said = len(text) // _CHARACTERS_PER_TOKEN
    used = {
        "promptTokenCount": asked // _CHARACTERS_PER_TOKEN,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": _THOUGHTS,
        "totalTokenCount": asked // _CHARACTERS_PER_TOKEN + said + _THOUGHTS,
    }
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": ended, "index": 0}
    return json_answer(
        {"candidates": [candidate], "usageMetadata": used, "modelVersion": model, "responseId": "scripted"}
    )


def blocked(reason: str = "PROHIBITED_CONTENT") -> Answer:
    """An answer that refuses what it was sent."""
    return json_answer({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 10}})


def gemini_error(code: int, status: str, message: str, *, retry_s: float | None = None) -> Answer:
    """An error in the API's shape; `retry_s`: the seconds that it wants its caller to wait."""
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if retry_s is not None:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_s:g}s"}]
    return json_answer({"error": error}, code)


def _counted(call: Call) -> dict[str, Any]:
    total = len(_texts(call.json.get("contents"))) // _CHARACTERS_PER_TOKEN
    return {"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}


def _prompt(call: Call) -> Prompt:
    found, body = _METHOD.fullmatch(call.path), call.json
    return Prompt(
        model=found[1] if found else "",
        system=_texts([body.get("systemInstruction") or {}]),
        user=_texts(body.get("contents")),
        config=body.get("generationConfig") or {},
        has_tools=bool(body.get("tools")),
    )


def _texts(contents: Any) -> str:
    return "".join(part.get("text", "") for content in contents or [] for part in content.get("parts") or [])


async def _run(port: int) -> None:
    async with ScriptedGemini(port) as gemini:
        print(f"scripted Gemini on {gemini.url}; Ctrl-C ends it", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run it by hand."""
    parser = argparse.ArgumentParser(description="A scripted Gemini on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="where to listen; default a free port")
    try:
        asyncio.run(_run(parser.parse_args().port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()

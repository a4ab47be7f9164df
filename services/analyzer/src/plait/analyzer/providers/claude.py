"""Claude, through our own gateway: what it is asked is recorded as any other call, under a tag of its own."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import httpx2
import msgspec

from plait.analyzer.providers.prices import cost
from plait.analyzer.providers.provider import TAG, Answer, Ask, Refused, Unavailable, bounded, seconds, tokens
from plait.analyzer.settings import ProviderSettings

_LATER: Final = frozenset({408, 429, 500, 502, 503, 504, 529})
_KEY_TROUBLE: Final = frozenset({401, 403})
_NOT_TAKEN: Final = ("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")
"""What the API refuses in a schema of structured output."""
_VERSION: Final = "2023-06-01"


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Message(msgspec.Struct):
    content: list[_Block]
    usage: _Usage
    stop_reason: str | None = None


class _Count(msgspec.Struct):
    input_tokens: int


_Answered = TypeVar("_Answered", _Message, _Count)


class Claude:
    """Asks a model of the Claude API for JSON."""

    name = "claude"

    def __init__(self, settings: ProviderSettings, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.model = settings.analysis_claude_model
        self._most = settings.analysis_max_output_tokens
        key, domain = settings.analysis_claude_key, settings.analysis_claude_domain
        headers = {"anthropic-version": _VERSION, "accept-encoding": "identity"}
        headers |= {"x-api-key": key.get_secret_value()} if key else {}
        headers |= {"host": domain} if domain else {}
        self._client = httpx2.AsyncClient(
            base_url=f"{settings.gateway_url}/t/{TAG}",
            headers=headers,
            timeout=settings.analysis_timeout_s,
            transport=transport,
            event_hooks={"response": [bounded]},
            trust_env=False,  # the gateway is ours: no proxy stands before it
        )

    async def answer(self, ask: Ask) -> Answer:
        """Call the model once; see `Provider`."""
        form = {"type": "json_schema", "schema": _closed(ask.schema)}
        body = {
            **self._asked(ask.user),
            "system": ask.system,
            "max_tokens": self._most,
            "output_config": {"format": form},
        }
        message = await self._post("/v1/messages", body, _Message)
        if message.stop_reason == "refusal":
            raise Refused("Claude refuses what it was sent.")
        text = "".join(block.text for block in message.content if block.type == "text")
        if not text:
            raise Unavailable(f"Claude's answer is empty ({message.stop_reason}).")
        used = message.usage
        asked = tokens(
            used.input_tokens + (used.cache_read_input_tokens or 0) + (used.cache_creation_input_tokens or 0)
        )
        said = tokens(used.output_tokens)
        return Answer(
            text=text,
            prompt_tokens=asked,
            completion_tokens=said,
            total_tokens=tokens(asked + said),
            cost_usd=cost("anthropic", self.model, asked, said),
        )

    async def count(self, text: str) -> int:
        """Tokens as Claude counts them; see `Provider`."""
        return (await self._post("/v1/messages/count_tokens", self._asked(text), _Count)).input_tokens

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    def _asked(self, text: str) -> dict[str, Any]:
        return {"model": self.model, "messages": [{"role": "user", "content": text}]}

    async def _post(self, path: str, body: dict[str, Any], kind: type[_Answered]) -> _Answered:
        try:
            response = await self._client.post(path, json=body)
        except httpx2.TimeoutException as error:
            raise Unavailable("Claude did not answer in time.") from error
        except httpx2.HTTPError as error:
            raise Unavailable(f"The gateway cannot be reached: {type(error).__name__}.") from error
        if response.status_code != 200:
            raise _meaning(response)
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unavailable(f"Claude's answer cannot be read: {type(error).__name__}.") from error


def _meaning(response: httpx2.Response) -> Unavailable | Refused:
    said = f"Claude answered {response.status_code}: {response.text}"
    if response.status_code in _LATER:
        return Unavailable(said, seconds(response.headers.get("retry-after")))
    return Refused(f"{said} (Is ANALYSIS_CLAUDE_KEY right?)" if response.status_code in _KEY_TROUBLE else said)


def _closed(schema: Any) -> Any:
    """The same schema as structured output wants it: objects have no other fields, and nothing is bounded."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _closed(value) for name, value in schema.items() if name not in _NOT_TAKEN}
    return {**kept, "additionalProperties": False} if kept.get("type") == "object" else kept

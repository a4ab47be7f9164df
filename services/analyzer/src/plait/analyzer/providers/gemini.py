"""Gemini, by Google's own SDK."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
from google import genai
from google.genai import errors, types

from plait.analyzer.providers.prices import cost
from plait.analyzer.providers.provider import Answer, Ask, Refused, Unavailable, bounded, seconds, tokens
from plait.analyzer.settings import ProviderSettings

_LATER: Final = frozenset({408, 429, 500, 502, 503, 504, 529})
_KEY_TROUBLE: Final = frozenset({401, 403})
_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)s")
_ODD: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What the SDK meets in an odd answer."""
_CONTENT: Final = frozenset({"STOP", "MAX_TOKENS"})
"""Why an answer may have ended that is worth reading."""


class Gemini:
    """Asks a model of the Gemini API for JSON."""

    name = "gemini"

    def __init__(self, settings: ProviderSettings) -> None:
        assert settings.gemini_api_key
        self._key = settings.gemini_api_key.get_secret_value()
        self.model = settings.gemini_model_name
        self._timeout_s = settings.analysis_timeout_s
        self._most = settings.analysis_max_output_tokens
        # Ours, or the SDK takes whichever client is installed, each with errors of its own.
        self._http = httpx2.AsyncClient(
            timeout=settings.analysis_timeout_s,
            follow_redirects=False,
            headers={"accept-encoding": "identity"},
            event_hooks={"response": [bounded]},
        )
        self._client = genai.Client(
            vertexai=False,
            api_key=self._key,
            http_options=types.HttpOptions(
                base_url=settings.gemini_api_url,
                api_version="v1beta",  # what people paste behind the base address names it
                httpx_async_client=self._http,
                timeout=int(settings.analysis_timeout_s * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),  # jobs are tried again, not calls
            ),
        )

    async def answer(self, ask: Ask) -> Answer:
        """Call the model once; see `Provider`."""
        config = types.GenerateContentConfig(
            system_instruction=ask.system,
            response_mime_type="application/json",
            response_schema=ask.schema,
            max_output_tokens=self._most,
            temperature=0.2,
        )
        with _told(self._key):
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.aio.models.generate_content(
                    model=self.model, contents=ask.user, config=config
                )
            return self._read(response)

    async def count(self, text: str) -> int:
        """Tokens as Gemini counts them; see `Provider`."""
        with _told(self._key):
            async with asyncio.timeout(self._timeout_s):
                counted = await self._client.aio.models.count_tokens(model=self.model, contents=text)
        if counted.total_tokens is None:
            raise Unavailable("Gemini does not say how many tokens that is.")
        return counted.total_tokens

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aio.aclose()
        await self._http.aclose()

    def _read(self, response: types.GenerateContentResponse) -> Answer:
        text = _text(response)
        used = response.usage_metadata or types.GenerateContentResponseUsageMetadata()
        asked = tokens(used.prompt_token_count)
        said = tokens(tokens(used.candidates_token_count) + tokens(used.thoughts_token_count))
        return Answer(
            text=text,
            prompt_tokens=asked,
            completion_tokens=said,
            total_tokens=tokens(used.total_token_count or asked + said),
            cost_usd=cost("google", self.model, asked, said),
        )


def _text(response: types.GenerateContentResponse) -> str:
    feedback = response.prompt_feedback
    if feedback and feedback.block_reason:
        raise Refused(f"Gemini refuses what it was sent: {feedback.block_reason.value}.")
    candidate = response.candidates[0] if response.candidates else None
    if candidate is None:
        raise Unavailable("Gemini answered with nothing.")
    parts = (candidate.content and candidate.content.parts) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    ended = candidate.finish_reason.value if candidate.finish_reason else "STOP"
    if ended not in _CONTENT:
        raise Refused(f"Gemini broke its answer off: {ended}.")
    if not text:
        raise Unavailable(f"Gemini's answer is empty ({ended}).")
    return text


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Say in our own words what went wrong."""
    try:
        yield
    except errors.APIError as error:
        raise _meaning(error, key) from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise Unavailable("Gemini did not answer in time.") from error
    except httpx2.HTTPError as error:
        raise Unavailable(f"Gemini cannot be reached: {type(error).__name__}.") from error
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        RecursionError,
    ) as error:  # what the SDK meets in an odd answer
        raise Unavailable(f"Gemini's answer cannot be read: {type(error).__name__}.") from error


def _meaning(error: errors.APIError, key: str) -> Unavailable | Refused:
    """What a refusal means to us; some name the key that they refuse."""
    said = f"Gemini answered {error.code} {error.status or ''}".rstrip() + f": {error.message or 'no reason'}"
    said = said.replace(key, "[redacted:api-keys]")
    if error.code in _LATER:
        return Unavailable(said, _after(error))
    if error.code in _KEY_TROUBLE or "API key" in (error.message or ""):
        return Refused(f"{said} (Is GEMINI_API_KEY right?)")
    if error.code == 404:
        return Refused(f"{said} (Is GEMINI_MODEL_NAME right?)")
    return Refused(said)


def _after(error: errors.APIError) -> float | None:
    """Seconds to wait, from the answer's `RetryInfo`, else from `Retry-After`."""
    told: Any = error.details.get("error") if isinstance(error.details, dict) else None
    details = told.get("details") if isinstance(told, dict) else None
    for one in details if isinstance(details, list) else []:
        delay = _DELAY.fullmatch(str(one.get("retryDelay", ""))) if isinstance(one, dict) else None
        if delay:
            return float(delay[1])
    return seconds(getattr(error.response, "headers", {}).get("retry-after"))

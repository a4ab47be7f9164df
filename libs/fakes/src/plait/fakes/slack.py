"""A scripted Slack: takes what incoming webhooks are sent, as strictly as Slack does, and remembers it.

    async with ScriptedSlack() as slack:                         # SLACK_WEBHOOK_URL=slack.webhook, and its host allowed
        slack.next.append(too_many(2))
        ...                                                      # what follows is answered with `ok`
        assert slack.messages[0]["text"] == "..."

`python -m plait.fakes.slack --port 8002` runs it by hand, and prints each message.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
from collections import deque
from typing import Any, Final

from plait.fakes.answers import Answer, raw_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.ledger import Call

_PATH: Final = re.compile(r"/services/T\w+/B\w+/\w+")
_MOST_BLOCKS: Final = 50
_MOST_TEXT: Final = 3000
_MOST_FALLBACK: Final = 40_000
_MOST_ELEMENTS: Final = 10
_PLAIN: Final = "text/plain; charset=utf-8"
_OK: Final = b"ok"


def slack_says(text: str, status: int = 200) -> Answer:
    """An answer as Slack's webhooks give them."""
    return raw_answer(text.encode(), _PLAIN, status)


def too_many(seconds: int) -> Answer:
    """Slack's answer to too many messages."""
    return raw_answer(b"rate_limited", _PLAIN, 429, (("retry-after", str(seconds)),))


class ScriptedSlack(ScriptedClaude):
    """Listens on 127.0.0.1, on a free port unless told which."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.next: deque[Answer] = deque()
        """Answers to the next messages, in order."""

    @property
    def webhook(self) -> str:
        """An incoming webhook; any other path of its kind does as well."""
        return f"{self.url}/services/T00000000/B00000000/scripted"

    @property
    def posts(self) -> list[tuple[str, dict[str, Any]]]:
        """Path and message of what was taken, in order."""
        return [(call.path, call.json) for call in self.calls if call.answer.status == 200 and call.answer.body == _OK]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was taken, in order."""
        return [message for _, message in self.posts]

    def unscripted(self, call: Call) -> Answer:
        """The next answer of the script, else what Slack makes of the message."""
        if call.method != "POST" or not _PATH.fullmatch(call.path):
            return slack_says("no_service", 404)
        if fault := fault_in(call.body):
            return slack_says(fault, 400)
        return self.next.popleft() if self.next else slack_says("ok")


def fault_in(body: bytes) -> str:
    """What Slack says of a message that it does not take; empty: it takes it."""
    try:
        message = json.loads(body)
    except ValueError:
        return "invalid_payload"
    if not isinstance(message, dict):
        return "invalid_payload"
    text, blocks = message.get("text"), message.get("blocks", [])
    if not text and not blocks:
        return "no_text"
    if isinstance(text, str) and len(text) > _MOST_FALLBACK:
        return "msg_too_long"
    return "" if isinstance(blocks, list) and _are_good(blocks) else "invalid_blocks"


def _are_good(blocks: list[Any]) -> bool:
    return len(blocks) <= _MOST_BLOCKS and all(isinstance(block, dict) and _is_good(block) for block in blocks)


def _is_good(block: dict[str, Any]) -> bool:
    elements = block.get("elements", []) if block.get("type") == "context" else [block.get("text")]
    return 0 < len(elements) <= _MOST_ELEMENTS and all(_is_text(one) for one in elements)


def _is_text(value: Any) -> bool:
    text = value.get("text") if isinstance(value, dict) else None
    return isinstance(text, str) and 0 < len(text) <= _MOST_TEXT


async def _run(port: int) -> None:
    async with ScriptedSlack(port) as slack:
        print(f"scripted Slack: SLACK_WEBHOOK_URL={slack.webhook}; Ctrl-C ends it", flush=True)
        shown = 0
        while True:
            await slack.call(shown)
            print(slack.calls[shown].body.decode(errors="replace"), flush=True)
            shown += 1


def main() -> None:
    """Run by hand until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m plait.fakes.slack", description="A scripted Slack.")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args().port))


if __name__ == "__main__":
    main()

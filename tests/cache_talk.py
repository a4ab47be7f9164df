"""Talks with a made-up provider, as events: what the cache doctor is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from plait.common.events import RequestData, ResponseData
from tests.cache_provider import Json, Provider
from tests.exchange_events import answered, asked, said

MODEL: Final = "claude-opus-4-5"
Change = Callable[[Json], None]


@dataclass
class Talk:
    """A session whose client sends what was said again, with the breakpoint on its last message."""

    name: str
    provider: Provider
    account: str
    ttl: str | None = None
    link: Json = field(default_factory=dict)
    now: float = 0
    body: Json = field(init=False)
    events: list[RequestData | ResponseData] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.body = {
            "model": MODEL,
            "max_tokens": 100,
            "tools": [{"name": "Read", "input_schema": {"type": "object"}}],
            "system": [{"type": "text", "text": "You help.", "cache_control": self._mark()}],
            "messages": [],
        }

    def turn(self, *, after: float = 20, change: Change | None = None, marked: bool = True) -> UUID:
        """Another prompt, so many seconds after the last; `change` is made to all that is sent from now on."""
        self.now += after
        number = len(self.body["messages"])
        self.body["messages"].append(said("user", f"{self.name} asks {number}"))
        if change:
            change(self.body)
        body = self._marked() if marked else self.body
        fields = {name: value for name, value in body.items() if name != "messages"}
        request = asked(
            *body["messages"], at=self.now, domain=f"{self.name}.test", session=f"session {self.name}",
            headers=[("user-agent", "claude-cli/2.1.329 (external, cli)")], **fields,
        )  # fmt: skip
        request = msgspec.structs.replace(request, account_id=self.account)
        usage = self.provider.usage(self.account, body, self.now)
        answer = msgspec.structs.replace(
            answered(request, f"answer to {number} of {self.name}"),
            usage=msgspec.Raw(msgspec.json.encode(usage)), model=self.body["model"], account_id=self.account,
        )  # fmt: skip
        self.body["messages"].append(
            said("assistant", [{"type": "text", "text": f"answer to {number} of {self.name}"}])
        )
        self.events += [request, answer]
        return request.exchange_id

    def _mark(self) -> dict[str, Any]:
        return {"type": "ephemeral", **({"ttl": self.ttl} if self.ttl else {})}

    def _marked(self) -> Json:
        *before, last = self.body["messages"]
        block = {"type": "text", "text": last["content"], "cache_control": self._mark()}
        return {**self.body, "messages": [*before, said(last["role"], [block])]}

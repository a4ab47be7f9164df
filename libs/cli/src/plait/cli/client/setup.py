"""How one client is set up: the gateway's address, the key, and what Claude Code should tell and ask."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KEY: Final = "ANTHROPIC_AUTH_TOKEN"
URL: Final = "ANTHROPIC_BASE_URL"
_MODEL: Final = "claude-sonnet-5-5"
_WANTED: Final = {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"}
"""What each request says about itself makes better trees; and /model lists the models that the gateway's Claude has."""


@dataclass(frozen=True)
class Setup:
    """The settings of one client."""

    url: str
    key: str | None = None
    """None: the client shows its own key or login, which goes to Claude."""

    @property
    def shared(self) -> dict[str, str]:
        """Claude Code's environment, without what is one person's."""
        return {URL: self.url, **_WANTED}

    @property
    def env(self) -> dict[str, str]:
        """Claude Code's environment."""
        return {URL: self.url, **({} if self.key is None else {KEY: self.key}), **_WANTED}

    def shell(self) -> str:
        """Lines for a shell."""
        return "\n".join([*(f"export {name}={shlex.quote(value)}" for name, value in self.env.items()), "claude"])

    def settings(self) -> str:
        """The block for a person's settings file of Claude Code."""
        return _block(self.env)

    def managed_settings(self) -> str:
        """The file by which an administrator sets up all users of a machine; nobody's key is in it."""
        return _block(self.shared)

    def python(self) -> str:
        """For Anthropic's SDK."""
        given = "" if self.key is None else f", auth_token={json.dumps(self.key)}"
        return f"""\
from anthropic import Anthropic

client = Anthropic(base_url={json.dumps(self.url)}{given})
message = client.messages.create(
    model="{_MODEL}", max_tokens=100, messages=[{{"role": "user", "content": "Hello"}}]
)
print(message.content)"""

    def typescript(self) -> str:
        """For Anthropic's SDK."""
        given = "" if self.key is None else f", authToken: {json.dumps(self.key)}"
        return f"""\
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({{ baseURL: {json.dumps(self.url)}{given} }});
const message = await client.messages.create({{
  model: "{_MODEL}", max_tokens: 100, messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(message.content);"""

    def curl(self) -> str:
        """One request by hand."""
        own = '"x-api-key: $ANTHROPIC_API_KEY"'
        key = own if self.key is None else shlex.quote(f"authorization: Bearer {self.key}")
        body = json.dumps({"model": _MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]})
        return f"""\
curl {shlex.quote(self.url + "/v1/messages")} -H {key} \\
  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \\
  -d {shlex.quote(body)}"""


def _block(env: Mapping[str, str]) -> str:
    return json.dumps({"env": env}, indent=2)

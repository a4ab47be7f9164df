"""A receiver of signed webhooks, which checks them as the Standard Webhooks rules say (standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import deque
from typing import Any, Final

from plait.fakes.answers import Answer, json_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.ledger import Call

_TOLERANCE_S: Final = 300


class WebhookReceiver(ScriptedClaude):
    """Listens on 127.0.0.1, and takes what is signed with `secret` within five minutes."""

    def __init__(self, secret: str, port: int = 0) -> None:
        super().__init__(port)
        self.next: deque[Answer] = deque()
        """Answers to the next good calls, in order."""
        self._key = secret.encode()

    @property
    def received(self) -> list[dict[str, Any]]:
        """What was taken, in order."""
        return [call.json for call in self.calls if call.answer.status == 200]

    def unscripted(self, call: Call) -> Answer:
        """The next answer of the script for what is rightly signed; 401 for all else."""
        if not self._is_signed(call):
            return json_answer({"error": "bad signature"}, 401)
        return self.next.popleft() if self.next else json_answer({"ok": True})

    def _is_signed(self, call: Call) -> bool:
        number, at = call.header("webhook-id") or "", call.header("webhook-timestamp") or ""
        if not at.isdecimal() or abs(time.time() - int(at)) > _TOLERANCE_S:
            return False
        digest = hmac.digest(self._key, f"{number}.{at}.".encode() + call.body, hashlib.sha256)
        return hmac.compare_digest(call.header("webhook-signature") or "", f"v1,{base64.b64encode(digest).decode()}")

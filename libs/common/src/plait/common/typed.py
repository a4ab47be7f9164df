"""Which of the texts that clients send a person typed. Pure."""

from __future__ import annotations

import re
from typing import Final

_WRAPPERS: Final = (
    "bash-input",
    "bash-stderr",
    "bash-stdout",
    "command-args",
    "command-contents",
    "command-message",
    "command-name",
    "fork-boilerplate",
    "ide_diagnostics",
    "ide_opened_file",
    "ide_selection",
    "local-command-caveat",
    "local-command-stderr",
    "local-command-stdout",
    "new-diagnostics",
    "post-tool-use-hook",
    "session-start-hook",
    "system-reminder",
    "task-notification",
    "user-memory-input",
    "user-prompt-submit-hook",
)
"""Tags in which clients wrap what nobody typed; any other tag a person may have typed."""
_NOT_TYPED: Final = re.compile(
    rf"<(?:{'|'.join(_WRAPPERS)})>"
    r"|\[Request interrupted|\[Tool call interrupted|Caveat: |This session is being continued"
    r"|Base directory for this skill: "
)


def is_typed(text: str) -> bool:
    """Whether a text, without reminders and outer white space, is none that clients put in by themselves."""
    return _NOT_TYPED.match(text) is None

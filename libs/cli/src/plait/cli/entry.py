"""Where the `plait` command begins: loads next to nothing, so that a Ctrl-C during the imports is answered quietly."""

from __future__ import annotations

import os
import sys

_STOPPED = 130


def main() -> None:
    """Run the command; a Ctrl-C that no command takes for itself is one line and exit status 130."""
    try:
        from plait.cli import main as command

        command.main()
    except KeyboardInterrupt:
        sys.stdout.flush()
        sys.stderr.write("Stopped.\n")
        sys.stderr.flush()
        os._exit(_STOPPED)  # a module that was imported by half would complain at an ordinary exit

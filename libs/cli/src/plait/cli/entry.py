"""Where the `plait` command begins: loads next to nothing, so that a Ctrl-C during the imports is answered quietly."""

from __future__ import annotations

import os
import sys

_STOPPED = 130
_NOT_READ = 141
"""What a shell says of a program that SIGPIPE ended."""


def main() -> None:
    """Run the command.

    A Ctrl-C that no command takes for itself is one line and exit status 130; a reader of our output that has enough,
    such as `head`, ends us without a word.
    """
    try:
        from plait.cli import main as command

        try:
            command.main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os._exit(_NOT_READ)  # an ordinary exit would try to write what is left
    except KeyboardInterrupt:
        sys.stdout.flush()
        sys.stderr.write("Stopped.\n")
        sys.stderr.flush()
        os._exit(_STOPPED)  # a module that was imported by half would complain at an ordinary exit

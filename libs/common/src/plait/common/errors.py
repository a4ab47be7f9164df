"""Errors with a meaning: what a caller does about one is decided by its type.

The default message of an error is the first line of its class's docstring.
"""

from __future__ import annotations


class PlaitError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class UserError(PlaitError):
    """What was asked for cannot be done; the message says what to do instead. Commands print it and exit 1."""


class WrongUsage(UserError):
    """A command was called in a way that it does not take. Commands print it and exit 2."""


class DependencyDown(PlaitError):
    """A database or broker does not answer: pause, say so, try again. Nothing is wrong with the record in hand."""


class BadRecord(PlaitError):
    """A record that no retry will mend: it goes to the dead letters with this message as its cause."""


class Broken(PlaitError):
    """A file of keys or credentials cannot be used; the message says why, without any secret."""

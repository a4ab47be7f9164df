"""Domains as people name them."""

from __future__ import annotations

import shlex
from pathlib import Path

from plait.common.access.domains import DEFAULT, WILD, domain_named
from plait.common.errors import UserError, WrongUsage
from plait.gateway.access.directory import Directory


def named(text: str) -> str:
    """The domain, or pattern of domains, that somebody names, in normal form.

    Raises:
        WrongUsage: it is none.
    """
    if domain := domain_named(text):
        return domain
    given = text if text.strip() else "An empty name"
    raise WrongUsage(f"{given} is no domain: it is a host's name, `{DEFAULT}`, or `{WILD}` and a name.")


def host_named(text: str) -> str:
    """One domain in normal form.

    Raises:
        WrongUsage: it is none, or stands for many.
    """
    domain = named(text)
    if domain == DEFAULT or domain.startswith(WILD):
        raise WrongUsage(f"{text} stands for many domains: name each that is meant.")
    return domain


def host_of(domain: str) -> str:
    """A domain as commands that need a host are told it: what stands for many is left to the reader to replace."""
    return "HOST" if domain == DEFAULT or domain.startswith(WILD) else domain


def file_of(domain: str, folder: Path, *, own_file: bool) -> Path:
    """Where the credential file of a domain in normal form is, or belongs; `own_file`: whatever it hides.

    Raises:
        UserError: it is not there, and would hide the file that is in force for the domain.
    """
    directory = Directory(folder)
    source = directory.scan().source(domain)
    if source is not None and source != domain and not own_file:
        raise UserError(
            f"The file of {source} is in force for {domain}: name {shlex.quote(source)} to change it. A file of its own"
            f" (--own-file) would hide that one from {domain}, with its keys and credential for Claude."
        )
    return directory.path_of(domain)

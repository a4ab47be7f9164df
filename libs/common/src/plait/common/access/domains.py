"""Domains in one normal form, whether a Host header, a file's name or a command's argument gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import idna

DEFAULT: Final = "_default"
"""Stands for every host that no other file is for."""
WILD: Final = "*."
"""`*.example.com` stands for every host below example.com, at any depth."""

_MOST_REMEMBERED: Final = 256
"""Few, because a hostile one may have 64 KB; more than clients have at a time."""
_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,254})(?::([0-9]{0,5}))?")
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_HIGHEST_PORT: Final = 65535


@lru_cache(_MOST_REMEMBERED)
def domain_of(host: bytes) -> str | None:
    """The domain that a Host header names; None when it is malformed.

    Lower case, without trailing dot and port; the port stays with `localhost` and IPv4 addresses (api.md), because on
    one's own machine it is what tells one gateway from another. An IPv6 address is in brackets, in its shortest form.
    """
    try:
        match = _HOST.fullmatch(host.decode("ascii"))
    except UnicodeDecodeError:
        return None
    return None if match is None else _normal(match[1].lower().removesuffix("."), match[2])


def domain_named(text: str) -> str | None:
    """The domain, or pattern of domains, that people call `text`: letters beyond ASCII are put into punycode."""
    if text == DEFAULT:
        return text
    if text.startswith(WILD):
        name = domain_named(text.removeprefix(WILD))
        return WILD + name if name and _NAME.fullmatch(name) and not _ends_in_number(name) else None
    try:
        ascii_text = text.encode("ascii") if text.isascii() else idna.encode(text, uts46=True)
    except idna.IDNAError:
        return None
    return domain_of(ascii_text)


def less_specific(domain: str) -> Iterator[str]:
    """What a file that counts for a domain may be called beside the domain itself, most specific first."""
    bare = domain if domain.startswith("[") else domain.partition(":")[0]
    yield bare
    while "." in bare:
        bare = bare.partition(".")[2]
        yield WILD + bare
    yield DEFAULT


def _normal(name: str, port: str | None) -> str | None:
    if port and int(port) > _HIGHEST_PORT:
        return None
    try:
        if name.startswith("["):
            return f"[{IPv6Address(name[1:-1]).compressed}]"
        if _ends_in_number(name):
            return f"{IPv4Address(name)}" + _suffix(port)
    except AddressValueError:
        return None
    if not _NAME.fullmatch(name):
        return None
    return name + _suffix(port) if name == "localhost" else name


def _ends_in_number(name: str) -> bool:
    """Such a name is an IPv4 address or nothing: no top-level domain is a number."""
    return name.rpartition(".")[2].isdigit()


def _suffix(port: str | None) -> str:
    return f":{int(port)}" if port else ""

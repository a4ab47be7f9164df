"""Numbers of people: cards, bank accounts, telephones. Each is checked by what such a number has to fulfil."""

from __future__ import annotations

import re
from typing import Final

from plait.common.redaction.finding import TAKEN, Finder, Span, group

_CARD: Final = re.compile(
    r"(?<![\w.,+-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -]?)\d{6}\2\d{4,5})(?![\w-]|[.,]\d)", re.ASCII
)
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|(?:62|5018|5020|5038|6304)\d{10,17}",
    re.ASCII,
)
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.ASCII | re.IGNORECASE)
_IBANS: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29"
    " ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20"
    " LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25"
    " QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 TN24 TR26 UA29 VG24 XK20"
)
_IBAN_LENGTHS: Final = {each[:2]: int(each[2:]) for each in _IBANS.split()}
"""By countries."""
_SOCIAL_SECURITY: Final = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", re.ASCII)

_DIGITS: Final = r"(?:[ .\-/()]{0,2}\d)"
_INTERNATIONAL: Final = re.compile(rf"(?<![\w.+])\+[1-9]{_DIGITS}{{6,14}}(?!\d)", re.ASCII)
_DIALLED: Final = re.compile(r"(?<![\w.,+/-])00[1-9]\d{0,2}[ /-]\(?\d{1,5}\)?(?:[ /-]\d{2,8}){1,4}(?![\w-])", re.ASCII)
_AMERICAN: Final = re.compile(
    r"(?<![\w.,+/-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?[2-9]\d{2}[ .-]\d{4}|[2-9]\d{2}([.-])[2-9]\d{2}\1\d{4})"
    r"(?![\w-]|\.\d)",
    re.ASCII,
)
_NATIONAL: Final = re.compile(
    r"(?<![\w.,+/:-])(?<!\d[ -])(?:0[1-9]\d{0,3}|\(0[1-9]\d{0,3}\))(?:[ /-]\d{2,8}){1,4}(?![\w-]| \d)", re.ASCII
)
_TOLD: Final = re.compile(
    r"\b(?:phone|tel|telephone|telefon|mobile|mobil|handy|cell|fax|whatsapp|sms)\.?(?:[ _]?(?:number|no\.?|nr\.?))?"
    rf"[\"']?[ ]{{0,2}}[:=]?[ ]{{0,2}}[\"']?(?P<{TAKEN}>\+?\(?\d{_DIGITS}{{6,14}})(?!\d)",
    re.ASCII | re.IGNORECASE,
)
_NO_PHONE: Final = re.compile(r"\d{1,2}([ /-])\d{1,2}\1\d{4}\b|\d{5}-\d{4}$", re.ASCII)
"""Dates, and American post codes."""


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())


def _is_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = [int(one) * 2 for one in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)) % 10 == 0


def _card(match: re.Match[str]) -> Span | None:
    digits = _digits(match.group())
    return match.span() if _ISSUERS.fullmatch(digits) and _is_luhn(digits) else None


def _iban(match: re.Match[str]) -> Span | None:
    """As much of the match as the country's numbers are long; what follows may be a word."""
    length = _IBAN_LENGTHS.get(match.group()[:2].upper())
    places = [place for place, one in enumerate(match.group()) if one.isalnum()]
    if length is None or len(places) < length:
        return None
    end = match.start() + places[length - 1] + 1
    following = match.string[end : end + 1]
    return None if following.isalnum() or not _is_iban(match.string[match.start() : end]) else (match.start(), end)


def _is_iban(text: str) -> bool:
    """ISO 13616: rearranged and written in digits, it leaves 1 when it is divided by 97."""
    plain = text.upper().replace(" ", "").replace("-", "")
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _national(match: re.Match[str]) -> Span | None:
    """9 to 12 digits, and nothing else that has as many."""
    is_one = 9 <= len(_digits(match.group())) <= 12 and not _NO_PHONE.match(match.group())
    return match.span() if is_one else None


CARDS: Final = (Finder(_CARD, _card),)
IBANS: Final = (Finder(_IBAN, _iban),)
SOCIAL_SECURITY: Final = (Finder(_SOCIAL_SECURITY),)
PHONES: Final = (
    Finder(_INTERNATIONAL, hints=("+",)),
    Finder(_DIALLED, hints=("00",)),
    Finder(_AMERICAN),
    Finder(_NATIONAL, _national),
    Finder(_TOLD, group),
)

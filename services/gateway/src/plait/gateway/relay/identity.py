"""What of a request's head says who it is, and what goes to Claude in its place."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from plait.gateway.access.access import Access, Admission
from plait.gateway.relay.fields import Fields
from plait.gateway.relay.refusals import Refusal, doubled_credential

_CREDENTIALS: Final = (b"authorization", b"x-api-key")
_BETA: Final = b"anthropic-beta"


class Unready(Refusal):
    """The sender is let in, but his domain's login at Claude has expired, and cannot be refreshed now."""

    def __init__(self, refusal: Refusal, admission: Admission) -> None:
        super().__init__(refusal.status, refusal.type, refusal.message, refusal.reason, refusal.fields)
        self.admission = admission


async def admit(access: Access, fields: Fields) -> Admission:
    """Who sends a request with these fields; an old token of the domain is refreshed first.

    Raises:
        Refusal: the sender is not let in.
        Unready: he is, but there is nothing to show to Claude.
    """
    hosts, authorizations, api_keys = (_values(fields, name) for name in (b"host", *_CREDENTIALS))
    host = hosts[0] if len(hosts) == 1 else None
    if max(len(authorizations), len(api_keys)) > 1:
        return _admit_doubled(access, host, authorizations, api_keys)
    admission = access.admit(host, next(iter(authorizations), None), next(iter(api_keys), None))
    if not admission.stale:
        return admission
    try:
        return await access.fresh(admission)
    except Refusal as refusal:
        raise Unready(refusal, admission) from refusal


def _admit_doubled(
    access: Access, host: bytes | None, authorizations: Sequence[bytes], api_keys: Sequence[bytes]
) -> Admission:
    """The sender, where all of this is its own and goes to Claude: one of it may be a key of ours, which must not."""
    try:
        admissions = [access.admit(host, authorization, None) for authorization in authorizations]
        admissions += [access.admit(host, None, api_key) for api_key in api_keys]
    except Refusal as refusal:
        if refusal.status != HTTPStatus.UNAUTHORIZED:
            raise
        raise doubled_credential() from refusal
    if any(admission.drop for admission in admissions):
        raise doubled_credential()
    return admissions[0]


def as_admitted(fields: Fields, admission: Admission) -> Fields:
    """The same fields without the gateway's keys; with the domain's credential in the client's place if it has one."""
    if not admission.drop and admission.beta is None:
        return [*fields, *admission.add]
    kept = [field for field in fields if field[0].lower() not in admission.drop]
    return [*with_beta(_without(kept, admission.hide), admission.beta), *admission.add]


def _without(fields: Fields, keys: tuple[bytes, ...]) -> Fields:
    """The fields that hold none of these keys: clients send theirs under more names than they have to."""
    values = b"\n".join([value for _, value in fields]) if keys else b""
    for key in keys:
        if key in values:
            fields = [field for field in fields if key not in field[1]]
    return fields


def with_beta(fields: Fields, beta: bytes | None) -> Fields:
    """The same fields with one more beta listed; the client's own list stays as it is before it."""
    at = [index for index, (name, _) in enumerate(fields) if name.lower() == _BETA]
    if beta is None or any(beta == part.strip() for index in at for part in fields[index][1].split(b",")):
        return fields
    if not at:
        return [*fields, (_BETA, beta)]
    name, value = fields[at[-1]]
    merged = b",".join(part for part in (value, beta) if part)
    return [*fields[: at[-1]], (name, merged), *fields[at[-1] + 1 :]]


def _values(fields: Fields, name: bytes) -> list[bytes]:
    return [value for given, value in fields if given == name]

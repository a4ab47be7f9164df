"""Exchanges as rows of the tables, in the order of the columns that `COLUMNS` names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec

from plait.common.blobs import Blob, Link, shelve
from plait.common.packing import PLAIN_MARK, pack, pack_json
from plait.linker.domain.facts import FACTS_VERSION, Answer, Facts, Kind
from plait.linker.knowledge import request_row
from tests.bench.history.accounting import Calls, reported, usage_row, warning_row
from tests.bench.history.searched import Searched
from tests.bench.history.told import Answered, Asked, Told

Row = tuple[Any, ...]
COLUMNS: Final = {
    "blobs": "hash size encoding data",
    "chains": "hash parent blob depth",
    "exchanges": "id domain started_at method path query account_id session_id agent_id kind side_kind request_type"
    " model tag key_name client client_address request_size message_count tool_call_count preview status outcome"
    " streamed response_size ended_at first_byte_ms first_token_ms duration_ms error_type error_message agent_type",
    "exchange_requests": "id headers frame chain system tools remainder whole",
    "exchange_responses": "id headers frame content remainder whole",
    "facts": "exchange_id started_at asked begun line follows version data",
    "answer_facts": "exchange_id started_at answered message tool said version data",
    "links": "exchange_id own_id conversation_id parent_id link_kind branch_id retry_of serves_id is_subtask"
    " parent_task_id rule detail",
    "usage": "exchange_id domain account_id model started_at placed kind request_type key_name tag agent_type"
    " input_tokens output_tokens cache_read_tokens cache_creation_tokens cache_creation_5m_tokens"
    " cache_creation_1h_tokens web_search_requests web_fetch_requests service_tier subscription estimated raw"
    " cost_usd cost_input_usd cost_output_usd cost_cache_5m_usd cost_cache_1h_usd cost_cache_read_usd cost_tools_usd"
    " price_version price_model",
    "tool_calls": "key domain exchange_id account_id tool called_at lines_added lines_removed returned_in returned_at"
    " failed",
    "limit_warnings": "exchange_id account_id domain seen_at status",
    "account_limits": "account_id domain name value seen_at exchange_id",
    "limit_windows": "account_id domain claim ends_at first_seen last_seen utilization status",
    "conversations": "id root_id domain account_id title first_time last_time latest_id request_count message_count"
    " session_ids models branch_ids branch_count subtask_count compact_count user_branch_count",
    "search_texts": "exchange_id message number blob terms",
    "search_slots": "slot mask first_at last_at",
}
"""Tables in the order in which they are filled."""

_NOTHING_MOVED: Final = pack(b"{}")


class Rows:
    """Rows by table, taken away batch by batch; shared contents are handed out once."""

    def __init__(self) -> None:
        self._kept: defaultdict[str, list[Row]] = defaultdict(list)
        self._shared: set[bytes] = set()
        self._calls = Calls()
        self._searched = Searched()

    def take(self) -> dict[str, list[Row]]:
        """What came since the last time."""
        taken, self._kept = self._kept, defaultdict(list)
        return taken

    def close(self) -> None:
        """All is told: calls whose result nobody sent, and the index's slots."""
        self._kept["tool_calls"] += self._calls.open()
        self._kept["search_slots"] += self._searched.slots()

    def add(self, told: Told) -> None:
        """All rows of an exchange."""
        asked, answered = told.asked, told.answered
        self._contents(told)
        self._kept["exchanges"].append(_exchange(told))
        self._kept["exchange_requests"].append(_request(told))
        self._kept["facts"].append(_facts(told))
        self._kept["links"].append(_link(told))
        self._kept["tool_calls"] += self._calls.returned(told)
        self._kept["search_texts"] += self._searched.rows(told)
        if answered is None:
            return
        self._kept["exchange_responses"].append(_response(told, asked, answered))
        self._kept["answer_facts"].append(_answer_facts(told, answered))
        if answered.spent:
            self._kept["usage"].append(usage_row(told, answered, answered.spent))
        if answered.status == 429:
            self._kept["limit_warnings"].append(warning_row(told))
        self._calls.called(told, answered)

    def add_conversation(self, row: Row) -> None:
        """A row of `conversations`."""
        self._kept["conversations"].append(row)

    def _contents(self, told: Told) -> None:
        for blob in told.person.blobs:
            if blob.hash not in self._shared:
                self._shared.add(blob.hash)
                self._kept["blobs"].append(_blob(blob))
        answer = told.answered.content if told.answered else None
        self._kept["blobs"] += map(_blob, _new(told.asked.blobs, answer))
        self._kept["chains"] += map(_chain, told.asked.links)


def _new(messages: Iterable[Blob], answer: Blob | None) -> list[Blob]:
    """An answer is put down with its own exchange, and not again with the request that sends it as a message."""
    user = [blob for blob in messages if blob.data.endswith(b'"role":"user"}')]
    return [*user, *([answer] if answer else [])]


def _blob(blob: Blob) -> Row:
    return (blob.hash, len(blob.data), *shelve(blob.data))


def _chain(link: Link) -> Row:
    return (link.hash, link.parent, link.blob, link.depth)


def _exchange(told: Told) -> Row:
    person, asked, answered = told.person, told.asked, told.answered
    size = 9_000 + 600 * asked.depth
    head: Row = (
        told.id, person.domain, told.at, asked.method, asked.path, "beta=true", person.account_id, person.session_id,
        told.agent_id, asked.kind, asked.side_kind, asked.request_type, asked.model, person.tag, person.key_name,
        person.client, "127.0.0.1", size, asked.depth or None,
    )  # fmt: skip
    if answered is None:
        return (*head, None, asked.preview, *[None] * 10, told.agent_type)
    streamed, lasted = answered.content is not None, answered.lasted_ms
    first = min(lasted, 400.0 + lasted / 20)
    return (
        *head, len(answered.calls), asked.preview, answered.status, answered.outcome, streamed, 1500, told.ended_at,
        first, first + 90 if streamed else None, lasted, *(answered.error or (None, None)), told.agent_type,
    )  # fmt: skip


def _request(told: Told) -> Row:
    person, asked = told.person, told.asked
    return (
        told.id, person.beside_frame, person.frame.hash, asked.head, person.system.hash, person.tools.hash,
        _NOTHING_MOVED, False,
    )  # fmt: skip


def _response(told: Told, asked: Asked, answered: Answered) -> Row:
    person, content = told.person, answered.content
    head: Row = (told.id, person.beside_answer_frame, person.answer_frame.hash)
    if content is None:
        return (*head, None, pack(msgspec.json.encode(_short(answered))), True)
    rest = {"id": _message_id(told), "type": "message", "model": asked.model, "stop_reason": answered.stop_reason}
    usage = {"usage": reported(answered.spent)} if answered.spent else {}
    return (*head, content.hash, pack_json({"rest": {**rest, **usage}}), False)


def _short(answered: Answered) -> dict[str, Any]:
    """The body of an answer that is no message."""
    if answered.error is None:
        return {"input_tokens": 14_000}
    kind, message = answered.error
    return {"type": "error", "error": {"type": kind, "message": message}}


def _message_id(told: Told) -> str:
    return f"msg_{told.id.hex[8:]}"


def _facts(told: Told) -> Row:
    """What lists of them count; no hash that a rule could match."""
    facts = Facts(
        id=told.id, started_at=told.at, domain=told.person.domain, kind=_kind(told), side_kind=told.asked.side_kind,
        session_id=told.person.session_id, agent_id=told.agent_id, count=told.asked.depth,
    )  # fmt: skip
    return request_row(facts, {})


def _kind(told: Told) -> Kind:
    found: Kind = told.asked.kind  # type: ignore[assignment]
    return found


def _answer_facts(told: Told, answered: Answered) -> Row:
    answer = Answer(
        outcome=answered.outcome,  # type: ignore[arg-type]
        ended_at=told.at + timedelta(milliseconds=answered.lasted_ms),
        message_id=_message_id(told),
        stop_reason=answered.stop_reason or "",
        empty=answered.content is None,
    )
    data = PLAIN_MARK + msgspec.msgpack.encode(answer)
    return (told.id, told.at, None, None, None, None, FACTS_VERSION, data)


def _link(told: Told) -> Row:
    link = told.linked
    rule = "none" if link.link_kind == "root" else "scope" if link.link_kind else "serves"
    return (
        told.id, told.own_id, link.conversation_id, link.parent_id, link.link_kind, link.branch, link.retry_of,
        link.serves_id, link.task_id is not None, link.task_id, rule, "{}",
    )  # fmt: skip

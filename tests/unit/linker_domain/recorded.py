"""Recorded exchanges as events, and what their truth says a tree must look like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw

from plait.common.events import RequestData, ResponseData
from plait.common.folding import fold
from plait.common.ids import conversation_id, new_exchange_id
from plait.linker.domain.facts import Facts, Kind
from plait.linker.domain.names import LinkKind, Names
from plait.linker.domain.request import request_facts, with_answer
from plait.linker.domain.weave import Loom

FOLDER = Path(__file__).parents[3] / "samples" / "recorded"
Ids = Literal["kept", "removed"]
KIND_OF_ROLE: Mapping[str, Kind] = {
    "main": "inference",
    "subagent": "subagent",
    "compact": "compaction",
    "title": "auxiliary",
    "classifier": "auxiliary",
    "websearch": "auxiliary",
    "side_question": "auxiliary",
    "suggestion": "auxiliary",
    "count_tokens": "count_tokens",
    "probe": "probe",
    "models": "models",
}


@dataclass(frozen=True)
class Exchange:
    """One recorded exchange: both halves as events, and its truth."""

    scenario: str
    seq: int
    request: RequestData
    response: ResponseData
    truth: dict[str, Any]

    @property
    def id(self) -> UUID:
        return self.request.exchange_id

    @property
    def facts(self) -> Facts:
        return with_answer(request_facts(self.request), self.response)


Scenario = dict[int, Exchange]


def scenarios(ids: Ids = "kept", domain: str | None = None) -> dict[str, Scenario]:
    """All recorded scenarios, each in a domain of its own unless one is given.

    With ids `removed`, clients say neither session nor agent. The recording's scripted answers repeat tool ids: in one
    domain they are made to differ, as real ones do.
    """
    found: dict[str, Scenario] = {}
    for path in sorted(FOLDER.glob("*/*.json")):
        name, text = path.parent.name, path.read_text()
        raw = json.loads(re.sub(r"\b(toolu_01|msg_01)(?=\w{22}\b)", rf"\1{name}", text) if domain else text)
        found.setdefault(name, {})[raw["seq"]] = _exchange(name, raw, ids, domain or f"{name}.test")
    return found


def _exchange(scenario: str, raw: dict[str, Any], ids: Ids, domain: str) -> Exchange:
    started, ended = (datetime.fromtimestamp(t, UTC) for t in (raw["t"], raw["response"]["t_end"]))
    number = new_exchange_id(raw["t"])
    body = raw["body"]
    if ids == "removed" and body is not None:
        body.pop("metadata", None)
    headers = [] if ids == "removed" else [(name, value) for name, value in raw["headers"]]
    request = RequestData(
        exchange_id=number,
        domain=domain,
        thread="",
        started_at=started,
        method=raw["method"],
        path=raw["path"],
        headers=headers,
        body=UNSET if body is None else Raw(json.dumps(body).encode()),
        body_size=0,
    )
    return Exchange(scenario, raw["seq"], request, _response(raw, domain, number, started, ended), raw["truth"])


def _response(raw: dict[str, Any], domain: str, number: UUID, started: datetime, ended: datetime) -> ResponseData:
    answer = raw["response"]
    folded = fold(answer["sse"].encode()) if "sse" in answer else None
    message = folded.message if folded else answer.get("body")
    return ResponseData(
        exchange_id=number,
        domain=domain,
        thread="",
        started_at=started,
        outcome=_outcome(answer, folded is not None and folded.started),
        status=answer["status"],
        headers=[],
        ended_at=ended,
        duration_ms=(ended - started).total_seconds() * 1000,
        body=Raw(msgspec.json.encode(message)) if message else UNSET,
    )


def _outcome(answer: dict[str, Any], started: bool) -> Literal["complete", "interrupted", "failed", "aborted"]:
    if answer["outcome"] == "client_disconnected":
        return "aborted"
    if answer["outcome"] == "cut_by_server":
        return "interrupted"
    if answer["outcome"] == "sse_error":
        return "interrupted" if started else "failed"
    return "complete" if answer["status"] < 400 else "failed"


def faults(found: Scenario, loom: Loom) -> list[str]:
    """What the woven tree of a scenario says otherwise than its truth; empty: all is right."""
    names = loom.names()
    return [
        f"{one.scenario}/{one.seq}: {fault}"
        for one in found.values()
        for fault in (_side_faults(one, found, loom) if one.truth["link"] == "aux" else _faults(one, found, names))
    ]


def _id(found: Scenario, seq: int | None) -> UUID | None:
    return None if seq is None else found[seq].id


def _side_faults(one: Exchange, found: Scenario, loom: Loom) -> list[str]:
    link = loom.links()[one.id]
    wanted = _id(found, one.truth["parent_seq"])
    faults = [] if wanted in (None, link.serves_id) else [f"serves {link.serves_id}, not {wanted} ({link.rule})"]
    kind, wanted_kind = loom.book.facts[one.id].kind, KIND_OF_ROLE[one.truth["role"]]
    return faults if kind == wanted_kind else [*faults, f"kind {kind}, not {wanted_kind}"]


def _faults(one: Exchange, found: Scenario, names: Mapping[UUID, Names]) -> list[str]:
    has = names[one.id]
    truth = one.truth
    rewound = (truth["branch"] or "").startswith("same session rewound")
    link: LinkKind = "branch" if rewound else truth["link"]
    root = _root(one, found)
    wanted = {
        "parent": (has.parent_id, _id(found, truth["parent_seq"])),
        "link": (has.link_kind, link),
        "kind": (has.kind, KIND_OF_ROLE[truth["role"]]),
        "conversation": (has.conversation_id, conversation_id(root.id)),
        "task": (has.parent_task_id, _task(one, found)),
        "subtask": (has.is_subtask, _task(one, found) is not None),
    }
    faults = [f"{what} {is_}, not {must}" for what, (is_, must) in wanted.items() if is_ != must]
    branch = _branch(one, link, found, names)
    return faults if re.fullmatch(branch, has.branch_id or "") else [*faults, f"branch {has.branch_id}, not {branch}"]


def _before(one: Exchange, found: Scenario) -> Exchange | None:
    seq = one.truth["retry_of"] if one.truth["link"] == "retry" else one.truth["parent_seq"]
    return found[seq] if seq is not None else None


def _root(one: Exchange, found: Scenario) -> Exchange:
    before = _before(one, found)
    return _root(before, found) if before else one


def _task(one: Exchange, found: Scenario) -> UUID | None:
    """The exchange whose call the sub-agent above was started by."""
    if one.truth["link"] == "spawn":
        return _id(found, one.truth["parent_seq"])
    before = _before(one, found)
    return _task(before, found) if before else None


def _branch(one: Exchange, link: LinkKind, found: Scenario, names: Mapping[UUID, Names]) -> str:
    """A pattern of the branch it must be on."""
    before = _before(one, found)
    if before is None:
        return "main"
    if link == "spawn":
        spawns = [e.seq for e in found.values() if e.truth["link"] == "spawn" and _root(e, found) is _root(one, found)]
        return f"subtask_{sorted(spawns).index(one.seq) + 1}"
    started = one.request.started_at
    if link in ("fork", "branch"):
        return f"branch_{started:%Y%m%d%H%M%S}"
    if link == "after_compaction":
        return f"compact_{started:%H%M%S}"
    return re.escape(names[before.id].branch_id or "")

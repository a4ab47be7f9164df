"""`docs/events/`, written from the models: a JSON Schema per event and an AsyncAPI document of all topics.

python -m plait.common.schemas docs/events
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from plait.common import topics
from plait.common.events import AnalysisEvent, ChunkEvent, ConversationEvent, RequestEvent, ResponseEvent, UsageEvent
from plait.common.topics import Topic

Json: TypeAlias = "dict[str, Any]"

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ASYNCAPI: Final = "asyncapi.json"


@dataclass(frozen=True)
class Message:
    """An event type, its topic, and who sends and reads it."""

    model: type[msgspec.Struct]
    topic: Topic
    senders: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return str(self.model.__struct_config__.tag)

    @property
    def file(self) -> str:
        """Name of its schema's file."""
        return f"{self.type}.json"


MESSAGES: Final = (
    Message(RequestEvent, topics.REQUESTS, ("shipper",), ("linker", "ledger")),
    Message(ChunkEvent, topics.CHUNKS, ("shipper",), ("linker",)),
    Message(ResponseEvent, topics.RESPONSES, ("shipper",), ("linker", "ledger", "notifier")),
    Message(ConversationEvent, topics.CONVERSATIONS, ("linker",), ("analyzer", "notifier")),
    Message(UsageEvent, topics.USAGE, ("ledger",), ()),
    Message(AnalysisEvent, topics.ANALYSES, ("analyzer",), ()),
)


def schema(message: Message) -> Json:
    """The JSON Schema of an event. Fields that it does not name are allowed: readers must tolerate them."""
    return {"$schema": _DIALECT, **msgspec.json.schema(message.model)}


def asyncapi() -> Json:
    """The topics, what stands in them, and who sends and reads it."""
    channels = {topic.name: _channel(topic) for topic in topics.ALL}
    operations = {
        f"{part}.{verb}.{message.topic.name}": {
            "action": verb,
            "channel": {"$ref": f"#/channels/{message.topic.name}"},
            "messages": [{"$ref": f"#/channels/{message.topic.name}/messages/{message.type}"}],
        }
        for message in MESSAGES
        for verb, parts in (("send", message.senders), ("receive", message.readers))
        for part in parts
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Plait's events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in JSON (structured mode). The key of a record is its `partitionkey`: "
            "domain and thread, so all events of one thread meet in one partition, in order.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
    }


def documents() -> dict[str, str]:
    """Every file's name with its text."""
    made: dict[str, Json] = {message.file: schema(message) for message in MESSAGES}
    made[_ASYNCAPI] = asyncapi()
    return {name: _text(document) for name, document in made.items()}


def _channel(topic: Topic) -> Json:
    return {
        "address": topic.name,
        "messages": {m.type: _message(m) for m in MESSAGES if m.topic is topic},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topics.MAX_EVENT_BYTES,
                },
            }
        },
    }


def _message(message: Message) -> Json:
    return {
        "name": message.type,
        "summary": (message.model.__doc__ or "").strip(),
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": {"$ref": message.file}},
    }


def _text(document: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2).decode() + "\n"


def main(arguments: list[str]) -> int:
    """Write all documents into the folder that is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m plait.common.schemas FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

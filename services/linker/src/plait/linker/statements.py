"""Every statement that the linker runs, and why it is the way it is.

Rows come as one array per column: one statement a table and batch. All inserts leave what is there alone, so a repeated
batch changes nothing.
"""

from __future__ import annotations

from typing import Final

KNOWN_CHAINS: Final = "SELECT hash FROM chains WHERE hash = ANY($1)"

KNOWN_BLOBS: Final = "SELECT hash FROM blobs WHERE hash = ANY($1)"

ADD_BLOBS: Final = """
INSERT INTO blobs (hash, size, encoding, data)
SELECT * FROM unnest($1::bytea[], $2::integer[], $3::smallint[], $4::bytea[])
ON CONFLICT DO NOTHING
"""

ADD_CHAINS: Final = """
INSERT INTO chains (hash, parent, blob, depth)
SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::integer[])
ON CONFLICT DO NOTHING
"""

# The request's half of an exchange. The answer may have come first: then its row is there without a method. Its
# model and its account stand where the request knows none, and the model that answered stands over the one asked for.
ADD_REQUESTS: Final = """
INSERT INTO exchanges AS e (
    id, domain, started_at, method, path, query, account_id, session_id, agent_id, kind, side_kind, request_type, model,
    tag, key_name, client, client_address, request_size, message_count, preview
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::integer[], $19::integer[], $20::text[]
)
ON CONFLICT (id) DO UPDATE SET
    domain = excluded.domain, started_at = excluded.started_at, method = excluded.method, path = excluded.path,
    query = excluded.query, account_id = coalesce(excluded.account_id, e.account_id),
    session_id = excluded.session_id, agent_id = excluded.agent_id, kind = excluded.kind,
    side_kind = excluded.side_kind, request_type = excluded.request_type, model = coalesce(e.model, excluded.model),
    tag = excluded.tag, key_name = excluded.key_name, client = excluded.client,
    client_address = excluded.client_address, request_size = excluded.request_size,
    message_count = excluded.message_count, preview = excluded.preview
WHERE e.method IS NULL
"""

ADD_RESPONSES: Final = """
INSERT INTO exchanges AS e (
    id, domain, started_at, account_id, model, tool_call_count, status, outcome, streamed, response_size, ended_at,
    first_byte_ms, first_token_ms, duration_ms, error_type, error_message
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::smallint[], $8::text[],
    $9::boolean[], $10::integer[], $11::timestamptz[], $12::real[], $13::real[], $14::real[], $15::text[], $16::text[]
)
ON CONFLICT (id) DO UPDATE SET
    account_id = coalesce(e.account_id, excluded.account_id), model = coalesce(excluded.model, e.model),
    tool_call_count = excluded.tool_call_count, status = excluded.status, outcome = excluded.outcome,
    streamed = excluded.streamed, response_size = excluded.response_size, ended_at = excluded.ended_at,
    first_byte_ms = excluded.first_byte_ms, first_token_ms = excluded.first_token_ms,
    duration_ms = excluded.duration_ms, error_type = excluded.error_type, error_message = excluded.error_message
WHERE e.outcome IS NULL
"""

ADD_REQUEST_BODIES: Final = """
INSERT INTO exchange_requests (id, headers, chain, system, tools, remainder, whole)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::boolean[])
ON CONFLICT DO NOTHING
"""

ADD_RESPONSE_BODIES: Final = """
INSERT INTO exchange_responses (id, headers, content, remainder, whole)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::boolean[])
ON CONFLICT DO NOTHING
"""

ADD_CHUNKS: Final = """
INSERT INTO chunks (exchange_id, first_index, piece_count, data)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bytea[])
ON CONFLICT DO NOTHING
"""

MAKE_PARTITIONS: Final = "SELECT ensure_partitions(now(), now() + interval '2 months')"

# One linker at a time works on a domain's links, so that any number of them comes to the same tree. Locks are taken in
# the order of the keys, and nothing that another linker may hold is waited for after them.
LOCK: Final = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key"

FACTS: Final = "SELECT exchange_id, data, waiting FROM facts WHERE exchange_id = ANY($1)"

PUT_FACTS: Final = """
INSERT INTO facts (exchange_id, version, data, waiting)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bytea[], $4::bytea[])
ON CONFLICT (exchange_id) DO UPDATE SET
    version = excluded.version, data = excluded.data, waiting = excluded.waiting
"""

ADD_OFFERS: Final = """
INSERT INTO link_offers (key, started_at, exchange_id)
SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[])
ON CONFLICT DO NOTHING
"""

DROP_OFFERS: Final = """
DELETE FROM link_offers AS o USING unnest($1::bigint[], $2::timestamptz[], $3::uuid[]) AS gone (key, started_at, id)
WHERE o.key = gone.key AND o.started_at = gone.started_at AND o.exchange_id = gone.id
"""

_OFFERS = """
SELECT asked.position, found.exchange_id
FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::integer[])
    WITH ORDINALITY AS asked (key, after_time, after_id, before_time, before_id, most, position)
CROSS JOIN LATERAL (
    SELECT o.started_at, o.exchange_id
    FROM link_offers AS o
    WHERE o.key = asked.key
        AND (o.started_at, o.exchange_id) > (asked.after_time, asked.after_id)
        AND (o.started_at, o.exchange_id) < (asked.before_time, asked.before_id)
    ORDER BY o.started_at {order}, o.exchange_id {order}
    LIMIT asked.most
) AS found
ORDER BY asked.position, found.started_at {order}, found.exchange_id {order}
"""
# Candidates under each key, each key a short walk along the index: the newest first, or the oldest.
NEWEST_OFFERS: Final = _OFFERS.format(order="DESC")
OLDEST_OFFERS: Final = _OFFERS.format(order="ASC")

ADD_OUTBOX: Final = "INSERT INTO outbox (key, event) SELECT * FROM unnest($1::text[], $2::bytea[])"

# Two linkers never publish the same event at once.
TAKE_OUTBOX: Final = """
DELETE FROM outbox
WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, key, event
"""

"""The ledger's SQL. Rows come as one array per column; sorted, so that two writers cannot deadlock.

Of an exchange that was deleted nothing is written again, but by an import.
"""

from __future__ import annotations

from typing import Final

# Of an exchange that has a row already nothing changes. Answers with the key of each new row: those are published.
ADD: Final = """
INSERT INTO usage (
    exchange_id, domain, account_id, model, started_at, input_tokens, output_tokens, thinking_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
    service_tier, speed, subscription, estimated, cost_usd, cost_input_usd, cost_output_usd, cost_cache_5m_usd,
    cost_cache_1h_usd, cost_cache_read_usd, cost_tools_usd, price_version, price_model, raw,
    placed, kind, request_type, key_name, tag, agent_type
)
SELECT
    new.exchange_id, new.domain, new.account_id, new.model, new.started_at, n[1], n[2], n[3], n[4], n[5], n[6], n[7],
    n[8], n[9], new.service_tier, new.speed, new.subscription, new.estimated, usd[1], usd[2], usd[3], usd[4], usd[5],
    usd[6], usd[7], new.price_version, new.price_model, new.raw::jsonb, e.id IS NOT NULL, e.kind, e.request_type,
    e.key_name, e.tag, e.agent_type
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
    $9::boolean[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::text[], $15::boolean[]
) AS new (
    exchange_id, domain, account_id, model, started_at, figures, service_tier, speed, subscription, estimated, dollars,
    price_version, price_model, raw, imported
)
CROSS JOIN LATERAL (SELECT figures::bigint[] AS n, dollars::numeric[] AS usd OFFSET 0) AS read
LEFT JOIN exchanges AS e ON e.id = new.exchange_id AND e.method IS NOT NULL
WHERE new.imported OR NOT EXISTS (SELECT FROM forgotten AS f WHERE f.exchange_id = new.exchange_id)
ORDER BY new.exchange_id
ON CONFLICT (exchange_id) DO NOTHING
RETURNING exchange_id, placed
"""

# The exchange's own words beside usage that was stored before they were known, or before the kind changed. Rows that
# somebody holds are left for the next time.
_PLACE: Final = """
WITH found AS MATERIALIZED (
    SELECT u.exchange_id, e.kind, e.request_type, e.key_name, e.tag, e.agent_type
    FROM usage AS u JOIN exchanges AS e ON e.id = u.exchange_id AND e.method IS NOT NULL
    WHERE u.exchange_id IN ({which}) AND (NOT u.placed OR u.kind IS DISTINCT FROM e.kind)
    ORDER BY u.exchange_id
    FOR UPDATE OF u SKIP LOCKED
)
UPDATE usage AS u SET
    placed = true, kind = found.kind, request_type = found.request_type, key_name = found.key_name, tag = found.tag,
    agent_type = found.agent_type
FROM found WHERE u.exchange_id = found.exchange_id
"""
PLACE_THESE: Final = _PLACE.format(which="SELECT unnest($1::uuid[])")
PLACE_MOVED: Final = _PLACE.format(which="SELECT exchange_id FROM moved_usage")
PLACE_ALL: Final = _PLACE.format(which="SELECT exchange_id FROM usage WHERE NOT placed")
# Longer than any statement of the ledger may run (plait.common.postgres).
TIDY_MOVED: Final = "DELETE FROM moved_usage WHERE moved_at < now() - interval '10 minutes'"

SETTLE: Final = "SELECT settle_usage_slots(), settle_tool_slots()"

# A call that comes twice (an answer that was given again) is that of the first answer.
ADD_CALLS: Final = """
INSERT INTO tool_calls AS c (
    key, domain, exchange_id, account_id, tool, called_at, lines_added, lines_removed
)
SELECT DISTINCT ON (key) key, domain, exchange_id, account_id, tool, called_at, lines_added, lines_removed
FROM unnest(
    $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::integer[], $8::integer[],
    $9::boolean[]
) AS new (key, domain, exchange_id, account_id, tool, called_at, lines_added, lines_removed, imported)
WHERE imported OR NOT EXISTS (SELECT FROM forgotten AS f WHERE f.exchange_id = new.exchange_id)
ORDER BY key, called_at, exchange_id
ON CONFLICT (key) DO UPDATE SET
    exchange_id = excluded.exchange_id, account_id = excluded.account_id, tool = excluded.tool,
    called_at = excluded.called_at, lines_added = excluded.lines_added, lines_removed = excluded.lines_removed
WHERE c.exchange_id IS NULL OR (excluded.called_at, excluded.exchange_id) < (c.called_at, c.exchange_id)
"""

# A result that is sent again (a request that was tried again) is that of the first request.
ADD_RESULTS: Final = """
INSERT INTO tool_calls AS c (key, domain, returned_in, returned_at, failed)
SELECT DISTINCT ON (key) key, domain, returned_in, returned_at, failed
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::boolean[], $6::boolean[])
    AS new (key, domain, returned_in, returned_at, failed, imported)
WHERE imported OR NOT EXISTS (SELECT FROM forgotten AS f WHERE f.exchange_id = new.returned_in)
ORDER BY key, returned_at, returned_in
ON CONFLICT (key) DO UPDATE SET
    returned_in = excluded.returned_in, returned_at = excluded.returned_at, failed = excluded.failed
WHERE c.returned_in IS NULL OR (excluded.returned_at, excluded.returned_in) < (c.returned_at, c.returned_in)
"""

SEE_LIMITS: Final = """
INSERT INTO account_limits AS l (account_id, domain, name, value, seen_at, exchange_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[])
ON CONFLICT (whose, name) DO UPDATE SET
    domain = excluded.domain, value = excluded.value, seen_at = excluded.seen_at, exchange_id = excluded.exchange_id
WHERE (excluded.seen_at, excluded.exchange_id) > (l.seen_at, l.exchange_id)
"""

SEE_WINDOWS: Final = """
INSERT INTO limit_windows AS w (account_id, domain, claim, ends_at, first_seen, last_seen, utilization, status)
SELECT account_id, domain, claim, ends_at, first_seen, last_seen, utilization::numeric, status
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[]
) AS new (account_id, domain, claim, ends_at, first_seen, last_seen, utilization, status)
ON CONFLICT (whose, claim, ends_at) DO UPDATE SET
    first_seen = least(w.first_seen, excluded.first_seen), last_seen = greatest(w.last_seen, excluded.last_seen),
    domain = CASE WHEN excluded.last_seen > w.last_seen THEN excluded.domain ELSE w.domain END,
    utilization = CASE WHEN excluded.last_seen > w.last_seen THEN excluded.utilization ELSE w.utilization END,
    status = CASE WHEN excluded.last_seen > w.last_seen THEN excluded.status ELSE w.status END
"""

ADD_WARNINGS: Final = """
INSERT INTO limit_warnings (account_id, domain, exchange_id, seen_at, status, claim)
SELECT account_id, domain, exchange_id, seen_at, status, claim
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::boolean[])
    AS new (account_id, domain, exchange_id, seen_at, status, claim, imported)
WHERE imported OR NOT EXISTS (SELECT FROM forgotten AS f WHERE f.exchange_id = new.exchange_id)
ORDER BY exchange_id
ON CONFLICT DO NOTHING
"""

"""The statements of the cache doctor."""

from __future__ import annotations

from typing import Final

# One doctor at a time, of whichever ledger: who reads what the others wrote must read all of it.
#
# Plans are kept: made while tables were small they must still do when these are large. A batch is small beside any of
# them, so everything is found by indexes.
TRY_TURN: Final = """
SELECT
    pg_try_advisory_xact_lock(22637163773714001), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""
TAKE: Final = """
DELETE FROM cache_queue WHERE id IN (SELECT id FROM cache_queue ORDER BY id LIMIT $1) RETURNING exchange_id
"""

# Exchanges as they stand; one that is not whole, or used nothing, as far as its place in the tree. The usage object is
# wanted only of calls that took several runs.
TURNS: Final = """
SELECT
    w.id, e.domain, coalesce(u.account_id, e.account_id) AS account_id, coalesce(u.model, e.model) AS model, e.client,
    e.session_id, e.started_at, e.first_byte_ms, e.duration_ms, l.conversation_id, l.link_kind, l.parent_id, l.retry_of,
    l.serves_id, q.chain, c.depth, q.system, q.tools, u.input_tokens, u.cache_read_tokens, u.cache_creation_5m_tokens,
    u.cache_creation_1h_tokens,
    u.exchange_id IS NOT NULL AND l.exchange_id IS NOT NULL AND e.outcome IS NOT NULL AS is_whole,
    CASE WHEN jsonb_typeof(u.raw->'iterations') = 'array' AND jsonb_array_length(u.raw->'iterations') > 1 THEN u.raw END
        AS raw
FROM unnest($1::uuid[]) AS w (id)
JOIN exchanges AS e ON e.id = w.id AND e.method IS NOT NULL
LEFT JOIN links AS l ON l.exchange_id = w.id
LEFT JOIN usage AS u ON u.exchange_id = w.id
LEFT JOIN exchange_requests AS q ON q.id = w.id
LEFT JOIN chains AS c ON c.hash = q.chain
"""

PUT_FACTS: Final = """
INSERT INTO cache_findings AS f (
    exchange_id, domain, account_id, model, client, session_id, conversation_id, started_at, scope, source, readable_at,
    prompt_tokens, read_tokens, left_tokens, lifetime_s
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[], $9::bigint[],
    $10::boolean[], $11::timestamptz[], $12::bigint[], $13::bigint[], $14::bigint[], $15::integer[]
)
ON CONFLICT (exchange_id) DO UPDATE SET
    domain = excluded.domain, account_id = excluded.account_id, model = excluded.model, client = excluded.client,
    session_id = excluded.session_id, conversation_id = excluded.conversation_id, started_at = excluded.started_at,
    scope = excluded.scope, source = excluded.source, readable_at = excluded.readable_at,
    prompt_tokens = excluded.prompt_tokens, read_tokens = excluded.read_tokens, left_tokens = excluded.left_tokens,
    lifetime_s = excluded.lifetime_s
"""
DROP: Final = "DELETE FROM cache_findings WHERE exchange_id = ANY($1)"
PUT_FINDINGS: Final = """
UPDATE cache_findings AS f SET
    reference_id = new.reference_id, expected_tokens = new.expected_tokens, reusable_tokens = new.reusable_tokens,
    missed_tokens = new.missed_tokens, cause = new.cause, message_index = new.message_index, change = new.change,
    idle_s = new.idle_s, cost_usd = new.cost_usd::numeric, opening = new.opening
FROM unnest(
    $1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::integer[], $8::text[],
    $9::float8[], $10::text[], $11::boolean[]
) AS new (
    exchange_id, reference_id, expected_tokens, reusable_tokens, missed_tokens, cause, message_index, change, idle_s,
    cost_usd, opening
)
WHERE f.exchange_id = new.exchange_id
"""

# As they were known, or are: by these others find them.
PLACES: Final = """
SELECT exchange_id, scope, readable_at, source FROM cache_findings WHERE exchange_id = ANY($1)
"""

# Whose finding may change with these exchanges: who hangs on them, also through ones that used nothing; who follows
# them from further off and has a changed message ($2 steps); and who hangs, later, on what they hang on.
FOLLOWERS: Final = """
WITH RECURSIVE below (id, level, bare) AS (
    SELECT id, 0, true FROM unnest($1::uuid[]) AS given (id)
    UNION
    SELECT next.id, b.level + 1, b.bare AND (b.level = 0 OR used.exchange_id IS NULL)
    FROM below AS b
    LEFT JOIN cache_findings AS used ON used.exchange_id = b.id
    CROSS JOIN LATERAL (
        SELECT exchange_id AS id FROM links WHERE parent_id = b.id
        UNION SELECT exchange_id FROM links WHERE retry_of = b.id
        UNION SELECT exchange_id FROM links WHERE serves_id = b.id
    ) AS next
    WHERE b.level < $2
)
SELECT f.exchange_id FROM below AS b JOIN cache_findings AS f ON f.exchange_id = b.id
WHERE b.level > 0 AND (b.bare OR f.cause = 'message')
"""
BESIDE: Final = """
SELECT f.exchange_id
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS w (id, above, started_at)
CROSS JOIN LATERAL (
    SELECT exchange_id AS id FROM links WHERE parent_id = w.above
    UNION SELECT exchange_id FROM links WHERE serves_id = w.above
) AS next
JOIN cache_findings AS f ON f.exchange_id = next.id
WHERE f.started_at > w.started_at
"""

# Openings that would find these turns ($1: scope, $2: when readable, $3: whether it tells how long the shared beginning
# is): those up to the next that they would rather find.
FINDERS: Final = """
SELECT f.exchange_id
FROM unnest($1::bigint[], $2::timestamptz[], $3::boolean[]) AS w (scope, readable_at, source)
CROSS JOIN LATERAL (
    SELECT
        (SELECT min(z.readable_at) FROM cache_findings AS z WHERE z.scope = w.scope AND z.readable_at > w.readable_at)
            AS another,
        (SELECT min(z.readable_at) FROM cache_findings AS z
        WHERE z.scope = w.scope AND z.readable_at > w.readable_at AND z.source) AS source
) AS next
JOIN cache_findings AS f ON f.scope = w.scope AND f.opening AND f.started_at >= w.readable_at
WHERE f.started_at <= CASE WHEN w.source THEN coalesce(next.source, 'infinity')
    ELSE coalesce(next.another, 'infinity') END
"""

# For openings: the newest turn that began alike and could be read, and the newest from which it is known how much of
# the beginning is shared.
ALIKE: Final = """
SELECT w.id, last.exchange_id AS last_id, last.started_at, last.lifetime_s, source.read_tokens
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS w (id, scope, at)
CROSS JOIN LATERAL (
    SELECT f.exchange_id, f.started_at, f.lifetime_s FROM cache_findings AS f
    WHERE f.scope = w.scope AND f.readable_at <= w.at AND f.exchange_id <> w.id
    ORDER BY f.readable_at DESC, f.exchange_id DESC LIMIT 1
) AS last
LEFT JOIN LATERAL (
    SELECT f.read_tokens FROM cache_findings AS f
    WHERE f.scope = w.scope AND f.readable_at <= w.at AND f.exchange_id <> w.id
        AND f.source
    ORDER BY f.readable_at DESC, f.exchange_id DESC LIMIT 1
) AS source ON true
"""

# When others read what a turn had left, before another began.
RENEWED: Final = """
SELECT w.id, max(f.started_at) AS used_at
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::bigint[])
    AS w (id, reference_id, started_at, scope, expected)
CROSS JOIN LATERAL (
    SELECT exchange_id AS id FROM links WHERE parent_id = w.reference_id
    UNION SELECT exchange_id FROM links WHERE serves_id = w.reference_id
) AS next
JOIN cache_findings AS f ON f.exchange_id = next.id
WHERE f.started_at < w.started_at AND f.scope = w.scope AND f.read_tokens >= w.expected AND f.exchange_id <> w.id
GROUP BY w.id
"""

# The ends of two lists of messages, back to where they are one, at most $4 messages of each.
ENDS: Final = """
WITH RECURSIVE ends AS (
    SELECT w.id, side.mine, c.hash, c.parent, c.blob, c.depth, 1 AS steps
    FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS w (id, mine, theirs)
    CROSS JOIN LATERAL (VALUES (true, w.mine), (false, w.theirs)) AS side (mine, head)
    JOIN chains AS c ON c.hash = side.head
    UNION ALL
    SELECT e.id, e.mine, c.hash, c.parent, c.blob, c.depth, e.steps + 1
    FROM ends AS e JOIN chains AS c ON c.hash = e.parent
    WHERE e.steps < $4
)
SELECT id, mine, hash, blob, depth FROM ends ORDER BY id, mine, depth
"""

MARKS: Final = """
SELECT q.id, q.remainder, q.whole, b.encoding, b.data
FROM exchange_requests AS q LEFT JOIN blobs AS b ON b.hash = q.frame
WHERE q.id = ANY($1)
"""
CHARGED: Final = "SELECT exchange_id, model, started_at, raw FROM usage WHERE exchange_id = ANY($1)"

"""What the notifier asks and tells Postgres."""

from __future__ import annotations

from typing import Final

ENDED_TURNS: Final = """
SELECT e.id, e.ended_at
FROM exchanges AS e
JOIN links AS l ON l.exchange_id = e.id
WHERE e.id = ANY($1) AND e.ended_at > $2 AND e.kind = 'inference' AND e.outcome = 'complete'
    AND coalesce(e.tool_call_count, 0) = 0 AND NOT l.is_subtask
ORDER BY e.ended_at, e.id
"""
"""$1: exchanges, $2: a time. Those of them that ended a main turn since then: their answers call no tool."""

CONTENTS: Final = """
SELECT
    e.domain, e.ended_at, e.model, e.key_name, e.message_count, l.conversation_id, l.parent_id, l.branch_id,
    q.chain, q.remainder AS request_remainder, q.whole AS request_whole, f.encoding AS frame_encoding,
    f.data AS frame, r.remainder AS response_remainder, r.whole AS response_whole, c.encoding, c.data
FROM exchanges AS e
JOIN links AS l ON l.exchange_id = e.id
JOIN exchange_requests AS q ON q.id = e.id
JOIN exchange_responses AS r ON r.id = e.id
LEFT JOIN blobs AS f ON f.hash = q.frame
LEFT JOIN blobs AS c ON c.hash = r.content
WHERE e.id = $1
"""
"""$1: an exchange. What gives its messages and its answer back."""

MESSAGES: Final = """
WITH RECURSIVE walked AS (
    SELECT c.parent, c.blob, c.depth, 1 AS steps FROM chains AS c WHERE c.hash = $1
    UNION ALL
    SELECT c.parent, c.blob, c.depth, w.steps + 1 FROM walked AS w JOIN chains AS c ON c.hash = w.parent
    WHERE w.steps < $2
)
SELECT w.parent, w.depth, b.encoding, b.data FROM walked AS w JOIN blobs AS b ON b.hash = w.blob ORDER BY w.depth DESC
"""
"""$1: the head of a chain, $2: how many. The last messages of it, the newest first."""

STEPS: Final = """
WITH RECURSIVE walked AS (
    SELECT l.exchange_id, l.parent_id, 1 AS steps, l.exchange_id = $2 AS found FROM links AS l WHERE l.exchange_id = $1
    UNION ALL
    SELECT l.exchange_id, l.parent_id, w.steps + 1, w.found OR l.exchange_id = $2
    FROM walked AS w
    JOIN links AS l ON l.exchange_id = w.parent_id
    JOIN exchanges AS e ON e.id = l.exchange_id
    WHERE w.steps < $4 AND (NOT w.found OR e.message_count > $3)
)
SELECT
    w.exchange_id, u.exchange_id IS NOT NULL AS reported, u.subscription, u.cost_usd, u.output_tokens,
    u.input_tokens + u.cache_read_tokens + u.cache_creation_tokens AS input_tokens
FROM walked AS w
LEFT JOIN usage AS u ON u.exchange_id = w.exchange_id
ORDER BY w.steps
"""
"""The exchanges of a turn, the last first, with what they used. $1: the last one; $2: one whose request holds the
person's text, $3: number of messages before the text there, $4: most steps."""

BEFORE_COMPACTION: Final = """
WITH RECURSIVE walked AS (
    SELECT l.parent_id, l.link_kind, 1 AS steps FROM links AS l WHERE l.exchange_id = $1
    UNION ALL
    SELECT l.parent_id, l.link_kind, w.steps + 1 FROM walked AS w JOIN links AS l ON l.exchange_id = w.parent_id
    WHERE w.link_kind <> 'after_compaction' AND w.steps < $2
)
SELECT summary.parent_id FROM walked AS w JOIN links AS summary ON summary.exchange_id = w.parent_id
WHERE w.link_kind = 'after_compaction'
"""
"""$1: an exchange, $2: most steps. The one that the last compaction before it followed."""

CLAIM: Final = """
INSERT INTO notices_told (lane, key) SELECT DISTINCT lane, key FROM unnest($1::text[], $2::text[]) AS g (lane, key)
ORDER BY lane, key ON CONFLICT DO NOTHING RETURNING lane, key
"""
"""$1, $2: lanes and keys. Take them; those that nobody had."""

QUEUE: Final = """
INSERT INTO notices (lane, key, domain, kind, subject, happened_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[])
"""

OF_KINDS: Final = "SELECT id FROM exchanges WHERE id = ANY($1) AND kind = ANY($2)"
"""$1: exchanges, $2: kinds. Those of them that are known to be of these kinds."""

BURSTS: Final = """
WITH given AS (
    SELECT domain, error_type, max(at) AS last_at, min(at) AS first_at
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS g (domain, error_type, at)
    GROUP BY domain, error_type
), before AS (
    SELECT b.* FROM notice_bursts AS b JOIN given USING (domain, error_type) FOR UPDATE
), kept AS (
    INSERT INTO notice_bursts AS b (domain, error_type, last_at)
    SELECT domain, error_type, last_at FROM given ORDER BY domain, error_type
    ON CONFLICT (domain, error_type) DO UPDATE SET last_at = greatest(b.last_at, excluded.last_at)
)
SELECT g.domain, g.error_type FROM given AS g LEFT JOIN before AS b USING (domain, error_type)
WHERE b.last_at IS NULL OR g.first_at > b.last_at + $4
"""
"""$1, $2, $3: domains, types and times of errors; $4: how long a quiet is. Which of them begin a burst."""

TAKE: Final = """
SELECT * FROM notices
WHERE due_at <= now() AND lane <> ALL($1)
ORDER BY id
LIMIT 1
FOR UPDATE SKIP LOCKED
"""
"""$1: lanes that wait. The next notice; nobody else gets it until the transaction ends."""

DELIVERED: Final = "DELETE FROM notices WHERE id = $1"

LATER: Final = "UPDATE notices SET due_at = now() + $2, attempts = attempts + $3 WHERE id = $1"

FORGET_OLD: Final = "DELETE FROM notices_told WHERE at < now() - interval '62 days'"
"""Longer than any budget's month; what is older is too old to be told anyway."""

EXCHANGE: Final = """
SELECT e.domain, e.kind, e.model, e.key_name, e.status, e.outcome, e.error_type, e.error_message, e.ended_at,
    l.conversation_id
FROM exchanges AS e
LEFT JOIN links AS l ON l.exchange_id = e.id
WHERE e.id = $1 AND e.method IS NOT NULL
"""

ACTIVE_DOMAINS: Final = """
SELECT DISTINCT domain FROM usage_slots WHERE slot >= $1 AND slot < $2
"""
"""$1, $2: from when until when. The domains that had requests."""

ERRORS: Final = """
SELECT coalesce(error_type, outcome) AS type, count(*) AS count FROM exchanges
WHERE domain = $1 AND started_at >= $2 AND started_at < $3 AND outcome IN ('failed', 'interrupted', 'rejected')
GROUP BY 1 ORDER BY 2 DESC, 1
"""

BUSIEST: Final = """
SELECT c.id, c.title, count(*) AS requests, sum(u.cost_usd) AS cost_usd,
    coalesce(sum(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_creation_tokens), 0)::bigint AS tokens
FROM exchanges AS e
JOIN links AS l ON l.exchange_id = e.id
JOIN conversations AS c ON c.id = l.conversation_id
LEFT JOIN usage AS u ON u.exchange_id = e.id
WHERE e.domain = $1 AND e.started_at >= $2 AND e.started_at < $3
GROUP BY c.id, c.title
ORDER BY cost_usd DESC NULLS LAST, tokens DESC, c.id
"""
"""$1, $2, $3: a domain, from when until when. Its conversations of that time, the costliest first."""

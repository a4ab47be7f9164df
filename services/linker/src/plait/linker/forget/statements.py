"""The statements of forgetting."""

from __future__ import annotations

from typing import Final

# No other linker writes contents, or is about to point at some: each holds the other half of this lock while it works.
LOCK_CONTENTS: Final = "SELECT pg_advisory_xact_lock(22637163773707119)"
TRY_RETENTION: Final = "SELECT pg_try_advisory_xact_lock(22637163773710949)"

# Neighbours: whoever points at these exchanges.
POINTING: Final = """
SELECT exchange_id FROM links WHERE parent_id = ANY($1) OR retry_of = ANY($1) OR serves_id = ANY($1)
"""
CONVERSATIONS: Final = """
SELECT DISTINCT conversation_id FROM links WHERE exchange_id = ANY($1) AND conversation_id IS NOT NULL
"""

# What they used; looked at later, when they are gone.
FORSAKE: Final = """
INSERT INTO forsaken (hash, link)
SELECT hash, link FROM (
    SELECT chain AS hash, true AS link FROM exchange_requests WHERE id = ANY($1)
    UNION SELECT system, false FROM exchange_requests WHERE id = ANY($1)
    UNION SELECT tools, false FROM exchange_requests WHERE id = ANY($1)
    UNION SELECT frame, false FROM exchange_requests WHERE id = ANY($1)
    UNION SELECT frame, false FROM exchange_responses WHERE id = ANY($1)
    UNION SELECT content, false FROM exchange_responses WHERE id = ANY($1)
) AS used
WHERE hash IS NOT NULL
ORDER BY hash, link
ON CONFLICT DO NOTHING
"""
FORSAKE_THESE: Final = """
INSERT INTO forsaken (hash, link) SELECT * FROM unnest($1::bytea[], $2::boolean[]) ON CONFLICT DO NOTHING
"""
DELETE_ROWS: Final = (
    "DELETE FROM link_asks WHERE exchange_id = ANY($1)",
    "DELETE FROM links WHERE exchange_id = ANY($1)",
    "DELETE FROM facts WHERE exchange_id = ANY($1)",
    "DELETE FROM answer_facts WHERE exchange_id = ANY($1)",
    "DELETE FROM usage WHERE exchange_id = ANY($1)",
    "DELETE FROM exchanges WHERE id = ANY($1)",
    "INSERT INTO forgotten (exchange_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING",
)
# In tables that are cut by months.
DELETE_BODIES: Final = (
    "DELETE FROM chunks WHERE exchange_id = ANY($1)",
    "DELETE FROM exchange_requests WHERE id = ANY($1)",
    "DELETE FROM exchange_responses WHERE id = ANY($1)",
)

FORGOTTEN: Final = "SELECT exchange_id FROM forgotten WHERE exchange_id = ANY($1)"
REMEMBER: Final = "DELETE FROM forgotten WHERE exchange_id = ANY($1)"
# Longer than any broker keeps events and dead letters (plait.common.topics).
TIDY_FORGOTTEN: Final = "DELETE FROM forgotten WHERE forgotten_at < now() - interval '31 days'"

TAKE_LINKS: Final = """
DELETE FROM forsaken WHERE (hash, link) IN (
    SELECT hash, link FROM forsaken WHERE link LIMIT $1 FOR UPDATE SKIP LOCKED
) RETURNING hash
"""
TAKE_BLOBS: Final = """
DELETE FROM forsaken WHERE (hash, link) IN (
    SELECT hash, link FROM forsaken WHERE NOT link LIMIT $1 FOR UPDATE SKIP LOCKED
) RETURNING hash
"""
# From each link that nothing leads to, back to the first that another link or a request leads to. Where two of them
# meet each still sees the other: the link before the last deleted one is looked at again.
DELETE_LINKS: Final = """
WITH RECURSIVE dead AS (
    SELECT c.hash, c.parent, c.blob FROM chains AS c
    WHERE c.hash = ANY($1)
        AND NOT EXISTS (
            SELECT FROM exchange_requests AS q WHERE hash_key(q.chain) = hash_key(c.hash) AND q.chain = c.hash
        )
        AND NOT EXISTS (SELECT FROM chains AS k WHERE hash_key(k.parent) = hash_key(c.hash) AND k.parent = c.hash)
    UNION ALL
    SELECT c.hash, c.parent, c.blob FROM dead AS d JOIN chains AS c ON c.hash = d.parent
    WHERE NOT EXISTS (
            SELECT FROM exchange_requests AS q WHERE hash_key(q.chain) = hash_key(c.hash) AND q.chain = c.hash
        )
        AND NOT EXISTS (
            SELECT FROM chains AS k
            WHERE hash_key(k.parent) = hash_key(c.hash) AND k.parent = c.hash AND k.hash <> d.hash
        )
), gone AS (
    DELETE FROM chains AS c USING dead AS d WHERE c.hash = d.hash
)
INSERT INTO forsaken (hash, link)
SELECT DISTINCT hash, link FROM (
    SELECT d.blob AS hash, false AS link FROM dead AS d
    UNION ALL
    SELECT d.parent, true FROM dead AS d
    WHERE d.parent IS NOT NULL AND NOT EXISTS (SELECT FROM dead AS before WHERE before.hash = d.parent)
) AS next
ON CONFLICT DO NOTHING
"""
DELETE_BLOBS: Final = """
DELETE FROM blobs AS b
WHERE b.hash = ANY($1)
    AND NOT EXISTS (SELECT FROM chains AS c WHERE hash_key(c.blob) = hash_key(b.hash) AND c.blob = b.hash)
    AND NOT EXISTS (SELECT FROM exchange_requests AS q WHERE q.system = b.hash)
    AND NOT EXISTS (SELECT FROM exchange_requests AS q WHERE q.tools = b.hash)
    AND NOT EXISTS (SELECT FROM exchange_requests AS q WHERE q.frame = b.hash)
    AND NOT EXISTS (SELECT FROM exchange_responses AS r WHERE r.frame = b.hash)
    AND NOT EXISTS (
        SELECT FROM exchange_responses AS r WHERE hash_key(r.content) = hash_key(b.hash) AND r.content = b.hash
    )
"""

MONTHS: Final = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'exchange_requests'::regclass AND c.relname ~ '_[0-9]{6}$'
ORDER BY c.relname
"""
# $3, $4: domains and the moment before which their exchanges go, null for never; $5: that of all others.
ANY_KEPT: Final = """
SELECT EXISTS (
    SELECT FROM exchanges AS e LEFT JOIN unnest($3::text[], $4::timestamptz[]) AS own (domain, before) USING (domain)
    WHERE e.id >= $1 AND e.id < $2
        AND (e.started_at < CASE WHEN own.domain IS NULL THEN $5::timestamptz ELSE own.before END) IS NOT TRUE
)
"""
ANY_IN: Final = "SELECT EXISTS (SELECT FROM exchanges WHERE id >= $1 AND id < $2)"
# Who waits for the lock has all later writers wait behind it: rather not for long, and again in an hour.
SOON: Final = "SET LOCAL lock_timeout = '2s'"
LOCK_PARTITIONED: Final = "LOCK TABLE exchange_requests, exchange_responses, chunks IN ACCESS EXCLUSIVE MODE"
TAKEN_OUT: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
    AND relname ~ '^(exchange_requests|exchange_responses|chunks)_[0-9]{6}$'
ORDER BY relname
"""
_FORSAKE_SOME = """
WITH next AS MATERIALIZED (
    SELECT * FROM {{table}} WHERE id > $1 ORDER BY id LIMIT $2
), used AS (
    INSERT INTO forsaken (hash, link)
    SELECT DISTINCT hash, link FROM next CROSS JOIN LATERAL (VALUES {used}) AS used (hash, link)
    WHERE hash IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT id FROM next ORDER BY id DESC LIMIT 1
"""
# By table: what the rows after an id used; the last of them.
FORSAKE_TABLE: Final = {
    "exchange_requests": _FORSAKE_SOME.format(
        used="(chain, true), (system, false), (tools, false), (frame, false)",
    ),
    "exchange_responses": _FORSAKE_SOME.format(used="(content, false), (frame, false)"),
}

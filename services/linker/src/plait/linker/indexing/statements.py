"""The statements of indexing."""

from __future__ import annotations

from typing import Final

QUEUE: Final = "INSERT INTO search_queue (exchange_id) SELECT unnest($1::uuid[])"
QUEUE_ALL: Final = """
INSERT INTO search_queue (exchange_id) SELECT id FROM exchanges WHERE started_at >= $1 ORDER BY started_at, id
"""
NEWEST_WAITING: Final = "SELECT coalesce(max(id), 0) FROM search_queue"
OLDEST_WAITING: Final = "SELECT min(id) FROM search_queue WHERE id <= $1"
FORGET_INDEX: Final = "TRUNCATE search_texts, search_slots"

# One indexing at a time, of whichever linker: it writes one index, and nobody waits for it.
TRY_TURN: Final = "SELECT pg_try_advisory_xact_lock(22637163773711187)"
TAKE: Final = """
DELETE FROM search_queue WHERE id IN (SELECT id FROM search_queue ORDER BY id LIMIT $1) RETURNING exchange_id
"""

# The exchanges of trees among these, and those after them that are indexed already: what those said anew depends on
# what these said. `before`: the exchange whose history is sent again; `earlier`: the one before that, whose answer a
# request for a summary leaves out; `failed`: one that came to nothing after `before`: its prompt may be sent with ours.
EXCHANGES: Final = """
WITH wanted AS (
    SELECT unnest($1::uuid[]) AS id
    UNION
    SELECT l.exchange_id FROM links AS l
    WHERE l.parent_id = ANY($1) AND EXISTS (SELECT FROM search_texts AS t WHERE t.exchange_id = l.exchange_id)
    UNION
    SELECT l.exchange_id FROM links AS l
    WHERE l.retry_of = ANY($1) AND EXISTS (SELECT FROM search_texts AS t WHERE t.exchange_id = l.exchange_id)
)
SELECT
    e.id, e.domain, e.session_id, e.started_at, coalesce(e.message_count, 0) AS count, l.link_kind, q.chain, r.content,
    before.chain AS chain_before, failed.chain AS chain_failed, told.content AS answer_before,
    earlier.content AS answer_earlier
FROM wanted AS w
JOIN exchanges AS e ON e.id = w.id
JOIN links AS l ON l.exchange_id = e.id
LEFT JOIN exchange_requests AS q ON q.id = e.id
LEFT JOIN exchange_responses AS r ON r.id = e.id
LEFT JOIN exchange_requests AS before ON before.id = coalesce(l.retry_of, l.parent_id)
LEFT JOIN exchange_responses AS told ON told.id = before.id
LEFT JOIN links AS b ON b.exchange_id = before.id AND l.link_kind = 'after_compaction'
LEFT JOIN exchange_responses AS earlier ON earlier.id = b.parent_id
LEFT JOIN LATERAL (
    SELECT fq.chain
    FROM links AS f JOIN exchanges AS fe ON fe.id = f.exchange_id JOIN exchange_requests AS fq ON fq.id = fe.id
    WHERE f.parent_id = l.parent_id AND fe.outcome = 'failed' AND (fe.started_at, fe.id) < (e.started_at, e.id)
    ORDER BY fe.started_at DESC, fe.id DESC
    LIMIT 1
) AS failed ON true
WHERE e.method IS NOT NULL AND l.link_kind IS NOT NULL
ORDER BY e.started_at, e.id
"""

# The messages of requests, last to first, down to the history that they share with another ($3), else to the first.
NEW_MESSAGES: Final = """
WITH RECURSIVE walked AS (
    SELECT w.id, w.stop, c.parent, c.blob, c.depth
    FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS w (id, head, stop) JOIN chains AS c ON c.hash = w.head
    WHERE w.head IS DISTINCT FROM w.stop
    UNION ALL
    SELECT w.id, w.stop, c.parent, c.blob, c.depth
    FROM walked AS w JOIN chains AS c ON c.hash = w.parent
    WHERE w.parent IS DISTINCT FROM w.stop
)
SELECT id, depth, blob, parent IS NOT DISTINCT FROM stop AS meets FROM walked ORDER BY id, depth
"""

SIZES: Final = "SELECT hash, size FROM blobs WHERE hash = ANY($1)"
BLOBS: Final = "SELECT hash, encoding, data FROM blobs WHERE hash = ANY($1)"

INDEXED: Final = "SELECT exchange_id, message, number, blob, terms FROM search_texts WHERE exchange_id = ANY($1)"
DROP: Final = """
DELETE FROM search_texts AS t USING unnest($1::uuid[], $2::integer[]) AS gone (exchange_id, message)
WHERE t.exchange_id = gone.exchange_id AND t.message = gone.message
"""
NUMBERS: Final = "SELECT nextval('search_numbers') FROM generate_series(1, $1)"
# Who is there stays until this is committed. Nobody who deletes is waited for, since they may wait for us.
THERE: Final = "SELECT id FROM exchanges WHERE id = ANY($1) FOR KEY SHARE SKIP LOCKED"
ADD: Final = "INSERT INTO search_texts (exchange_id, message, number, blob, terms) VALUES ($1, $2, $3, $4, $5)"
PUT_SLOTS: Final = """
INSERT INTO search_slots AS s (slot, mask, first_at, last_at)
SELECT * FROM unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::timestamptz[])
ON CONFLICT (slot) DO UPDATE SET
    first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at)
"""
# New entries of the index wait in a list that every search reads whole: they are sorted in at once, all together.
SORT_IN: Final = "SELECT gin_clean_pending_list('search_texts_by_term')"

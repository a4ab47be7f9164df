-- Whether the tables agree with each other. Each check gives what is wrong: how many in all, and the first of them.

-- name: halves
-- Exchanges without the request, or the answer, that their row tells of.
SELECT count(*) OVER () AS total, e.id::text AS which
FROM exchanges e
LEFT JOIN exchange_requests q ON q.id = e.id
LEFT JOIN exchange_responses r ON r.id = e.id
WHERE (e.method IS NOT NULL AND q.id IS NULL) OR (e.outcome IS NOT NULL AND r.id IS NULL)
ORDER BY e.id
LIMIT :most

-- name: rows
-- Rows of exchanges that are not there.
SELECT count(*) OVER () AS total, found.id::text || ' in ' || found.place AS which
FROM (
    SELECT id, 'exchange_requests' AS place FROM exchange_requests
    UNION ALL SELECT id, 'exchange_responses' FROM exchange_responses
    UNION ALL SELECT exchange_id, 'facts' FROM facts
    UNION ALL SELECT exchange_id, 'answer_facts' FROM answer_facts
    UNION ALL SELECT exchange_id, 'links' FROM links
) AS found
LEFT JOIN exchanges e ON e.id = found.id
WHERE e.id IS NULL
ORDER BY found.id
LIMIT :most

-- name: parts
-- Exchanges that point at messages, prompts, tool lists or answers which are not there.
SELECT count(*) OVER () AS total, found.id::text AS which
FROM (
    SELECT q.id FROM exchange_requests q LEFT JOIN chains c ON c.hash = q.chain
    WHERE q.chain IS NOT NULL AND c.hash IS NULL
    UNION SELECT q.id FROM exchange_requests q LEFT JOIN blobs b ON b.hash = q.system
    WHERE q.system IS NOT NULL AND b.hash IS NULL
    UNION SELECT q.id FROM exchange_requests q LEFT JOIN blobs b ON b.hash = q.tools
    WHERE q.tools IS NOT NULL AND b.hash IS NULL
    UNION SELECT q.id FROM exchange_requests q LEFT JOIN blobs b ON b.hash = q.frame
    WHERE q.frame IS NOT NULL AND b.hash IS NULL
    UNION SELECT r.id FROM exchange_responses r LEFT JOIN blobs b ON b.hash = r.frame
    WHERE r.frame IS NOT NULL AND b.hash IS NULL
    UNION SELECT r.id FROM exchange_responses r LEFT JOIN blobs b ON b.hash = r.content
    WHERE r.content IS NOT NULL AND b.hash IS NULL
) AS found
ORDER BY found.id
LIMIT :most

-- name: chains
-- Links whose hash is not that of what they hold, that are out of order, or that point at what is not there.
SELECT count(*) OVER () AS total, encode(c.hash, 'hex') AS which
FROM chains c
LEFT JOIN chains p ON p.hash = c.parent
LEFT JOIN blobs b ON b.hash = c.blob
WHERE c.hash <> substr(sha256(coalesce(c.parent, '') || c.blob), 1, 20)
    OR b.hash IS NULL
    OR (c.parent IS NOT NULL AND p.hash IS NULL)
    OR c.depth <> coalesce(p.depth, 0) + 1
ORDER BY c.hash
LIMIT :most

-- name: links
-- Exchanges that are not linked, or linked to what is not there.
SELECT count(*) OVER () AS total, e.id::text AS which
FROM exchanges e
LEFT JOIN facts f ON f.exchange_id = e.id
LEFT JOIN links l ON l.exchange_id = e.id
LEFT JOIN exchanges parent ON parent.id = l.parent_id
LEFT JOIN exchanges attempt ON attempt.id = l.retry_of
LEFT JOIN exchanges served ON served.id = l.serves_id
LEFT JOIN conversations c ON c.id = l.conversation_id
WHERE e.method IS NOT NULL AND (
    f.exchange_id IS NULL
    OR l.exchange_id IS NULL
    OR (l.parent_id IS NOT NULL AND parent.id IS NULL)
    OR (l.retry_of IS NOT NULL AND attempt.id IS NULL)
    OR (l.serves_id IS NOT NULL AND served.id IS NULL)
    OR (l.conversation_id IS NOT NULL AND c.id IS NULL)
)
ORDER BY e.id
LIMIT :most

-- name: conversations
-- Conversations that hold other exchanges than they tell.
SELECT count(*) OVER () AS total, c.id::text AS which
FROM conversations c
LEFT JOIN (SELECT conversation_id, count(*) AS held FROM links GROUP BY conversation_id) AS l ON l.conversation_id = c.id
LEFT JOIN links root ON root.exchange_id = c.root_id AND root.conversation_id = c.id
WHERE l.held IS DISTINCT FROM c.request_count OR root.exchange_id IS NULL
ORDER BY c.id
LIMIT :most

-- name: usage
-- Usage of exchanges that are not there.
SELECT count(*) OVER () AS total, u.exchange_id::text AS which
FROM usage u
LEFT JOIN exchanges e ON e.id = u.exchange_id
WHERE e.id IS NULL AND u.started_at < now() - interval '1 minute'
ORDER BY u.exchange_id
LIMIT :most

-- name: sizes
-- The next blobs in the order of their hashes.
SELECT hash, size FROM blobs
WHERE true
    AND hash > :after --?
ORDER BY hash
LIMIT :limit

-- name: contents
-- Blobs as they are kept.
SELECT hash, size, encoding, data FROM blobs WHERE hash = ANY(:hashes)

-- name: reported
-- What the ledger wrote down for these exchanges.
SELECT exchange_id, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens
FROM usage WHERE exchange_id = ANY(:ids)

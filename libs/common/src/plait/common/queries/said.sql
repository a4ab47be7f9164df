-- What exchanges asked last and answered, without what was said before.

-- name: asked
-- The last messages of these requests, the last first.
WITH RECURSIVE back AS (
    SELECT q.id, c.parent, c.blob, 1 AS place
    FROM exchange_requests q
    JOIN chains c ON c.hash = q.chain
    WHERE q.id = ANY(:ids)
    UNION ALL
    SELECT b.id, c.parent, c.blob, b.place + 1
    FROM back b
    JOIN chains c ON c.hash = b.parent
    WHERE b.place < :most
)
SELECT b.id, m.encoding, m.data
FROM back b
JOIN blobs m ON m.hash = b.blob
ORDER BY b.id, b.place

-- name: answered
-- The answers of these, as messages.
SELECT r.id, m.encoding, m.data
FROM exchange_responses r
JOIN blobs m ON m.hash = r.content
WHERE r.id = ANY(:ids)

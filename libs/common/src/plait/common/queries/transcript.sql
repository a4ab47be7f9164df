-- Conversations told turn by turn, each message once.

-- name: turns
-- What was kept of these exchanges' bodies.
SELECT
    e.id, q.chain, q.system, q.remainder AS request_remainder, q.whole AS request_whole, r.content,
    r.remainder AS response_remainder, r.whole AS response_whole
FROM exchanges e
LEFT JOIN exchange_requests q ON q.id = e.id
LEFT JOIN exchange_responses r ON r.id = e.id
WHERE e.id = ANY(:ids)

-- name: links
-- The links of the chains that end with these heads. UNION walks a link once, however many chains it is in.
WITH RECURSIVE walked AS (
    SELECT c.hash, c.parent, c.blob FROM chains c WHERE c.hash = ANY(:heads)
    UNION
    SELECT c.hash, c.parent, c.blob FROM walked w JOIN chains c ON c.hash = w.parent
)
SELECT hash, parent, blob FROM walked

-- name: blobs
-- Blobs by their hashes.
SELECT hash, encoding, data FROM blobs WHERE hash = ANY(:hashes)

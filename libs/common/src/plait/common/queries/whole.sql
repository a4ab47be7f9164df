-- Many exchanges as they were recorded, bodies too, each shared part read once.

-- name: exchanges
-- What was kept of these exchanges beside their blobs.
SELECT
    e.id, e.domain, e.account_id, e.started_at, e.method, e.path, e.query, e.tag, e.key_name, e.client_address,
    e.request_size, e.status, e.outcome, e.streamed, e.response_size, e.ended_at, e.first_byte_ms, e.first_token_ms,
    e.error_type, e.error_message,
    q.headers AS request_headers, q.frame AS request_frame, q.chain, q.system, q.tools, q.remainder AS request_remainder,
    q.whole AS request_whole,
    r.headers AS response_headers, r.frame AS response_frame, r.content, r.remainder AS response_remainder, r.whole AS response_whole
FROM exchanges e
LEFT JOIN exchange_requests q ON q.id = e.id
LEFT JOIN exchange_responses r ON r.id = e.id
WHERE e.id = ANY(:ids)
ORDER BY e.started_at, e.id

-- name: links
-- The links of all chains that end with these heads. Histories that are resent share most of theirs: UNION walks a link
-- once, however many chains it is in.
WITH RECURSIVE walked AS (
    SELECT c.hash, c.parent, c.blob FROM chains c WHERE c.hash = ANY(:heads)
    UNION
    SELECT c.hash, c.parent, c.blob FROM walked w JOIN chains c ON c.hash = w.parent
)
SELECT hash, parent, blob FROM walked

-- name: blobs
-- Blobs by their hashes.
SELECT hash, encoding, data FROM blobs WHERE hash = ANY(:hashes)

-- name: chunks
-- The raw pieces of these exchanges' answers.
SELECT exchange_id, first_index, data FROM chunks WHERE exchange_id = ANY(:ids) ORDER BY exchange_id, first_index

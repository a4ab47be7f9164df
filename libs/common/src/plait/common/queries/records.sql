-- What was kept of one exchange.

-- name: record
-- Evidence, headers, usage, and the parts of both bodies but for the request's messages.
SELECT
    l.rule, l.detail, u.raw AS usage_data,
    q.headers AS request_headers, q.remainder AS request_remainder, q.whole AS request_whole,
    asked.encoding AS request_frame_encoding, asked.data AS request_frame_data,
    told.encoding AS response_frame_encoding, told.data AS response_frame_data,
    system.encoding AS system_encoding, system.data AS system_data,
    tools.encoding AS tools_encoding, tools.data AS tools_data,
    r.headers AS response_headers, r.remainder AS response_remainder, r.whole AS response_whole,
    content.encoding AS content_encoding, content.data AS content_data
FROM exchanges e
LEFT JOIN links l ON l.exchange_id = e.id
LEFT JOIN usage u ON u.exchange_id = e.id
LEFT JOIN exchange_requests q ON q.id = e.id
LEFT JOIN blobs asked ON asked.hash = q.frame
LEFT JOIN blobs system ON system.hash = q.system
LEFT JOIN blobs tools ON tools.hash = q.tools
LEFT JOIN exchange_responses r ON r.id = e.id
LEFT JOIN blobs told ON told.hash = r.frame
LEFT JOIN blobs content ON content.hash = r.content
WHERE e.id = :id AND e.method IS NOT NULL

-- name: messages
-- The messages of a request, first to last: its chain walked from the head back.
WITH RECURSIVE walked AS (
    SELECT c.parent, c.blob, c.depth
    FROM exchange_requests q JOIN chains c ON c.hash = q.chain
    WHERE q.id = :id
    UNION ALL
    SELECT c.parent, c.blob, c.depth
    FROM walked w JOIN chains c ON c.hash = w.parent
)
SELECT b.encoding, b.data
FROM walked w JOIN blobs b ON b.hash = w.blob
ORDER BY w.depth

-- name: chunks
-- The raw pieces of an exchange's answer in their order; one row without data if there are none; no row if there is
-- no such exchange.
SELECT c.first_index, c.data
FROM exchanges e
LEFT JOIN chunks c ON c.exchange_id = e.id
WHERE e.id = :id AND e.method IS NOT NULL
ORDER BY c.first_index

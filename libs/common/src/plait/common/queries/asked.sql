-- What was asked for, where that may differ from what was given.

-- name: frames
-- The frames of some exchanges' requests, each once.
SELECT f.ids, b.encoding, b.data
FROM (
    SELECT q.frame, array_agg(q.id) AS ids FROM exchange_requests q WHERE q.id = ANY(:ids) GROUP BY q.frame
) AS f
JOIN blobs b ON b.hash = f.frame

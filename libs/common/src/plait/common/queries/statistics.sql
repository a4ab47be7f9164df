-- Figures over many exchanges.

-- name: totals
-- Sums over the exchanges that began since a moment. An error is an answer that Claude or the gateway refused, that
-- never came, or that was cut; a client that left early is none.
SELECT
    count(*) AS total_requests,
    count(*) FILTER (WHERE l.conversation_id IS NULL) AS unplaced_requests,
    coalesce(sum(u.input_tokens), 0)::bigint AS total_input_tokens,
    coalesce(sum(u.output_tokens), 0)::bigint AS total_output_tokens,
    coalesce(sum(u.cache_creation_tokens), 0)::bigint AS total_cache_creation_tokens,
    coalesce(sum(u.cache_read_tokens), 0)::bigint AS total_cache_read_tokens,
    round(avg(e.duration_ms)::numeric, 2)::float8 AS average_response_time,
    count(*) FILTER (WHERE e.outcome IN ('failed', 'interrupted', 'rejected')) AS error_count,
    count(DISTINCT e.domain) AS active_domains
FROM exchanges e
LEFT JOIN usage u ON u.exchange_id = e.id
LEFT JOIN links l ON l.exchange_id = e.id
WHERE e.method IS NOT NULL AND e.started_at >= :since
    AND e.domain = :domain --?

-- name: breakdown
-- The same exchanges counted by model, and again by type (linking.md's older vocabulary); each row has one of the two.
SELECT e.model, e.request_type, count(*) AS requests
FROM exchanges e
WHERE e.method IS NOT NULL AND e.started_at >= :since
    AND e.domain = :domain --?
GROUP BY GROUPING SETS ((e.model), (e.request_type))
HAVING e.model IS NOT NULL OR e.request_type IS NOT NULL
ORDER BY count(*) DESC, e.model, e.request_type

-- name: domains
-- The domains that had exchanges since a moment, the busiest first.
SELECT e.domain, count(*) AS request_count
FROM exchanges e
WHERE e.method IS NOT NULL AND e.started_at >= :since
GROUP BY e.domain
ORDER BY count(*) DESC, e.domain

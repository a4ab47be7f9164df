-- Figures over many exchanges that no slot has.

-- name: unplaced
-- Exchanges since a moment that no conversation has.
SELECT count(*)
FROM links l
JOIN exchanges e ON e.id = l.exchange_id
WHERE l.conversation_id IS NULL AND e.method IS NOT NULL AND e.started_at >= :since
    AND e.domain = :domain --?

-- name: token_statistics
-- Tokens and calls of domains since their first exchange, and when the latest began.
SELECT used.*, latest.at AS last_updated
FROM (
    SELECT
        s.domain, sum(s.input_tokens)::bigint AS input_tokens, sum(s.output_tokens)::bigint AS output_tokens,
        sum(s.requests)::bigint AS request_count,
        coalesce(sum(s.requests) FILTER (WHERE s.request_type = 'query_evaluation'), 0)::bigint
            AS query_evaluation_count,
        coalesce(sum(s.requests) FILTER (WHERE s.request_type = 'inference'), 0)::bigint AS inference_count,
        sum(s.tool_calls)::bigint AS tool_call_count
    FROM usage_slots s
    WHERE true
        AND s.domain = :domain --?
    GROUP BY s.domain
    HAVING sum(s.requests) <> 0
) AS used
CROSS JOIN LATERAL (
    SELECT max(e.started_at) AS at FROM exchanges e WHERE e.domain = used.domain
) AS latest
ORDER BY used.domain

-- How fast accounts use tokens.

-- name: series
-- What was used in each step of time that has any, by its number; `:starts`: when the steps begin.
SELECT
    width_bucket(u.started_at, :starts::timestamptz[]) AS step, count(*) AS requests,
    sum(u.input_tokens)::bigint AS input_tokens, sum(u.output_tokens)::bigint AS output_tokens,
    sum(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_creation_tokens)::bigint AS total_tokens
FROM usage u
WHERE u.started_at >= :since
    AND u.account_id = :account --?
    AND u.domain = :domain --?
GROUP BY 1

-- name: slots
-- The same of steps that are made of whole slots.
SELECT
    width_bucket(s.slot, :starts::timestamptz[]) AS step, sum(s.reported)::bigint AS requests,
    sum(s.input_tokens)::bigint AS input_tokens, sum(s.output_tokens)::bigint AS output_tokens,
    sum(s.input_tokens + s.output_tokens + s.cache_read_tokens + s.cache_creation_tokens)::bigint AS total_tokens
FROM usage_slots s
WHERE s.slot >= :since
    AND s.account_id = :account --?
    AND s.domain = :domain --?
GROUP BY 1

-- name: accounts
-- What accounts used since the beginning of a slot, by domain and step of time, and when each was last used.
SELECT used.*, latest.at AS last_time
FROM (
    SELECT
        s.account_id, s.domain, width_bucket(s.slot, :starts::timestamptz[]) AS step, sum(s.requests)::bigint AS requests,
        sum(s.input_tokens)::bigint AS input_tokens, sum(s.output_tokens)::bigint AS output_tokens
    FROM usage_slots s
    WHERE s.slot >= :since
    GROUP BY 1, 2, 3
    HAVING sum(s.requests) <> 0 OR sum(s.reported) <> 0
) AS used
CROSS JOIN LATERAL (
    SELECT max(e.started_at) AS at FROM exchanges e
    WHERE e.account_id IS NOT DISTINCT FROM used.account_id AND e.domain = used.domain AND e.started_at >= :since
) AS latest
ORDER BY 1, 2, 3

-- name: latest
-- Whose use is the latest.
SELECT e.account_id, e.domain FROM exchanges e
WHERE e.method IS NOT NULL
ORDER BY e.started_at DESC, e.id DESC
LIMIT 1

-- Accounts: their limits as the provider tells them, and their windows.
--
-- An account is named by its id; where the clients' own keys are passed through nobody knows one, and the domain
-- stands for it: `:whose` is 'account <id>' or 'domain <name>'.

-- name: limits
-- The last seen value of each limit header.
SELECT l.account_id, l.domain, l.name, l.value, l.seen_at, l.exchange_id
FROM account_limits l
WHERE true
    AND l.whose = :whose --?
ORDER BY l.account_id NULLS LAST, l.domain, l.name

-- name: told
-- The windows of a subscription whose end the provider told, those that were open at some time of a span.
SELECT w.account_id, w.domain, w.claim, w.ends_at, w.first_seen, w.last_seen, w.utilization, w.status
FROM limit_windows w
WHERE w.ends_at > :since
    AND w.whose = :whose --?
    AND w.claim = :claim --?
    AND w.first_seen < :until --?
ORDER BY w.account_id NULLS LAST, w.domain, w.claim, w.ends_at

-- name: warnings
-- Answers that warned of a limit, or were refused because of one, oldest first.
SELECT w.exchange_id, w.account_id, w.domain, w.seen_at, w.status, w.claim
FROM limit_warnings w
WHERE w.seen_at >= :since
    AND w.seen_at < :until --?
    AND w.account_id = :account --?
    AND w.domain = :domain --?
ORDER BY w.seen_at, w.exchange_id

-- name: windows
-- The windows in which an account was used, as `plait.common.windows.anchored` counts them from its first use on, with
-- what was used in each: those that were open at some time of a span. Each window is one step along the index of uses.
WITH RECURSIVE ends AS (
    SELECT DISTINCT w.ends_at FROM limit_windows w WHERE w.whose = :whose AND w.claim = '5h'
), told AS (
    SELECT
        greatest(ends_at - :length::interval, lag(ends_at) OVER (ORDER BY ends_at)) AS starts, ends_at AS ends
    FROM ends
), used AS (
    SELECT '-infinity'::timestamptz AS starts, '-infinity'::timestamptz AS ends, false AS told
    UNION ALL
    SELECT
        coalesce(t.starts, next.at), coalesce(t.ends, least(next.at + :length::interval, later.starts)),
        t.starts IS NOT NULL
    FROM used
    CROSS JOIN LATERAL (
        SELECT u.started_at AS at FROM usage u
        WHERE u.started_at >= used.ends
            AND u.account_id = :account --?
            AND u.domain = :domain AND u.account_id IS NULL --?
        ORDER BY u.started_at LIMIT 1
    ) AS next
    LEFT JOIN told AS t ON t.starts <= next.at AND next.at < t.ends
    CROSS JOIN LATERAL (SELECT min(starts) AS starts FROM told WHERE starts > next.at) AS later
)
SELECT
    used.starts, used.ends, used.told, sums.requests, sums.input_tokens, sums.output_tokens, sums.cache_read_tokens,
    sums.cache_creation_tokens, sums.cost_usd, sums.unpriced, sums.first_use, sums.last_use
FROM used
CROSS JOIN LATERAL (
    SELECT
        count(*) AS requests, coalesce(sum(u.input_tokens), 0)::bigint AS input_tokens,
        coalesce(sum(u.output_tokens), 0)::bigint AS output_tokens,
        coalesce(sum(u.cache_read_tokens), 0)::bigint AS cache_read_tokens,
        coalesce(sum(u.cache_creation_tokens), 0)::bigint AS cache_creation_tokens,
        coalesce(sum(u.cost_usd), 0) AS cost_usd, count(*) FILTER (WHERE u.cost_usd IS NULL) AS unpriced,
        min(u.started_at) AS first_use, max(u.started_at) AS last_use
    FROM usage u
    WHERE u.started_at >= used.starts AND u.started_at < used.ends
        AND u.account_id = :account --?
        AND u.domain = :domain AND u.account_id IS NULL --?
) AS sums
WHERE used.ends > :since AND isfinite(used.starts)
    AND used.starts < :until --?
ORDER BY used.starts

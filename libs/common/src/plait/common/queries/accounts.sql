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
-- No window reaches over the end of one that the provider told: so they are counted from the last such end before the
-- span. What was used comes from slots; what a window cuts off a slot is counted row by row.
WITH RECURSIVE used AS (
    SELECT
        '-infinity'::timestamptz AS starts, coalesce(max(w.ends_at), '-infinity') AS ends, false AS told
    FROM limit_windows w
    WHERE w.whose = :whose AND w.claim = '5h' AND w.ends_at <= :since
    UNION ALL
    SELECT
        CASE WHEN told.starts <= next.at THEN told.starts ELSE next.at END,
        CASE WHEN told.starts <= next.at THEN told.ends ELSE least(next.at + :length::interval, told.starts) END,
        coalesce(told.starts <= next.at, false)
    FROM used
    CROSS JOIN LATERAL (
        SELECT u.started_at AS at FROM usage u
        WHERE u.started_at >= used.ends
            AND u.account_id = :account --?
            AND u.domain = :domain AND u.account_id IS NULL --?
        ORDER BY u.started_at LIMIT 1
    ) AS next
    LEFT JOIN LATERAL (
        SELECT greatest(w.ends_at - :length::interval, before.ends_at) AS starts, w.ends_at AS ends
        FROM limit_windows w
        CROSS JOIN LATERAL (
            SELECT max(b.ends_at) AS ends_at FROM limit_windows b
            WHERE b.whose = w.whose AND b.claim = w.claim AND b.ends_at < w.ends_at
        ) AS before
        WHERE w.whose = :whose AND w.claim = '5h' AND w.ends_at > next.at
        ORDER BY w.ends_at LIMIT 1
    ) AS told ON true
    WHERE true
        AND used.starts < :until --?
), shown AS (
    SELECT
        used.*, slot_of(used.starts + interval '15 minutes' - interval '1 microsecond') AS first, slot_of(used.ends) AS last
    FROM used
    WHERE used.ends > :since AND isfinite(used.starts)
        AND used.starts < :until --?
)
SELECT
    shown.starts, shown.ends, shown.told, sums.*, uses.first_use, uses.last_use
FROM shown
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(p.requests), 0)::bigint AS requests, coalesce(sum(p.input_tokens), 0)::bigint AS input_tokens,
        coalesce(sum(p.output_tokens), 0)::bigint AS output_tokens,
        coalesce(sum(p.cache_read_tokens), 0)::bigint AS cache_read_tokens,
        coalesce(sum(p.cache_creation_tokens), 0)::bigint AS cache_creation_tokens,
        coalesce(sum(p.cost_usd), 0) AS cost_usd, coalesce(sum(p.unpriced), 0)::bigint AS unpriced
    FROM (
        SELECT
            s.reported AS requests, s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_creation_tokens,
            s.cost_usd, s.unpriced
        FROM usage_slots s
        WHERE s.slot >= shown.first AND s.slot < shown.last
            AND s.account_id = :account --?
            AND s.domain = :domain AND s.account_id IS NULL --?
        UNION ALL
        SELECT
            1, u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_creation_tokens, coalesce(u.cost_usd, 0),
            (u.cost_usd IS NULL)::integer
        FROM usage u
        WHERE (
            u.started_at >= shown.starts AND u.started_at < least(shown.first, shown.ends)
            OR u.started_at >= greatest(shown.first, shown.last) AND u.started_at < shown.ends
        )
            AND u.account_id = :account --?
            AND u.domain = :domain AND u.account_id IS NULL --?
    ) AS p
) AS sums
CROSS JOIN LATERAL (
    SELECT min(u.started_at) AS first_use, max(u.started_at) AS last_use FROM usage u
    WHERE u.started_at >= shown.starts AND u.started_at < shown.ends
        AND u.account_id = :account --?
        AND u.domain = :domain AND u.account_id IS NULL --?
) AS uses
ORDER BY shown.starts

-- What was used over time, told apart by one thing; sums of use stand in usage.sql.

-- name: tools
-- Calls of each tool in each stretch of time (`:starts`).
SELECT
    width_bucket(t.slot, :starts::timestamptz[]) AS bucket, t.tool, sum(t.calls)::bigint AS calls,
    sum(t.errors)::bigint AS errors
FROM tool_slots t
WHERE t.slot >= :since AND t.slot < :until
    AND t.domain = :domain --?
    AND t.account_id = :account --?
GROUP BY 1, 2
HAVING sum(t.calls) > 0 OR sum(t.errors) > 0
ORDER BY 1, 2

-- name: first
-- The earliest slot that is used.
SELECT least(
    (SELECT min(s.slot) FROM usage_totals s WHERE s.tier = 0),
    (SELECT min(s.slot) FROM usage_slots_pending s)
)

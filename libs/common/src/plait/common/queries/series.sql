-- What was used over time; sums of use stand in usage.sql, those of tools in tools.sql.

-- name: first
-- The earliest slot that is used.
SELECT least(
    (SELECT min(s.slot) FROM usage_slots_settled s),
    (SELECT min(s.slot) FROM usage_slots_pending s)
)

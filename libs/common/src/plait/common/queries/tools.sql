-- Tools: how often they are called, how long they take, and what becomes of it.

-- name: sums
-- The figures of rows.
    coalesce(sum(t.calls), 0)::bigint AS calls, coalesce(sum(t.results), 0)::bigint AS results,
    coalesce(sum(t.errors), 0)::bigint AS errors, coalesce(sum(t.waited_ms), 0)::bigint AS waited_ms,
    coalesce(sum(t.lines_added), 0)::bigint AS lines_added, coalesce(sum(t.lines_removed), 0)::bigint AS lines_removed

-- name: filters
-- What counts.
    AND s.domain = :domain --?
    AND s.account_id = :account --?

-- name: parts
-- Calls of a time that is made of whole slots: the totals that make it up, the slots beside them, and what changed in the
-- last second. (`OFFSET 0`: as in usage.sql.)
SELECT s.*
FROM unnest(:lengths::integer[], :begins::timestamptz[], :ends::timestamptz[]) AS r (minutes, begins, ends)
CROSS JOIN LATERAL (
    SELECT s.slot, s.tool, s.calls, s.results, s.errors, s.waited_ms, s.lines_added, s.lines_removed
    FROM tool_totals s
    WHERE s.facet = :facet AND s.minutes = r.minutes AND s.slot >= r.begins AND s.slot < r.ends
        {filters}
    OFFSET 0
) AS s
UNION ALL
SELECT s.*
FROM unnest(:slots_begin::timestamptz[], :slots_end::timestamptz[]) AS r (begins, ends)
CROSS JOIN LATERAL (
    SELECT s.slot, s.tool, s.calls, s.results, s.errors, s.waited_ms, s.lines_added, s.lines_removed
    FROM tool_slots_settled s
    WHERE s.slot >= r.begins AND s.slot < r.ends
        {filters}
    OFFSET 0
) AS s
UNION ALL
SELECT s.slot, s.tool, s.calls, s.results, s.errors, s.waited_ms, s.lines_added, s.lines_removed
FROM tool_slots_pending s
WHERE s.slot >= :first AND s.slot < :last
    {filters}

-- name: by_tool
-- All calls of each tool.
SELECT
    t.tool,
    {sums}
FROM (
    {parts}
) AS t
GROUP BY t.tool
HAVING sum(t.calls) > 0
ORDER BY sum(t.calls) DESC, t.tool

-- name: series
-- Calls of each tool in each stretch of time (`:starts`).
SELECT
    width_bucket(t.slot, :starts::timestamptz[]) AS bucket, t.tool, sum(t.calls)::bigint AS calls,
    sum(t.errors)::bigint AS errors
FROM (
    {parts}
) AS t
GROUP BY 1, 2
HAVING sum(t.calls) > 0 OR sum(t.errors) > 0
ORDER BY 1, 2

-- name: of_conversation
-- Calls in the answers of one conversation.
SELECT
    t.tool,
    {sums}
FROM (
    SELECT
        c.tool, 1 AS calls, (c.returned_at IS NOT NULL)::integer AS results, coalesce(c.failed, false)::integer AS errors,
        greatest(0, extract(epoch FROM c.returned_at - c.called_at) * 1000)::bigint AS waited_ms,
        CASE WHEN NOT c.failed THEN c.lines_added END AS lines_added,
        CASE WHEN NOT c.failed THEN c.lines_removed END AS lines_removed
    FROM links l
    JOIN tool_calls c ON c.exchange_id = l.exchange_id
    WHERE l.conversation_id = :conversation
        AND c.called_at >= :since --?
        AND c.called_at < :until --?
        AND c.domain = :domain --?
        AND c.account_id = :account --?
) AS t
WHERE t.tool IS NOT NULL
GROUP BY t.tool
ORDER BY sum(t.calls) DESC, t.tool

-- name: errors_of_conversation
-- Results that were errors, by the request that brought them.
SELECT c.returned_in, count(*)::integer AS errors
FROM links l
JOIN tool_calls c ON c.returned_in = l.exchange_id
WHERE l.conversation_id = :conversation AND c.failed
GROUP BY 1

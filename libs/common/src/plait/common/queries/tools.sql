-- Tools: how often they are called, how long they take, and what becomes of it.

-- name: sums
-- The figures of rows.
    coalesce(sum(t.calls), 0)::bigint AS calls, coalesce(sum(t.results), 0)::bigint AS results,
    coalesce(sum(t.errors), 0)::bigint AS errors, coalesce(sum(t.waited_ms), 0)::bigint AS waited_ms,
    coalesce(sum(t.lines_added), 0)::bigint AS lines_added, coalesce(sum(t.lines_removed), 0)::bigint AS lines_removed

-- name: by_tool
-- Calls in the slots that lie in the time asked for, or are cut by it.
SELECT
    t.tool,
    {sums}
FROM tool_slots t
WHERE true
    AND t.slot > :since::timestamptz - interval '15 minutes' --?
    AND t.slot < :until --?
    AND t.domain = :domain --?
    AND t.account_id = :account --?
GROUP BY t.tool
HAVING sum(t.calls) > 0
ORDER BY sum(t.calls) DESC, t.tool

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

-- Analyses: one of a branch, lists of them, and what they say taken together.

-- name: matching
-- The analyses that every given filter lets through.
SELECT a.* FROM analyses a
WHERE true
    AND a.conversation_id = :conversation --?
    AND a.branch_id = :branch --?
    AND a.domain = :domain --?
    AND a.status = :status --?
    AND a.model = :model --?
    AND a.by_rule = :by_rule --?
    AND a.asked_at >= :since --?
    AND a.asked_at < :until --?

-- name: summary
-- What lists show of an analysis.
    a.id, a.conversation_id, a.branch_id, a.domain, c.title, a.status, a.asked_by, a.by_rule, a.custom_prompt,
    a.created_at, a.asked_at, a.updated_at, a.completed_at, a.started_at, a.regenerations, a.attempts, a.error,
    CASE WHEN a.status = 'pending' THEN a.not_before END AS next_attempt_at,
    a.provider, a.model, a.prompt_version, a.prompt_tokens, a.completion_tokens, a.total_tokens,
    a.cost_usd::float8 AS cost_usd, a.duration_ms, a.content IS NOT NULL AS has_content, a.data IS NOT NULL AS has_data,
    a.data ->> 'summary' AS summary, a.data ->> 'sentiment' AS sentiment,
    (a.data #>> '{interactionPatterns,promptClarity}')::float8 AS prompt_clarity,
    (a.data #>> '{interactionPatterns,contextCompleteness}')::float8 AS context_completeness,
    coalesce(c.last_time > a.completed_at, false) AS has_gone_on

-- name: one
-- The analysis of a branch, with what it says.
WITH page AS (
    {matching}
)
SELECT
    a.content, a.data, a.remarks, a.history,
{summary}
FROM page a
LEFT JOIN conversations c ON c.id = a.conversation_id

-- name: page
-- A page of analyses, those asked for last first.
WITH page AS MATERIALIZED (
    {matching}
    AND (a.asked_at, a.id) < (:after_time, :after_id) --?
    ORDER BY a.asked_at DESC, a.id DESC
    LIMIT :limit OFFSET :offset --?
)
SELECT
{summary}
FROM page a
LEFT JOIN conversations c ON c.id = a.conversation_id
ORDER BY a.asked_at DESC, a.id DESC

-- name: count
-- How many analyses match, up to a bound.
SELECT count(*) FROM (
    {matching}
    LIMIT :counted
) AS counted

-- name: states
-- How many of those that match are in each state.
SELECT status, count(*)::integer AS count FROM (
    {matching}
) AS a
GROUP BY status

-- name: newest
-- Those that say something, the newest so many of those that match.
SELECT a.* FROM (
    {matching}
) AS a
WHERE a.data IS NOT NULL AND a.status = 'completed'
ORDER BY a.asked_at DESC, a.id DESC
LIMIT :looked

-- name: quality
-- What the newest that match say of quality, day by day.
SELECT
    date_trunc('day', a.completed_at, :zone)::timestamptz AS day, count(*)::integer AS analyses,
    avg((a.data #>> '{interactionPatterns,promptClarity}')::float8) AS prompt_clarity,
    avg((a.data #>> '{interactionPatterns,contextCompleteness}')::float8) AS context_completeness,
    count(*) FILTER (WHERE a.data ->> 'sentiment' = 'positive')::integer AS positive,
    count(*) FILTER (WHERE a.data ->> 'sentiment' = 'negative')::integer AS negative
FROM (
    {newest}
) AS a
GROUP BY 1
ORDER BY 1

-- name: tips
-- The kinds of tips in the newest that match, the most frequent first, with the latest few of each.
SELECT category, count(*)::integer AS count, count(DISTINCT id)::integer AS analyses,
    jsonb_path_query_array(
        jsonb_agg(
            jsonb_build_object(
                'conversationId', conversation_id, 'branchId', branch_id, 'issue', issue, 'suggestion', suggestion,
                'example', example
            ) ORDER BY asked_at DESC, id, place
        ), '$[0 to 4]'
    ) AS latest
FROM (
    SELECT a.id, a.asked_at, a.conversation_id, a.branch_id, t.place, t.tip ->> 'category' AS category,
        t.tip ->> 'issue' AS issue, t.tip ->> 'suggestion' AS suggestion, coalesce(t.tip ->> 'example', '') AS example
    FROM (
        {newest}
    ) AS a
    CROSS JOIN LATERAL jsonb_array_elements(a.data -> 'promptingTips') WITH ORDINALITY AS t (tip, place)
) AS told
GROUP BY category
ORDER BY count DESC, category

-- name: find_branch
-- A branch by its conversation, under any id that this ever had, and by its name.
SELECT c.id AS conversation_id, c.domain, c.branch_ids
FROM links l
JOIN conversations c ON c.id = l.conversation_id
WHERE l.own_id = :conversation

-- name: untended
-- Jobs that have been due for some minutes, if none is being made: no analyzer runs, or none can work.
SELECT count(*)::integer AS jobs
FROM analyses a
WHERE (a.status = 'pending' AND a.not_before < now() - interval '5 minutes'
        OR a.status = 'processing' AND a.leased_until < now() - interval '5 minutes')
    AND NOT EXISTS (SELECT FROM analyses w WHERE w.status = 'processing' AND w.leased_until >= now())

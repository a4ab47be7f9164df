-- Conversations: lists of them, and one with its branches.

-- name: near
-- The conversations that filters let through which indexes serve. One that was active within the dates matches, whenever
-- it began or ended.
SELECT c.* FROM conversations c
WHERE true
    AND c.id = :id --?
    AND c.id = ANY(:ids) --?
    AND c.domain = :domain --?
    AND c.account_id = :account --?
    AND c.session_ids @> ARRAY[:session::text] --?
    AND c.last_time >= :since --?
    AND c.first_time < :until --?

-- name: fitting
-- Filters that look at each.
    AND (c.title ILIKE :words OR c.id = ANY(:told::uuid[])) --?
    AND (c.title ILIKE :id_words OR c.id::text ILIKE :id_words OR c.id = ANY(:told::uuid[])) --?
    AND :model = ANY(c.models) --?
    AND CASE :shape WHEN 'user' THEN c.user_branch_count WHEN 'subtask' THEN c.subtask_count ELSE c.compact_count END > 0 --?

-- name: matching
-- The conversations that every given filter lets through.
{near}
{fitting}

-- name: page
-- A page of conversations, the one with the latest activity first. Tokens, cost and failures are summed over all exchanges
-- that carry the conversation's id, side calls and retries included.
WITH page AS MATERIALIZED (
    {matching}
    AND (c.last_time, c.id) < (:after_time, :after_id) --?
    ORDER BY c.last_time DESC, c.id DESC
    LIMIT :limit OFFSET :offset --?
)
SELECT
    c.id AS conversation_id, c.title, c.domain, c.account_id, c.session_ids, c.first_time AS first_message_time,
    c.last_time AS last_message_time, c.request_count, own.failed AS failed_count, c.message_count, own.tokens AS total_tokens,
    own.cost AS cost_usd, own.unpriced AS unpriced_count, c.branch_count,
    c.subtask_count AS subtask_branch_count, c.compact_count AS compact_branch_count, c.user_branch_count,
    c.models AS models_used, c.root_id AS root_request_id, c.latest_id AS latest_request_id,
    latest.model AS latest_model,
    coalesce(u.input_tokens + u.cache_read_tokens + u.cache_creation_tokens, 0) AS latest_context_tokens
FROM page c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.input_tokens + t.output_tokens + t.cache_read_tokens + t.cache_creation_tokens), 0)::bigint
        AS tokens,
        sum(t.cost_usd)::float8 AS cost,
        count(*) FILTER (WHERE t.exchange_id IS NOT NULL AND t.cost_usd IS NULL)::integer AS unpriced,
        count(*) FILTER (WHERE e.outcome IN ('failed', 'interrupted', 'rejected'))::integer AS failed
    FROM links l
    JOIN exchanges e ON e.id = l.exchange_id
    LEFT JOIN usage t ON t.exchange_id = l.exchange_id
    WHERE l.conversation_id = c.id
) AS own
LEFT JOIN exchanges latest ON latest.id = c.latest_id
LEFT JOIN usage u ON u.exchange_id = c.latest_id
ORDER BY c.last_time DESC, c.id DESC

-- name: count
-- How many conversations match, up to a bound.
SELECT count(*) FROM (
    {matching}
    LIMIT :counted
) AS counted

-- name: ranked
-- A page of them in another order, and how many there are; all among those, of the ones that indexes find, with the
-- latest activity. `key` is the one of the lines whose parameter is given; what has none comes last.
WITH near AS MATERIALIZED (
    {near}
    ORDER BY c.last_time DESC, c.id DESC
    LIMIT :looked
), keyed AS (
    SELECT c.id, c.last_time,
        CASE WHEN :by_title THEN lower(c.title) END AS key --?
        CASE WHEN :by_domain THEN c.domain END AS key --?
        CASE WHEN :by_account THEN c.account_id END AS key --?
        CASE WHEN :by_model THEN c.models[1] END AS key --?
        CASE WHEN :by_branches THEN c.branch_count END AS key --?
        CASE WHEN :by_requests THEN c.request_count END AS key --?
        CASE WHEN :by_duration THEN c.last_time - c.first_time END AS key --?
        CASE WHEN :by_activity THEN c.last_time END AS key --?
        (SELECT u.input_tokens + u.cache_read_tokens + u.cache_creation_tokens FROM usage u WHERE u.exchange_id = c.latest_id AND :by_context) AS key --?
        (SELECT sum(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_creation_tokens) FROM links l JOIN usage u ON u.exchange_id = l.exchange_id WHERE l.conversation_id = c.id AND :by_tokens) AS key --?
        (SELECT sum(u.cost_usd) FROM links l JOIN usage u ON u.exchange_id = l.exchange_id WHERE l.conversation_id = c.id AND :by_cost) AS key --?
    FROM near c
    WHERE true
        {fitting}
)
SELECT k.id, count(*) OVER () AS total, (SELECT count(*) FROM near) AS looked
FROM keyed k
ORDER BY
    CASE WHEN :falling THEN k.key END DESC NULLS LAST, --?
    CASE WHEN :rising THEN k.key END NULLS LAST, --?
    k.last_time DESC, k.id DESC
LIMIT :limit OFFSET :offset

-- name: active
-- How many were last active in each of some stretches of time, which begin at `:starts`: of no more than so many.
SELECT width_bucket(c.last_time, :starts::timestamptz[]) AS stretch, count(*) AS conversations
FROM (
    {matching}
    ORDER BY c.last_time DESC
    LIMIT :counted
) AS c
GROUP BY 1

-- name: running
-- Which of some conversations have exchanges that have not ended.
SELECT DISTINCT l.conversation_id
FROM running r JOIN links l ON l.exchange_id = r.exchange_id
WHERE l.conversation_id = ANY(:ids)

-- name: titles
-- Their names.
SELECT c.id, c.title FROM conversations c WHERE c.id = ANY(:ids)

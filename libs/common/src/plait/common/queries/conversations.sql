-- Conversations: lists of them, and one with its branches.

-- name: matching
-- The conversations that every given filter lets through. One that was active within the dates matches, whenever it
-- began or ended.
SELECT c.* FROM conversations c
WHERE true
    AND c.id = :id --?
    AND c.domain = :domain --?
    AND c.account_id = :account --?
    AND c.session_ids @> ARRAY[:session::text] --?
    AND c.last_time >= :since --?
    AND c.first_time < :until --?
    AND c.title ILIKE :words --?
    AND (c.title ILIKE :id_words OR c.id::text ILIKE :id_words) --?

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

-- Conversations: lists of them, and one with its branches.

-- name: near
-- Filters that indexes serve. A conversation that was active within the dates matches, whenever it began or ended.
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
SELECT c.* FROM conversations c
{near}
{fitting}

-- name: page
-- A page of conversations, the one with the latest activity first. Sums are over all exchanges that carry the
-- conversation's id, side calls and retries included: as they are kept, or, of those that are due, as they are now.
WITH page AS MATERIALIZED (
    {matching}
    AND (c.last_time, c.id) < (:after_time, :after_id) --?
    ORDER BY c.last_time DESC, c.id DESC
    LIMIT :limit OFFSET :offset --?
), due AS MATERIALIZED (
    SELECT conversation_id AS id FROM conversation_queue WHERE conversation_id IS NOT NULL
    UNION
    SELECT l.conversation_id
    FROM conversation_queue d
    CROSS JOIN LATERAL (SELECT conversation_id FROM links WHERE exchange_id = d.exchange_id LIMIT 1) AS l
)
SELECT
    c.id AS conversation_id, c.title, c.domain, c.account_id, c.session_ids, c.first_time AS first_message_time,
    c.last_time AS last_message_time, c.request_count, own.failed_count, c.message_count, own.total_tokens,
    own.cost_usd::float8 AS cost_usd, own.unpriced_count, c.branch_count,
    c.subtask_count AS subtask_branch_count, c.compact_count AS compact_branch_count, c.user_branch_count,
    c.models AS models_used, c.root_id AS root_request_id, c.latest_id AS latest_request_id,
    latest.model AS latest_model, coalesce(own.context_tokens, 0) AS latest_context_tokens
FROM page c
LEFT JOIN conversation_sums kept ON kept.id = c.id AND NOT EXISTS (SELECT FROM due WHERE due.id = c.id)
CROSS JOIN LATERAL (
    SELECT kept.total_tokens, kept.cost_usd, kept.unpriced_count, kept.failed_count, kept.context_tokens
    WHERE kept.id IS NOT NULL
    UNION ALL
    SELECT fresh.total_tokens, fresh.cost_usd, fresh.unpriced_count, fresh.failed_count, fresh.context_tokens
    FROM conversations_summed fresh
    WHERE fresh.id = c.id AND kept.id IS NULL
) AS own
LEFT JOIN exchanges latest ON latest.id = c.latest_id
ORDER BY c.last_time DESC, c.id DESC

-- name: count
-- How many conversations match, up to a bound.
SELECT count(*) FROM (
    {matching}
    LIMIT :counted
) AS counted

-- name: sums
-- The same conversations by what is kept of their sums.
SELECT c.* FROM conversation_sums c
{near}
{fitting}

-- name: ranked
-- A page of them in the order of `{key}`, which `plait.common.queries.ranking` puts in, and `{way}`: ASC or DESC. What has
-- none comes last in both.
WITH known AS MATERIALIZED (
    {sums}
    AND {key} IS NOT NULL
    ORDER BY {key} {way}, c.last_time {way}, c.id {way}
    LIMIT :bound
), rest AS MATERIALIZED (
    {sums}
    AND {key} IS NULL
    ORDER BY c.last_time DESC, c.id DESC
    LIMIT :bound - (SELECT count(*) FROM known)
)
SELECT placed.id
FROM (
    SELECT known.id, 1 AS part, row_number() OVER () AS place FROM known
    UNION ALL
    SELECT rest.id, 2, row_number() OVER () FROM rest
) AS placed
ORDER BY placed.part, placed.place
LIMIT :limit OFFSET :offset

-- name: ranked_count
-- How many of them match, up to a bound.
SELECT count(*) FROM (
    {sums}
    LIMIT :counted
) AS counted

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

-- Exchanges as lists show them, without their bodies.

-- name: matching
-- The exchanges that every given filter lets through. A filter that is not given is left out, so that each
-- combination is planned for itself.
SELECT e.* FROM exchanges e
WHERE e.method IS NOT NULL
    AND e.id = :id --?
    AND e.id = ANY (ARRAY(SELECT l.exchange_id FROM links l WHERE l.conversation_id = :conversation)) --?
    AND e.domain = :domain --?
    AND e.account_id = :account --?
    AND e.session_id = :session --?
    AND hashtextextended(e.session_id, 0) = hashtextextended(:session_index, 0) --?
    AND e.kind = :kind --?
    AND e.kind = :other_kind AND e.kind <> 'inference' --?
    AND e.model = :model --?
    AND hashtextextended(e.model, 0) = hashtextextended(:model_index, 0) --?
    AND e.status = :status --?
    AND e.refusal = :refusal --?
    AND e.outcome = :outcome --?
    AND e.trouble = :trouble --?
    AND e.id IN (SELECT r.exchange_id FROM running r) AND :running --?
    AND e.started_at >= :since --?
    AND e.started_at < :until --?

-- name: shown
-- What lists show of the exchanges of a page. Links and usage are looked up for these rows only.
SELECT
    e.id AS request_id, e.domain, e.account_id, e.session_id, e.agent_id, e.kind, e.side_kind, e.model,
    e.started_at AS timestamp, e.method, e.path, e.status, e.outcome, e.streamed,
    coalesce(u.input_tokens, 0) AS input_tokens,
    coalesce(u.output_tokens, 0) AS output_tokens,
    coalesce(u.cache_read_tokens, 0) AS cache_read_input_tokens,
    coalesce(u.cache_creation_tokens, 0) AS cache_creation_input_tokens,
    coalesce(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_creation_tokens, 0) AS total_tokens,
    u.cost_usd::float8 AS cost_usd, coalesce(u.subscription, false) AS subscription,
    round(e.duration_ms::float8::numeric, 2)::float8 AS duration_ms,
    round(e.first_token_ms::float8::numeric, 2)::float8 AS first_token_ms,
    coalesce(e.message_count, 0) AS message_count,
    coalesce(e.tool_call_count, 0) AS tool_call_count,
    l.conversation_id, l.branch_id, l.parent_id AS parent_request_id, l.link_kind, e.request_type, l.retry_of,
    l.serves_id AS serves_request_id, coalesce(l.is_subtask, false) AS is_subtask,
    l.parent_task_id AS parent_task_request_id, e.tag, e.key_name, e.preview, e.error_type, e.error_message
FROM page e
LEFT JOIN links l ON l.exchange_id = e.id
LEFT JOIN usage u ON u.exchange_id = e.id
ORDER BY e.started_at DESC, e.id DESC

-- name: page
-- A page of exchanges, newest first.
WITH page AS MATERIALIZED (
    {matching}
    AND (e.started_at, e.id) < (:after_time, :after_id) --?
    ORDER BY e.started_at DESC, e.id DESC
    LIMIT :limit OFFSET :offset --?
)
{shown}

-- name: found
-- A page of the exchanges, among the newest that match, which hold words in their line, path, model or id. Texts are
-- looked through one by one: hence no more than so many.
WITH page AS MATERIALIZED (
    SELECT e.* FROM (
        {matching}
        AND (e.started_at, e.id) < (:after_time, :after_id) --?
        ORDER BY e.started_at DESC, e.id DESC
        LIMIT :looked
    ) AS e
    WHERE true
        AND (e.preview ILIKE :words OR e.path ILIKE :words OR e.model ILIKE :words) --?
        AND (e.preview ILIKE :id_words OR e.model ILIKE :id_words OR e.path ILIKE :id_words OR e.id::text ILIKE :id_words) --?
    ORDER BY e.started_at DESC, e.id DESC
    LIMIT :limit OFFSET :offset
)
{shown}

-- name: reach
-- The last of those that were looked through, if there are so many.
SELECT e.started_at, e.id FROM (
    {matching}
    AND (e.started_at, e.id) < (:after_time, :after_id) --?
    ORDER BY e.started_at DESC, e.id DESC
    LIMIT :looked
) AS e
OFFSET :looked - 1

-- name: count_found
-- How many of the newest that match hold the words.
SELECT count(*) FROM (
    {matching}
    ORDER BY e.started_at DESC, e.id DESC
    LIMIT :looked
) AS e
WHERE true
    AND (e.preview ILIKE :words OR e.path ILIKE :words OR e.model ILIKE :words) --?
    AND (e.preview ILIKE :id_words OR e.model ILIKE :id_words OR e.path ILIKE :id_words OR e.id::text ILIKE :id_words) --?

-- name: count
-- How many exchanges match, up to a bound. In order, so that Postgres takes an index: a scan of the table begins where the
-- one before it ended, and every few times goes through all that does not match until it has counted enough.
SELECT count(*) FROM (
    {matching}
    ORDER BY e.started_at DESC, e.id DESC
    LIMIT :counted
) AS counted

-- name: walk
-- The next exchanges that match, oldest first, from the one after the last seen, with what their bodies come to.
SELECT e.id, e.started_at, coalesce(e.request_size, 0)::bigint + coalesce(e.response_size, 0) AS size
FROM (
    {matching}
) AS e
WHERE true
    AND (e.started_at, e.id) > (:after_time, :after_id) --?
ORDER BY e.started_at, e.id
LIMIT :limit

-- name: count_all
-- How many exchanges match.
SELECT count(*) FROM (
    {matching}
) AS counted

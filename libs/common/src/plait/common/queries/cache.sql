-- Prompt caches: what could have been read from them and was not. docs/cache.md tells what the figures mean.

-- name: filters
-- Which misses.
WHERE f.missed_tokens > 0 AND f.started_at >= :since
    AND f.started_at < :until --?
    AND f.domain = :domain --?
    AND f.account_id = :account --?
    AND f.model = :model --?
    AND f.client = :client --?
    AND f.conversation_id = :conversation --?
    AND hashtextextended(f.session_id, 0) = hashtextextended(:session, 0) AND f.session_id = :session --?

-- name: sums
-- The figures of rows.
    count(*) AS misses, sum(f.missed_tokens)::bigint AS missed_tokens, sum(f.cost_usd) AS cost_usd,
    count(*) FILTER (WHERE f.cost_usd IS NULL) AS unpriced_misses
FROM cache_findings f
{filters}
GROUP BY 1
ORDER BY sum(f.cost_usd) DESC NULLS LAST, sum(f.missed_tokens) DESC, 1

-- name: by_cause
-- By cause.
SELECT
    f.cause AS key,
    {sums}

-- name: by_domain
-- By domain.
SELECT
    f.domain AS key,
    {sums}
LIMIT :limit

-- name: by_account
-- By account.
SELECT
    f.account_id AS key,
    {sums}
LIMIT :limit

-- name: by_model
-- By model.
SELECT
    f.model AS key,
    {sums}
LIMIT :limit

-- name: by_client
-- By name and version of the client.
SELECT
    f.client AS key,
    {sums}
LIMIT :limit

-- name: by_session
-- By session.
SELECT
    f.session_id AS key,
    {sums}
LIMIT :limit

-- name: by_conversation
-- By conversation.
SELECT
    f.conversation_id::text AS key,
    {sums}
LIMIT :limit

-- name: by_day
-- By day of a zone.
SELECT
    (f.started_at AT TIME ZONE :zone)::date::text AS key,
    {sums}
LIMIT :limit

-- name: columns
-- A finding.
    (SELECT e.id FROM exchanges e WHERE e.id = f.reference_id) AS reference_request_id, f.cause,
    f.expected_tokens, f.reusable_tokens, f.read_tokens, f.missed_tokens, f.cost_usd, f.message_index,
    f.change AS message_change, f.idle_s AS idle_seconds, f.lifetime_s AS lifetime_seconds

-- name: dearest
-- The dearest misses. Of an exchange that was just deleted nothing is told.
SELECT
    f.exchange_id AS request_id, f.conversation_id, f.session_id, f.domain, f.account_id, f.model, f.client,
    f.started_at AS timestamp,
    {columns}
FROM (
    SELECT f.exchange_id FROM cache_findings f
    {filters}
    ORDER BY f.cost_usd DESC NULLS LAST, f.missed_tokens DESC, f.exchange_id
    LIMIT :limit
) AS found
JOIN cache_findings f ON f.exchange_id = found.exchange_id
WHERE EXISTS (SELECT FROM exchanges e WHERE e.id = f.exchange_id)
ORDER BY f.cost_usd DESC NULLS LAST, f.missed_tokens DESC, f.exchange_id

-- name: prompts
-- All prompts of a conversation or session: what was sent, and what of it was read from the cache.
SELECT coalesce(sum(f.prompt_tokens), 0)::bigint AS prompt_tokens, coalesce(sum(f.read_tokens), 0)::bigint AS read_tokens
FROM cache_findings f
WHERE f.started_at >= :since
    AND f.started_at < :until --?
    AND f.domain = :domain --?
    AND f.account_id = :account --?
    AND f.model = :model --?
    AND f.client = :client --?
    AND f.conversation_id = :conversation --?
    AND hashtextextended(f.session_id, 0) = hashtextextended(:session, 0) AND f.session_id = :session --?

-- name: finding
-- What is found of one exchange; no row where it is no turn, or not looked at yet.
SELECT
    {columns}
FROM cache_findings f
WHERE f.exchange_id = :id

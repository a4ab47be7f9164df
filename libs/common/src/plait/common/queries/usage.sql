-- What was used: sums over any stretch of time, whole or by one thing.

-- name: columns
-- What all rows of sums have.
    s.slot AS at, s.domain, s.account_id, s.model, s.kind, s.request_type, s.key_name, s.tag, s.agent_type, s.requests,
    s.failed, s.timed, s.duration_ms, s.tool_calls, s.reported, s.input_tokens, s.output_tokens, s.thinking_tokens,
    s.cache_read_tokens, s.cache_creation_tokens, s.cache_creation_5m_tokens, s.cache_creation_1h_tokens,
    s.web_search_requests, s.web_fetch_requests, s.cost_usd, s.subscription_cost_usd, s.unpriced

-- name: filters
-- What counts.
    AND s.domain = :domain --?
    AND s.account_id = :account --?
    AND s.model = :model --?
    AND s.kind = :kind --?
    AND s.key_name = :key --?
    AND s.tag = :tag --?
    AND s.agent_type = :agent --?

-- name: totals
-- The totals that make up the time asked for, as far as they do. (`OFFSET 0`: stretch by stretch along the index; the
-- planner, which cannot know how many rows a stretch has, would read them all.)
SELECT
    {columns}
FROM unnest(:lengths::integer[], :begins::timestamptz[], :ends::timestamptz[]) AS r (minutes, begins, ends)
CROSS JOIN LATERAL (
    SELECT s.* FROM usage_totals s
    WHERE s.facet = :facet AND s.minutes = r.minutes AND s.slot >= r.begins AND s.slot < r.ends
        {filters}
    OFFSET 0
) AS s

-- name: slots
-- Whole slots before and after them: the settled ones.
SELECT
    {columns}
FROM unnest(:slots_begin::timestamptz[], :slots_end::timestamptz[]) AS r (begins, ends)
CROSS JOIN LATERAL (
    SELECT s.* FROM usage_slots_settled s
    WHERE s.slot >= r.begins AND s.slot < r.ends
        {filters}
    OFFSET 0
) AS s

-- name: pending
-- What changed in the last second, in all whole slots.
SELECT
    {columns}
FROM usage_slots_pending s
WHERE s.slot >= :first AND s.slot < :last
    {filters}

-- name: exchanges
-- Exchanges of the slots that the time asked for cuts, as the slots count them.
SELECT
    e.started_at, e.domain, e.account_id, e.model, e.kind, e.request_type, e.key_name, e.tag, e.agent_type, 1,
    (coalesce(e.outcome, '') IN ('failed', 'interrupted', 'rejected'))::integer, (e.duration_ms IS NOT NULL)::integer,
    coalesce(e.duration_ms::numeric, 0), coalesce(e.tool_call_count, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM exchanges e
WHERE e.method IS NOT NULL
    AND (e.started_at >= :since AND e.started_at < :first OR e.started_at >= :last AND e.started_at < :until)
    AND e.domain = :domain --?
    AND e.account_id = :account --?
    AND e.model = :model --?
    AND e.kind = :kind --?
    AND e.key_name = :key --?
    AND e.tag = :tag --?
    AND e.agent_type = :agent --?

-- name: reported
-- What those exchanges reported.
SELECT
    u.started_at, u.domain, u.account_id, u.model, u.kind, u.request_type, u.key_name, u.tag, u.agent_type, 0, 0, 0, 0,
    0, 1, u.input_tokens, u.output_tokens, u.thinking_tokens, u.cache_read_tokens, u.cache_creation_tokens,
    u.cache_creation_5m_tokens, u.cache_creation_1h_tokens, u.web_search_requests, u.web_fetch_requests,
    coalesce(u.cost_usd, 0), CASE WHEN u.subscription THEN coalesce(u.cost_usd, 0) ELSE 0 END,
    (u.cost_usd IS NULL)::integer
FROM usage u
WHERE (u.started_at >= :since AND u.started_at < :first OR u.started_at >= :last AND u.started_at < :until)
    AND u.domain = :domain --?
    AND u.account_id = :account --?
    AND u.model = :model --?
    AND u.kind = :kind --?
    AND u.key_name = :key --?
    AND u.tag = :tag --?
    AND u.agent_type = :agent --?

-- name: counted
-- Each exchange once, in rows of one shape: of what is kept as totals, with what it reported.
{totals}
UNION ALL
{slots}
UNION ALL
{pending}
UNION ALL
{exchanges}

-- name: parts
-- All of it.
{counted}
UNION ALL
{reported}

-- name: sums
-- The counters of rows.
    coalesce(sum(p.requests), 0)::bigint AS requests,
    coalesce(sum(p.failed), 0)::bigint AS failed_requests,
    coalesce(sum(p.input_tokens), 0)::bigint AS input_tokens,
    coalesce(sum(p.output_tokens), 0)::bigint AS output_tokens,
    coalesce(sum(p.thinking_tokens), 0)::bigint AS thinking_tokens,
    coalesce(sum(p.cache_read_tokens), 0)::bigint AS cache_read_input_tokens,
    coalesce(sum(p.cache_creation_tokens), 0)::bigint AS cache_creation_input_tokens,
    coalesce(sum(p.cache_creation_5m_tokens), 0)::bigint AS cache_creation_5m_input_tokens,
    coalesce(sum(p.cache_creation_1h_tokens), 0)::bigint AS cache_creation_1h_input_tokens,
    coalesce(sum(p.tool_calls), 0)::bigint AS tool_calls,
    coalesce(sum(p.web_search_requests), 0)::bigint AS web_search_requests,
    coalesce(sum(p.web_fetch_requests), 0)::bigint AS web_fetch_requests,
    coalesce(sum(p.cost_usd), 0) AS cost_usd,
    coalesce(sum(p.subscription_cost_usd), 0) AS subscription_cost_usd,
    coalesce(sum(p.reported), 0)::bigint AS reported,
    coalesce(sum(p.unpriced), 0)::bigint AS unpriced_requests

-- name: if_any
-- Leaves out what was deleted.
HAVING sum(p.requests) <> 0 OR sum(p.reported) <> 0

-- name: total
-- One row over everything.
SELECT
    {sums}
FROM (
    {parts}
) AS p

-- name: requests
-- How many exchanges there are.
SELECT coalesce(sum(p.requests), 0)::bigint
FROM (
    {counted}
) AS p

-- name: by_time
-- A row for each stretch of time that has any, by its number; `:starts`: when they begin.
SELECT
    width_bucket(p.at, :starts::timestamptz[]) AS bucket,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1

-- name: series
-- A row for each stretch of time (`:starts`) and each value of what `:apart` names.
SELECT
    width_bucket(p.at, :starts::timestamptz[]) AS bucket,
    CASE :apart::text
        WHEN 'domain' THEN p.domain
        WHEN 'account' THEN p.account_id
        WHEN 'model' THEN p.model
        WHEN 'kind' THEN p.kind
        WHEN 'key' THEN p.key_name
        WHEN 'tag' THEN p.tag
        WHEN 'agent' THEN coalesce(p.agent_type, CASE WHEN p.kind = 'subagent' THEN 'subagent' END)
    END AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1, 2
{if_any}

-- name: overview
-- The total, and again by model, by type (linking.md's older vocabulary) and by domain: `part` says which.
SELECT
    grouping(p.model, p.request_type, p.domain) AS part, p.model, p.request_type, p.domain,
    sum(p.timed)::bigint AS timed, sum(p.duration_ms) AS duration_ms,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY GROUPING SETS ((), (p.model), (p.request_type), (p.domain))

-- name: by_domain
SELECT
    p.domain AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: by_account
SELECT
    p.account_id AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: by_model
SELECT
    p.model AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: by_kind
SELECT
    p.kind AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: by_key
SELECT
    p.key_name AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: by_tag
SELECT
    p.tag AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: by_agent
-- By type of sub-agent; those whose type the client did not tell are under `subagent`, all else is no agent's.
SELECT
    coalesce(p.agent_type, CASE WHEN p.kind = 'subagent' THEN 'subagent' END) AS key,
    {sums}
FROM (
    {parts}
) AS p
GROUP BY 1
{if_any}

-- name: daily
-- What each account used on each day in each domain of each model; `:starts`: when the days begin.
SELECT
    width_bucket(p.at, :starts::timestamptz[]) AS day, p.account_id, p.domain, p.model,
    sum(p.input_tokens)::bigint AS total_input_tokens, sum(p.output_tokens)::bigint AS total_output_tokens,
    sum(p.input_tokens + p.output_tokens + p.cache_read_tokens + p.cache_creation_tokens)::bigint AS total_tokens,
    sum(p.requests)::bigint AS total_requests, sum(p.cache_creation_tokens)::bigint AS cache_creation_input_tokens,
    sum(p.cache_read_tokens)::bigint AS cache_read_input_tokens,
    CASE WHEN sum(p.reported) = 0 OR sum(p.reported) <> sum(p.unpriced) THEN sum(p.cost_usd)::float8 END AS cost_usd
FROM (
    {parts}
) AS p
GROUP BY 1, 2, 3, 4
{if_any}
ORDER BY 1, 2, 3, 4

-- name: hourly
-- Requests and tokens of each domain by the hour; `:starts`: when the hours begin.
SELECT
    p.domain, width_bucket(p.at, :starts::timestamptz[]) AS bucket, sum(p.requests)::bigint AS requests,
    sum(p.input_tokens + p.output_tokens + p.cache_read_tokens + p.cache_creation_tokens)::bigint AS tokens
FROM (
    {parts}
) AS p
GROUP BY 1, 2
ORDER BY 1, 2

-- name: of_sessions
-- Exchanges of sessions with what they reported, those that every given filter lets through.
SELECT
    e.id, e.session_id, e.started_at, 1 AS requests,
    (coalesce(e.outcome, '') IN ('failed', 'interrupted', 'rejected'))::integer AS failed,
    coalesce(e.tool_call_count, 0) AS tool_calls, (u.exchange_id IS NOT NULL)::integer AS reported, u.input_tokens,
    u.output_tokens, u.thinking_tokens, u.cache_read_tokens, u.cache_creation_tokens, u.cache_creation_5m_tokens,
    u.cache_creation_1h_tokens, u.web_search_requests, u.web_fetch_requests, u.cost_usd,
    CASE WHEN u.subscription THEN u.cost_usd END AS subscription_cost_usd,
    (u.exchange_id IS NOT NULL AND u.cost_usd IS NULL)::integer AS unpriced
FROM exchanges e
LEFT JOIN usage u ON u.exchange_id = e.id
WHERE e.method IS NOT NULL AND e.session_id IS NOT NULL AND e.started_at >= :since
    AND e.started_at < :until --?
    AND e.domain = :domain --?
    AND e.account_id = :account --?
    AND e.model = :model --?
    AND e.kind = :kind --?
    AND e.key_name = :key --?
    AND e.tag = :tag --?
    AND e.agent_type = :agent --?

-- name: by_session
-- The sessions that were at work last, the latest first: each is looked for from where the one before was found.
WITH RECURSIVE latest AS (
    SELECT NULL::text AS session_id, 'infinity'::timestamptz AS started_at, '{}'::text[] AS seen
    UNION ALL
    SELECT before.session_id, before.started_at, latest.seen || before.session_id
    FROM latest
    CROSS JOIN LATERAL (
        SELECT e.session_id, e.started_at
        FROM (
            {of_sessions}
        ) AS e
        WHERE e.started_at <= latest.started_at AND e.session_id <> ALL (latest.seen)
        ORDER BY e.started_at DESC, e.id DESC
        LIMIT 1
    ) AS before
    WHERE cardinality(latest.seen) < :limit
)
SELECT latest.session_id AS key, own.*
FROM latest
CROSS JOIN LATERAL (
    SELECT
        {sums}
    FROM (
        {of_sessions}
    ) AS p
    WHERE p.session_id = latest.session_id
        AND hashtextextended(p.session_id, 0) = hashtextextended(latest.session_id, 0)
) AS own
WHERE latest.session_id IS NOT NULL
ORDER BY latest.started_at DESC, latest.session_id

-- name: token_statistics
-- Tokens and calls of domains, and when the latest exchange of each began.
SELECT used.*, latest.at AS last_updated
FROM (
    SELECT
        p.domain, sum(p.input_tokens)::bigint AS input_tokens, sum(p.output_tokens)::bigint AS output_tokens,
        sum(p.requests)::bigint AS request_count,
        coalesce(sum(p.requests) FILTER (WHERE p.request_type = 'query_evaluation'), 0)::bigint
            AS query_evaluation_count,
        coalesce(sum(p.requests) FILTER (WHERE p.request_type = 'inference'), 0)::bigint AS inference_count,
        sum(p.tool_calls)::bigint AS tool_call_count
    FROM (
        {parts}
    ) AS p
    GROUP BY p.domain
    {if_any}
) AS used
CROSS JOIN LATERAL (
    SELECT max(e.started_at) AS at FROM exchanges e WHERE e.domain = used.domain
) AS latest
ORDER BY used.domain

-- Sums of usage, tool calls and conversations against the rows that they are made of: what is wrong with them, and made
-- anew.

-- name: lacking_usage
-- What the sums of usage lack, or have too much, to be those of the rows: one statement, so both are of one moment.
SELECT
    slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type, sum(requests) AS requests,
    sum(ended) AS ended, sum(failed) AS failed, sum(timed) AS timed, sum(duration_ms) AS duration_ms,
    sum(tool_calls) AS tool_calls, sum(reported) AS reported, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(thinking_tokens) AS thinking_tokens,
    sum(cache_read_tokens) AS cache_read_tokens, sum(cache_creation_tokens) AS cache_creation_tokens,
    sum(cache_creation_5m_tokens) AS cache_creation_5m_tokens,
    sum(cache_creation_1h_tokens) AS cache_creation_1h_tokens, sum(web_search_requests) AS web_search_requests,
    sum(web_fetch_requests) AS web_fetch_requests, sum(cost_usd) AS cost_usd,
    sum(subscription_cost_usd) AS subscription_cost_usd, sum(unpriced) AS unpriced
FROM (
    SELECT
        slot_of(started_at) AS slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type,
        1 AS requests, (outcome IS NOT NULL)::integer AS ended,
        coalesce(outcome IN ('failed', 'interrupted', 'rejected'), false)::integer AS failed,
        (duration_ms IS NOT NULL)::integer AS timed, coalesce(duration_ms, 0)::numeric AS duration_ms,
        coalesce(tool_call_count, 0) AS tool_calls, 0 AS reported, 0 AS input_tokens, 0 AS output_tokens,
        0 AS thinking_tokens, 0 AS cache_read_tokens, 0 AS cache_creation_tokens, 0 AS cache_creation_5m_tokens,
        0 AS cache_creation_1h_tokens, 0 AS web_search_requests, 0 AS web_fetch_requests, 0 AS cost_usd,
        0 AS subscription_cost_usd, 0 AS unpriced
    FROM exchanges
    WHERE method IS NOT NULL
    UNION ALL
    SELECT
        slot_of(started_at), domain, account_id, model, kind, request_type, key_name, tag, agent_type,
        0, 0, 0, 0, 0, 0, 1, input_tokens, output_tokens, thinking_tokens, cache_read_tokens, cache_creation_tokens,
        cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
        coalesce(cost_usd, 0), CASE WHEN subscription THEN coalesce(cost_usd, 0) ELSE 0 END,
        (cost_usd IS NULL)::integer
    FROM usage
    UNION ALL
    SELECT
        slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type,
        -requests, -ended, -failed, -timed, -duration_ms, -tool_calls, -reported, -input_tokens, -output_tokens,
        -thinking_tokens, -cache_read_tokens, -cache_creation_tokens, -cache_creation_5m_tokens,
        -cache_creation_1h_tokens, -web_search_requests, -web_fetch_requests, -cost_usd, -subscription_cost_usd,
        -unpriced
    FROM usage_slots
) AS counted
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
HAVING (
    sum(requests), sum(ended), sum(failed), sum(timed), sum(duration_ms), sum(tool_calls), sum(reported),
    sum(input_tokens), sum(output_tokens), sum(thinking_tokens), sum(cache_read_tokens), sum(cache_creation_tokens),
    sum(cache_creation_5m_tokens), sum(cache_creation_1h_tokens), sum(web_search_requests), sum(web_fetch_requests),
    sum(cost_usd), sum(subscription_cost_usd), sum(unpriced)
) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

-- name: lacking_calls
-- The same of tool calls.
SELECT
    slot, domain, account_id, tool, sum(calls) AS calls, sum(results) AS results, sum(errors) AS errors,
    sum(waited_ms) AS waited_ms, sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed
FROM (
    SELECT
        slot_of(called_at) AS slot, domain, account_id, tool, 1 AS calls,
        (returned_at IS NOT NULL)::integer AS results, coalesce(failed, false)::integer AS errors,
        greatest(0, extract(epoch FROM returned_at - called_at) * 1000)::bigint AS waited_ms,
        CASE WHEN NOT failed THEN coalesce(lines_added, 0) ELSE 0 END AS lines_added,
        CASE WHEN NOT failed THEN coalesce(lines_removed, 0) ELSE 0 END AS lines_removed
    FROM tool_calls
    WHERE exchange_id IS NOT NULL
    UNION ALL
    SELECT slot, domain, account_id, tool, -calls, -results, -errors, -waited_ms, -lines_added, -lines_removed
    FROM tool_slots
) AS counted
GROUP BY 1, 2, 3, 4
HAVING (sum(calls), sum(results), sum(errors), sum(waited_ms), sum(lines_added), sum(lines_removed)) <> (0, 0, 0, 0, 0, 0)

-- name: other_conversations
-- Conversations whose sums are not those of the rows, though they are not due.
SELECT
    coalesce(kept.id, now.id) AS id, coalesce(kept.domain, now.domain) AS domain,
    coalesce(kept.last_time, now.last_time) AS last_time
FROM conversations_summed AS now FULL JOIN conversation_sums AS kept ON kept.id = now.id
WHERE now.* IS DISTINCT FROM kept.*
    AND coalesce(kept.id, now.id) NOT IN (
        SELECT conversation_id FROM conversation_queue WHERE conversation_id IS NOT NULL
        UNION
        SELECT l.conversation_id FROM conversation_queue AS d JOIN links AS l ON l.exchange_id = d.exchange_id
        WHERE l.conversation_id IS NOT NULL
    )

-- name: lengths
-- Of which lengths each facet has totals.
    (
        SELECT f.facet, minutes
        FROM usage_facets(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS f
        CROSS JOIN unnest('{15,60,1440,11520,92160}'::integer[]) AS minutes
        WHERE minutes > 60 OR f.facet NOT IN ('domain_kind', 'domain_key', 'domain_tag')
            AND (minutes = 60 OR f.facet IN ('all', 'domain'))
    )

-- name: lacking_totals
-- Where totals of usage are not those of the settled sums.
SELECT facet, minutes, slot, domain
FROM (
    SELECT facet, minutes, slot, domain, requests, reported, output_tokens, cost_usd FROM usage_totals
    UNION ALL
    SELECT
        l.facet, l.minutes, stretch_of(s.slot, l.minutes), CASE WHEN l.facet LIKE 'domain%' THEN s.domain END,
        -s.requests, -s.reported, -s.output_tokens, -s.cost_usd
    FROM (
        SELECT slot, domain, sum(requests) AS requests, sum(reported) AS reported, sum(output_tokens) AS output_tokens,
            sum(cost_usd) AS cost_usd
        FROM usage_slots_settled
        GROUP BY slot, domain
    ) AS s
    CROSS JOIN
        {lengths}
    AS l
) AS counted
GROUP BY facet, minutes, slot, domain
HAVING (sum(requests), sum(reported), sum(output_tokens), sum(cost_usd)) <> (0, 0, 0, 0)

-- name: lacking_tool_totals
-- Where totals of tool calls are not those of the settled sums.
SELECT facet, minutes, slot, domain
FROM (
    SELECT facet, minutes, slot, domain, tool, calls, errors, waited_ms FROM tool_totals
    UNION ALL
    SELECT
        t.facet, minutes, stretch_of(s.slot, minutes), t.domain, s.tool, -s.calls, -s.errors, -s.waited_ms
    FROM tool_slots_settled AS s
    CROSS JOIN LATERAL tool_facets(s.domain, s.account_id, s.tool) AS t
    CROSS JOIN unnest('{60,1440,11520,92160}'::integer[]) AS minutes
    WHERE minutes > 60 OR t.facet = 'tool'
) AS counted
GROUP BY facet, minutes, slot, domain, tool
HAVING (sum(calls), sum(errors), sum(waited_ms)) <> (0, 0, 0)

-- name: sums
-- Sums that are not those of the rows, and totals that are not those of the settled sums.
SELECT count(*) OVER () AS total, found.what || to_char(found.at, ' YYYY-MM-DD HH24:MI') || coalesce(' ' || found.domain, '') AS which
FROM (
    SELECT 'usage' AS what, slot AT TIME ZONE 'UTC' AS at, domain FROM (
        {lacking_usage}
    ) AS lacking
    UNION ALL
    SELECT 'calls', slot AT TIME ZONE 'UTC', domain FROM (
        {lacking_calls}
    ) AS lacking
    UNION ALL
    SELECT 'totals ' || facet || ' ' || minutes, slot AT TIME ZONE 'UTC', domain FROM (
        {lacking_totals}
    ) AS lacking
    UNION ALL
    SELECT 'totals ' || facet || ' ' || minutes, slot AT TIME ZONE 'UTC', domain FROM (
        {lacking_tool_totals}
    ) AS lacking
    UNION ALL
    SELECT 'conversation ' || id, last_time AT TIME ZONE 'UTC', domain FROM (
        {other_conversations}
    ) AS other
) AS found
ORDER BY which
LIMIT :most

-- name: hold_settling
-- Nobody settles sums before we have committed: settled sums and totals are ours alone.
SELECT
    pg_advisory_xact_lock(22637163773713001), pg_advisory_xact_lock(22637163773713002),
    pg_advisory_xact_lock(22637163773715001)

-- name: drop_usage
-- What is settled. What is not yet stays: triggers go on writing there.
DELETE FROM usage_slots_settled

-- name: drop_totals
-- And what is made of it.
DELETE FROM usage_totals

-- name: drop_tool_totals
-- The same of tool calls.
DELETE FROM tool_totals

-- name: drop_calls
-- The same of tool calls.
DELETE FROM tool_slots_settled

-- name: drop_conversations
-- The same of conversations. Those that are due stay so.
DELETE FROM conversation_sums

-- name: mend_usage
-- What is lacking now.
INSERT INTO usage_slots (
    slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type, requests, ended, failed, timed,
    duration_ms, tool_calls, reported, input_tokens, output_tokens, thinking_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
    cost_usd, subscription_cost_usd, unpriced
)
{lacking_usage}

-- name: mend_calls
-- The same of tool calls.
INSERT INTO tool_slots (
    slot, domain, account_id, tool, calls, results, errors, waited_ms, lines_added, lines_removed
)
{lacking_calls}

-- name: mend_conversations
-- All of them as they are now.
INSERT INTO conversation_sums SELECT * FROM conversations_summed

-- name: settle
-- All of it.
SELECT settle_usage_slots(), settle_tool_slots()

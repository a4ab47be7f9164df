-- What one exchange cost, part by part, and what stands around it.

-- name: charge
-- Tokens by kind and dollars by part, as the ledger wrote them.
SELECT
    u.input_tokens, u.output_tokens, u.thinking_tokens, u.cache_read_tokens,
    u.cache_creation_tokens - u.cache_creation_1h_tokens AS cache_5m_tokens, u.cache_creation_1h_tokens AS cache_1h_tokens,
    u.web_search_requests, u.web_fetch_requests, u.service_tier, u.speed, u.subscription, u.estimated,
    u.cost_usd, u.cost_input_usd, u.cost_output_usd, u.cost_cache_5m_usd, u.cost_cache_1h_usd,
    u.cost_cache_read_usd, u.cost_tools_usd, u.price_version, u.price_model
FROM usage u
WHERE u.exchange_id = :id

-- name: following
-- The exchanges that go on from one, oldest first.
SELECT e.id, e.preview, l.link_kind, l.branch_id, e.started_at
FROM links l
JOIN exchanges e ON e.id = l.exchange_id
WHERE l.parent_id = :id AND e.method IS NOT NULL
ORDER BY e.started_at, e.id
LIMIT :limit

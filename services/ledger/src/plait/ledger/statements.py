"""The ledger's SQL."""

from __future__ import annotations

from typing import Final

ADD: Final = """
INSERT INTO usage (
    exchange_id, domain, account_id, model, started_at, input_tokens, output_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
    service_tier, estimated, raw
)
SELECT exchange_id, domain, account_id, model, started_at, input_tokens, output_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
    service_tier, estimated, raw::jsonb
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::integer[], $13::integer[], $14::text[], $15::boolean[],
    $16::text[], $17::boolean[]
) AS new (
    exchange_id, domain, account_id, model, started_at, input_tokens, output_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
    service_tier, estimated, raw, imported
)
WHERE imported OR NOT EXISTS (SELECT FROM forgotten AS f WHERE f.exchange_id = new.exchange_id)
ORDER BY exchange_id
ON CONFLICT (exchange_id) DO NOTHING
"""
"""Add rows by column; of an exchange that has one already nothing changes, and what was deleted
comes back by an import alone. Sorted, so two writers cannot deadlock."""

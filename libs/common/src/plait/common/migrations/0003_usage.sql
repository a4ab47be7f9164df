-- Token usage and its cost, one row an exchange that reported any, written by the ledger.
--
-- `kind` to `agent_type` are the exchange's own, repeated here so that sums need no join. Until `placed` they are not
-- known: the ledger was quicker than the linker. Costs are exact dollars, null where the price is not known.
CREATE TABLE usage (
    exchange_id              uuid PRIMARY KEY,
    domain                   text        NOT NULL,
    account_id               text,
    model                    text,
    started_at               timestamptz NOT NULL,
    placed                   boolean     NOT NULL DEFAULT false,
    kind                     text,
    request_type             text,
    key_name                 text,
    tag                      text,
    agent_type               text,
    input_tokens             bigint      NOT NULL,
    output_tokens            bigint      NOT NULL, -- thinking included
    thinking_tokens          bigint      NOT NULL DEFAULT 0,
    cache_read_tokens        bigint      NOT NULL,
    cache_creation_tokens    bigint      NOT NULL, -- 5 m and 1 h together
    cache_creation_5m_tokens bigint      NOT NULL,
    cache_creation_1h_tokens bigint      NOT NULL,
    web_search_requests      integer     NOT NULL,
    web_fetch_requests       integer     NOT NULL,
    service_tier             text,
    speed                    text,
    subscription             boolean     NOT NULL DEFAULT false, -- nobody is billed: cost is what it would have been
    estimated                boolean     NOT NULL, -- an unfinished answer: the figures seen last
    cost_usd                 numeric,              -- the sum of the six parts
    cost_input_usd           numeric,
    cost_output_usd          numeric,
    cost_cache_5m_usd        numeric,
    cost_cache_1h_usd        numeric,
    cost_cache_read_usd      numeric,
    cost_tools_usd           numeric,
    price_version            text,                 -- of the price list that was asked
    price_model              text,                 -- the list's models that were matched; null: none was
    raw                      jsonb       NOT NULL  -- the usage object as the provider sent it
);
CREATE INDEX usage_by_time ON usage (started_at, exchange_id);
CREATE INDEX usage_by_account ON usage (account_id, started_at) WHERE account_id IS NOT NULL;
CREATE INDEX usage_by_domain ON usage (domain, started_at);
CREATE INDEX usage_unplaced ON usage (exchange_id) WHERE NOT placed;
CREATE INDEX usage_unpriced ON usage (model, started_at) WHERE cost_usd IS NULL;

-- Token usage, one row an exchange that reported any, written by the ledger.
CREATE TABLE usage (
    exchange_id              uuid PRIMARY KEY,
    domain                   text        NOT NULL,
    account_id               text,
    model                    text,
    started_at               timestamptz NOT NULL,
    input_tokens             bigint      NOT NULL,
    output_tokens            bigint      NOT NULL,
    cache_read_tokens        bigint      NOT NULL,
    cache_creation_tokens    bigint      NOT NULL, -- 5 m and 1 h together
    cache_creation_5m_tokens bigint      NOT NULL,
    cache_creation_1h_tokens bigint      NOT NULL,
    web_search_requests      integer     NOT NULL,
    web_fetch_requests       integer     NOT NULL,
    service_tier             text,
    estimated                boolean     NOT NULL, -- an unfinished answer: the figures seen last
    raw                      jsonb       NOT NULL  -- the usage object as the provider sent it
);
CREATE INDEX usage_by_time ON usage (started_at DESC, exchange_id DESC);
CREATE INDEX usage_by_account ON usage (account_id, started_at DESC) WHERE account_id IS NOT NULL;
CREATE INDEX usage_by_domain ON usage (domain, started_at DESC);

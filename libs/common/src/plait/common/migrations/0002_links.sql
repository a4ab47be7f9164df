-- Links: a pure function of stored facts (linking.md). `facts` holds what an exchange knows about itself; the other
-- tables hold what was computed from them and can be thrown away and computed again.

-- The facts of one exchange (plait.linker.domain.facts), packed: what the request says, joined with the answer once
-- both are there. An answer that comes before its request waits beside. `version` is that of the extraction.
CREATE TABLE facts (
    exchange_id uuid PRIMARY KEY,
    version     smallint NOT NULL,
    data        bytea,                    -- Facts; null until the request comes
    waiting     bytea                     -- AnswerFacts; null once joined
);

-- Under which keys an exchange can be found (offers), and which keys its own link was decided by (asks). A key is the
-- first 8 bytes of SHA-256 over its kind, its domain and its parts; what is found under it is checked against the facts.
CREATE TABLE link_offers (
    key         bigint      NOT NULL,
    started_at  timestamptz NOT NULL,
    exchange_id uuid        NOT NULL,
    PRIMARY KEY (key, started_at, exchange_id)
);
CREATE TABLE link_asks (
    key         bigint      NOT NULL,
    until       timestamptz NOT NULL,     -- what started later and comes under this key changes nothing for the asker
    exchange_id uuid        NOT NULL,
    PRIMARY KEY (key, until, exchange_id)
);
CREATE INDEX link_asks_by_exchange ON link_asks (exchange_id);

CREATE TABLE links (
    exchange_id     uuid PRIMARY KEY,
    own_id          uuid NOT NULL,        -- the conversation id this exchange would have as a root
    conversation_id uuid,                 -- null: a side call that serves nothing known
    parent_id       uuid,
    link_kind       text,                 -- null for side calls
    branch_id       text,
    retry_of        uuid,
    serves_id       uuid,
    is_subtask      boolean NOT NULL DEFAULT false,
    parent_task_id  uuid,
    rule            text NOT NULL,        -- evidence: the rule that decided ...
    detail          jsonb NOT NULL,       -- ... and what it saw
    member          bytea NOT NULL        -- what naming a tree needs of it (plait.linker.domain.names.Member)
);
CREATE INDEX links_by_conversation ON links (conversation_id);
CREATE INDEX links_by_own ON links (own_id);
CREATE INDEX links_by_parent ON links (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX links_by_attempt ON links (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX links_by_served ON links (serves_id) WHERE serves_id IS NOT NULL;

-- One row a conversation, kept by the linker with every change of its tree: what the list shows without a join.
CREATE TABLE conversations (
    id               uuid PRIMARY KEY,    -- UUIDv5 of the root's exchange id
    root_id          uuid        NOT NULL,
    domain           text        NOT NULL,
    account_id       text,
    title            text,
    first_time       timestamptz NOT NULL,
    last_time        timestamptz NOT NULL,
    latest_id        uuid        NOT NULL, -- newest exchange of the tree (side calls aside)
    request_count    integer     NOT NULL, -- exchanges that carry its id, side calls too
    message_count    integer     NOT NULL, -- messages on the longest chain
    session_ids      text[]      NOT NULL,
    models           text[]      NOT NULL, -- that answered in the tree
    branch_ids       text[]      NOT NULL DEFAULT '{main}',
    branch_count     integer     NOT NULL, -- all branches, main too
    subtask_count    integer     NOT NULL,
    compact_count    integer     NOT NULL,
    user_branch_count integer    NOT NULL
);
CREATE INDEX conversations_by_time ON conversations (last_time DESC, id DESC);
CREATE INDEX conversations_by_domain ON conversations (domain, last_time DESC, id DESC);
CREATE INDEX conversations_by_account ON conversations (account_id, last_time DESC, id DESC)
    WHERE account_id IS NOT NULL;
CREATE INDEX conversations_by_session ON conversations USING gin (session_ids) WITH (fastupdate = off);

-- Conversation events that are committed and not yet published: a crash between the two loses none.
CREATE TABLE outbox (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key   text  NOT NULL,
    event bytea NOT NULL                  -- plait.conversation.v1 as JSON
);

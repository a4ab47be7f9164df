-- Links: a pure function of stored facts (linking.md). `facts` holds what an exchange knows about itself; the other
-- tables hold what was computed from them and can be thrown away and computed again.

-- The facts of one exchange (plait.linker.domain.facts), packed, in two rows that are written once: what the request
-- says, and what is known with the answer. An answer that comes before its request waits for it, without keys.
--
-- Beside them stand the keys under which others find the exchange (plait.linker.domain.keys): what nearly every exchange
-- offers in columns, the rest in `link_offers`. What is found under a key is checked against the facts. Each index ends
-- with the start time: of several under one key the newest before a moment are wanted, or the oldest.
CREATE TABLE facts (
    exchange_id uuid PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    asked       bigint,                   -- the chain of its messages
    begun       bigint,                   -- its first message
    line        bigint,                   -- its session and agent
    follows     bigint,                   -- asked for, not offered: the answer that its last assistant message was
    version     smallint    NOT NULL,     -- of the extraction
    data        bytea       NOT NULL
);
CREATE INDEX facts_asked ON facts (asked, started_at) WHERE asked IS NOT NULL;
CREATE INDEX facts_begun ON facts (begun, started_at) WHERE begun IS NOT NULL;
CREATE INDEX facts_line ON facts (line, started_at) WHERE line IS NOT NULL;
CREATE INDEX facts_follows ON facts (follows, started_at) WHERE follows IS NOT NULL;

CREATE TABLE answer_facts (
    exchange_id uuid PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    answered    bigint,                   -- the chain of its messages and the answer
    message     bigint,                   -- the answer's message id
    tool        bigint,                   -- a tool call of the answer; of one without: the last message and the answer
    said        bigint,                   -- of an answer without tool call: the first message and the answer
    version     smallint    NOT NULL,
    data        bytea       NOT NULL
);
CREATE INDEX answer_facts_answered ON answer_facts (answered, started_at) WHERE answered IS NOT NULL;
CREATE INDEX answer_facts_message ON answer_facts (message, started_at) WHERE message IS NOT NULL;
CREATE INDEX answer_facts_tool ON answer_facts (tool, started_at) WHERE tool IS NOT NULL;
CREATE INDEX answer_facts_said ON answer_facts (said, started_at) WHERE said IS NOT NULL;

CREATE TABLE link_offers (
    key         bigint      NOT NULL,
    started_at  timestamptz NOT NULL,
    exchange_id uuid        NOT NULL
);
CREATE INDEX link_offers_by_key ON link_offers (key, started_at);

-- Which keys an exchange's own link was decided by, but for those that its facts tell (`offers.implied`).
CREATE TABLE link_asks (
    key         bigint      NOT NULL,
    until       timestamptz NOT NULL,     -- what started later and comes under this key changes nothing for the asker
    exchange_id uuid        NOT NULL
);
CREATE INDEX link_asks_by_key ON link_asks (key, until);
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
    detail          jsonb NOT NULL        -- ... and what it saw
);
CREATE INDEX links_by_conversation ON links (conversation_id);
CREATE INDEX links_spawns ON links (conversation_id) WHERE link_kind = 'spawn';
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
CREATE INDEX conversations_by_time ON conversations (last_time, id);
CREATE INDEX conversations_by_domain ON conversations (domain, last_time, id);
CREATE INDEX conversations_by_account ON conversations (account_id, last_time, id)
    WHERE account_id IS NOT NULL;
CREATE INDEX conversations_by_session ON conversations USING gin (session_ids) WITH (fastupdate = off);

-- Counts the changes of conversations: a linker takes a number while it holds the lock of the domain, so that of two
-- states of one conversation the later one has the higher number, whichever of two linkers publishes first.
CREATE SEQUENCE conversation_revisions;

-- Conversation events that are committed and not yet published: a crash between the two loses none.
CREATE TABLE outbox (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key   text  NOT NULL,
    event bytea NOT NULL                  -- plait.conversation.v1 as JSON
);

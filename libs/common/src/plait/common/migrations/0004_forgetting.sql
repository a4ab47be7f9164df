-- Forgetting: exchanges are deleted by people and by age, and what they shared with none left goes with them.

-- Who had what deleted, and what came of it (plait.common.forgetting). The selection names things, it holds no content.
CREATE TABLE deletions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    asked_by    text        NOT NULL,     -- the system's user who gave the command, a key of the API, or `retention`
    selection   jsonb       NOT NULL,     -- what was to be deleted
    doomed      uuid[],                   -- of a conversation: its exchanges, until it is ended
    reached     uuid,                     -- from this id on the selected are gone
    exchanges   bigint      NOT NULL DEFAULT 0,
    worked_at   timestamptz,              -- null: asked for, and nobody has begun
    finished_at timestamptz,              -- null: it waits, it runs, or a crash broke it off
    stopped_at  timestamptz               -- when the one who had asked broke it off
);
CREATE INDEX deletions_open ON deletions (id) WHERE finished_at IS NULL AND stopped_at IS NULL;

-- Exchanges that were deleted a short time ago: an event of one that comes late, or again, is passed over.
CREATE TABLE forgotten (
    exchange_id  uuid PRIMARY KEY,
    forgotten_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX forgotten_by_time ON forgotten (forgotten_at);

-- Links of chains and blobs that a deleted exchange used: in use no more, unless another one uses them. Looked at, and
-- deleted or left alone, in a transaction of their own.
CREATE TABLE forsaken (
    hash bytea   NOT NULL,
    link boolean NOT NULL,                -- a link of a chain, else a blob
    PRIMARY KEY (hash, link)
);

-- Who uses a link or a blob. Indexes over a number made of the hash: half as large as over the hash itself. No hash
-- indexes, which would be as small: there a content that is used again and again (a program's one request, a person's
-- "continue") is entered behind all its other uses, every time. Here equal entries are kept as lists.
CREATE FUNCTION hash_key(hash bytea) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashtextextended(encode(hash, 'hex'), 0);
CREATE INDEX chains_by_parent ON chains (hash_key(parent)) WHERE parent IS NOT NULL;
CREATE INDEX chains_by_blob ON chains (hash_key(blob));
CREATE INDEX exchange_requests_by_chain ON exchange_requests (hash_key(chain)) WHERE chain IS NOT NULL;
CREATE INDEX exchange_requests_by_system ON exchange_requests (system) WHERE system IS NOT NULL;
CREATE INDEX exchange_requests_by_tools ON exchange_requests (tools) WHERE tools IS NOT NULL;
CREATE INDEX exchange_requests_by_frame ON exchange_requests (frame) WHERE frame IS NOT NULL;
CREATE INDEX exchange_responses_by_frame ON exchange_responses (frame) WHERE frame IS NOT NULL;
CREATE INDEX exchange_responses_by_content ON exchange_responses (hash_key(content)) WHERE content IS NOT NULL;

-- Analyses: what a model says of a branch of a conversation (plait.common.analyses), and the jobs that it comes from.

-- One row a branch: the job while it waits or runs, and its last good result, which stays until a newer one is there.
CREATE TABLE analyses (
    id                uuid PRIMARY KEY,
    conversation_id   uuid        NOT NULL,
    branch_id         text        NOT NULL,
    domain            text        NOT NULL,
    status            text        NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    revision          integer     NOT NULL DEFAULT 1,  -- counts the changes of `status`: each is an event
    by_rule           boolean     NOT NULL,            -- asked for by ANALYSIS_AUTO, not by somebody
    asked_by          text        NOT NULL,
    custom_prompt     text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    asked_at          timestamptz NOT NULL DEFAULT now(), -- of this run
    updated_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz,
    -- A run ends completed or failed; asking again begins the next.
    regenerations     integer     NOT NULL DEFAULT 0,
    attempts          smallint    NOT NULL DEFAULT 0,  -- of this run
    history           jsonb       NOT NULL DEFAULT '[]', -- attempts of the last runs (plait.common.queries.analyses.Attempt)
    not_before        timestamptz NOT NULL DEFAULT now(),
    -- Who works at it, and until when unless it says again that it lives.
    lease             uuid,
    leased_until      timestamptz,
    started_at        timestamptz,                     -- of the attempt that runs, or ran last
    error             text,                            -- of a failed one
    -- The result.
    provider          text,
    model             text,
    prompt_version    text,
    prompt_tokens     integer,
    completion_tokens integer,
    total_tokens      integer,
    cost_usd          numeric,
    duration_ms       integer,                         -- of the model's calls
    content           text,                            -- Markdown; or the answer as it came, where `data` is null
    data              jsonb,                           -- plait.common.analysis
    remarks           jsonb       NOT NULL DEFAULT '[]', -- what a reader should know of how it came about
    UNIQUE (conversation_id, branch_id)
);
CREATE INDEX analyses_open ON analyses (not_before, id) WHERE status IN ('pending', 'processing');
CREATE INDEX analyses_by_time ON analyses (asked_at, id);
CREATE INDEX analyses_by_domain ON analyses (domain, asked_at, id);

-- What becomes of a conversation becomes of its analyses: they go with it when it is deleted, and when it is found to be
-- part of another one they are that one's, unless it has such a one itself.
CREATE FUNCTION follow_conversations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE analyses AS a SET conversation_id = moved.now
    FROM (
        SELECT DISTINCT ON (l.conversation_id, a.branch_id) a.id, l.conversation_id AS now
        FROM gone AS g
        JOIN analyses AS a ON a.conversation_id = g.id
        JOIN links AS l ON l.own_id = g.id
        WHERE l.conversation_id <> g.id AND NOT EXISTS (
            SELECT FROM analyses AS other
            WHERE other.conversation_id = l.conversation_id AND other.branch_id = a.branch_id
        )
        ORDER BY l.conversation_id, a.branch_id, a.asked_at DESC
    ) AS moved
    WHERE a.id = moved.id;
    DELETE FROM analyses AS a USING gone AS g
    WHERE a.conversation_id = g.id AND NOT EXISTS (SELECT FROM conversations AS c WHERE c.id = g.id);
    DELETE FROM analyses_due AS d USING gone AS g WHERE d.conversation_id = g.id;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_conversations AFTER DELETE ON conversations
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION follow_conversations();

-- Analysis events that are committed and not yet published.
CREATE TABLE analyses_outbox (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key   text  NOT NULL,
    event bytea NOT NULL                  -- plait.analysis.v1 as JSON
);

-- Conversations that ANALYSIS_AUTO looks at again, once they have been quiet for long enough.
CREATE TABLE analyses_due (
    conversation_id uuid PRIMARY KEY,
    domain          text        NOT NULL,
    due_at          timestamptz NOT NULL
);
CREATE INDEX analyses_due_by_time ON analyses_due (due_at);

-- Who asked for analyses and who read them, and what came of it: refused calls too.
CREATE TABLE analysis_calls (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT now(),
    caller          text NOT NULL,        -- `key NAME`, `user NAME` of the command line, `rule`
    action          text NOT NULL CHECK (action IN ('request', 'read', 'list', 'regenerate', 'reset')),
    outcome         text NOT NULL,        -- done, known, not_found, too_many
    domain          text,                 -- null: nothing has the id, or it is a list
    conversation_id uuid,
    branch_id       text,
    request_id      text                  -- of the call, as in its answer's X-Request-ID
);
CREATE INDEX analysis_calls_by_conversation ON analysis_calls (conversation_id, id) WHERE conversation_id IS NOT NULL;

-- How much of a domain's allowance is used: until when it would be used up at the even rate.
CREATE TABLE analysis_rates (
    domain     text        NOT NULL,
    action     text        NOT NULL,
    paid_until timestamptz NOT NULL,
    PRIMARY KEY (domain, action)
);

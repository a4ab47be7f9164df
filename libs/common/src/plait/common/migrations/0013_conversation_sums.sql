-- What lists of conversations are sorted and narrowed by, in one row each: what `conversations` tells of them, and sums
-- over all exchanges that carry their ids, side calls and retries too.
--
-- Three tables are summed, and they are written by different parts in any order. So whoever changes what counts only
-- names it in `conversation_queue`, in the same transaction, and a worker of the ledger makes the rows of the named ones
-- anew. In every snapshot a conversation's row is what `conversations_summed` says, or the conversation is due: who wants
-- exact figures reads the row of one that is not due, and the view for all others.

CREATE TABLE conversation_sums (
    id                uuid PRIMARY KEY,
    domain            text        NOT NULL,
    account_id        text,
    title             text,
    first_time        timestamptz NOT NULL,
    last_time         timestamptz NOT NULL,
    request_count     integer     NOT NULL,
    session_ids       text[]      NOT NULL,
    models            text[]      NOT NULL,
    branch_count      integer     NOT NULL,
    subtask_count     integer     NOT NULL,
    compact_count     integer     NOT NULL,
    user_branch_count integer     NOT NULL,
    total_tokens      bigint      NOT NULL,
    cost_usd          numeric,              -- null: of nothing in it is the price known
    unpriced_count    integer     NOT NULL, -- exchanges with usage whose price is not known
    failed_count      integer     NOT NULL, -- ended failed, interrupted or rejected
    context_tokens    bigint                -- of its latest prompt; null: that told none
);

-- An index for each order that a list can have, read forwards and backwards. Of long texts the beginning decides.
CREATE INDEX conversation_sums_by_time ON conversation_sums (last_time, id);
CREATE INDEX conversation_sums_by_title ON conversation_sums (lower(left(title, 100)), last_time, id);
CREATE INDEX conversation_sums_by_model ON conversation_sums (left(models[1], 100), last_time, id);
CREATE INDEX conversation_sums_by_branches ON conversation_sums (branch_count, last_time, id);
CREATE INDEX conversation_sums_by_domain ON conversation_sums (domain, last_time, id);
CREATE INDEX conversation_sums_by_account ON conversation_sums (account_id, last_time, id);
CREATE INDEX conversation_sums_by_requests ON conversation_sums (request_count, last_time, id);
CREATE INDEX conversation_sums_by_tokens ON conversation_sums (total_tokens, last_time, id);
CREATE INDEX conversation_sums_by_cost ON conversation_sums (cost_usd, last_time, id);
CREATE INDEX conversation_sums_by_context ON conversation_sums (context_tokens, last_time, id);
CREATE INDEX conversation_sums_by_duration ON conversation_sums ((last_time - first_time), last_time, id);

-- The same as the record has it now: the one place that says what is summed.
CREATE VIEW conversations_summed AS
SELECT
    c.id, c.domain, c.account_id, c.title, c.first_time, c.last_time, c.request_count, c.session_ids, c.models,
    c.branch_count, c.subtask_count, c.compact_count, c.user_branch_count, own.total_tokens, own.cost_usd,
    own.unpriced_count, own.failed_count,
    latest.input_tokens + latest.cache_read_tokens + latest.cache_creation_tokens AS context_tokens
FROM conversations AS c
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_creation_tokens), 0)::bigint
            AS total_tokens,
        sum(u.cost_usd) AS cost_usd,
        count(*) FILTER (WHERE u.exchange_id IS NOT NULL AND u.cost_usd IS NULL)::integer AS unpriced_count,
        count(*) FILTER (WHERE e.outcome IN ('failed', 'interrupted', 'rejected'))::integer AS failed_count
    FROM links AS l
    JOIN exchanges AS e ON e.id = l.exchange_id
    LEFT JOIN usage AS u ON u.exchange_id = l.exchange_id
    WHERE l.conversation_id = c.id
) AS own
LEFT JOIN usage AS latest ON latest.exchange_id = c.latest_id;

-- Conversations whose row is to be made anew: by their id, or by an exchange of theirs, whose conversation the ledger
-- need not know. Without key and index: rows are added by everybody, and only ever taken all together.
CREATE TABLE conversation_queue (
    conversation_id uuid,
    exchange_id     uuid
);

-- An exchange that comes into a conversation is in its `request_count`, so that row changes too, and names it.
CREATE FUNCTION name_conversations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO conversation_queue (conversation_id) SELECT id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER name_new AFTER INSERT ON conversations
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION name_conversations();
CREATE TRIGGER name_changed AFTER UPDATE ON conversations
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION name_conversations();

-- What is deleted leaves nothing here, whether a worker runs or not.
CREATE FUNCTION forget_conversations() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT id FROM changed);
BEGIN
    DELETE FROM conversation_sums WHERE id = ANY(ids);
    INSERT INTO conversation_queue (conversation_id) SELECT unnest(ids);
    RETURN NULL;
END $$;
CREATE TRIGGER name_gone AFTER DELETE ON conversations
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION forget_conversations();

-- One that moves, or goes, may leave the counts of a conversation as they were, if another comes instead.
CREATE FUNCTION name_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO conversation_queue (conversation_id) VALUES (old.conversation_id), (new.conversation_id);
    RETURN NULL;
END $$;
CREATE TRIGGER name_moved AFTER UPDATE OF conversation_id ON links FOR EACH ROW
    WHEN (old.conversation_id IS DISTINCT FROM new.conversation_id) EXECUTE FUNCTION name_moved();
CREATE FUNCTION name_unlinked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO conversation_queue (conversation_id) SELECT DISTINCT conversation_id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER name_unlinked AFTER DELETE ON links
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION name_unlinked();

CREATE FUNCTION name_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO conversation_queue (exchange_id) SELECT exchange_id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER name_used AFTER INSERT ON usage
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION name_used();
CREATE TRIGGER name_unused AFTER DELETE ON usage
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION name_used();

-- Usage is updated for its kind too, which does not count here.
CREATE FUNCTION name_priced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO conversation_queue (exchange_id) VALUES (new.exchange_id);
    RETURN NULL;
END $$;
CREATE TRIGGER name_priced
    AFTER UPDATE OF cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens ON usage
    FOR EACH ROW EXECUTE FUNCTION name_priced();

-- An exchange that fails after it was linked.
CREATE FUNCTION name_failed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO conversation_queue (exchange_id) VALUES (new.id);
    RETURN NULL;
END $$;
CREATE TRIGGER name_failed AFTER UPDATE OF outcome ON exchanges FOR EACH ROW
    WHEN (coalesce(new.outcome, '') IN ('failed', 'interrupted', 'rejected')
        IS DISTINCT FROM coalesce(old.outcome, '') IN ('failed', 'interrupted', 'rejected'))
    EXECUTE FUNCTION name_failed();

-- What is recorded already.
INSERT INTO conversation_sums SELECT * FROM conversations_summed;
ANALYZE conversation_sums;

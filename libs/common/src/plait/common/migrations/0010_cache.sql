-- What the provider's prompt cache gave, and what it could have given. docs/cache.md tells what the figures mean.

-- One row a turn: an exchange that used a prompt. Its first columns are facts about it, by which others find it; the rest
-- is its finding, a pure function of the facts of it and its neighbours. The ledger's doctor alone writes here.
CREATE TABLE cache_findings (
    exchange_id     uuid PRIMARY KEY,
    domain          text        NOT NULL,
    account_id      text,
    model           text,
    client          text,                 -- name and version, as the user-agent begins
    session_id      text,
    conversation_id uuid,
    started_at      timestamptz NOT NULL,
    scope           bigint      NOT NULL, -- hash of account, model, tools and system prompt
    source          boolean     NOT NULL, -- it tells how long the beginning is that others share: it read that, no more
    readable_at     timestamptz NOT NULL, -- when its answer began: from then on others can read what it wrote
    prompt_tokens   bigint      NOT NULL,
    read_tokens     bigint      NOT NULL, -- of the prompt, from the cache
    left_tokens     bigint      NOT NULL, -- of the prompt, in the cache afterwards
    lifetime_s      integer,              -- of what it wrote; null: it wrote nothing
    opening         boolean     NOT NULL DEFAULT false, -- it follows nobody whose cache is known, but begins like others
    reference_id    uuid,                 -- the turn whose cache it could have read
    expected_tokens bigint,               -- what that one left of use to it; null: nothing is known
    reusable_tokens bigint      NOT NULL DEFAULT 0,
    missed_tokens   bigint      NOT NULL DEFAULT 0,
    cause           text,                 -- null: all was read
    message_index   integer,              -- of cause `message`: the first that differs; null: too far back to tell
    change          text,                 -- of that message: edited, dropped, inserted
    idle_s          double precision,     -- seconds since the cache was last used
    cost_usd        numeric               -- of the miss; null: a price is not known
) WITH (fillfactor = 80);
CREATE INDEX cache_findings_by_scope ON cache_findings (scope, readable_at);
CREATE INDEX cache_findings_openings ON cache_findings (scope, started_at) WHERE opening;
CREATE INDEX cache_findings_sources ON cache_findings (scope, readable_at) WHERE source;
CREATE INDEX cache_findings_by_conversation ON cache_findings (conversation_id);
CREATE INDEX cache_findings_by_session ON cache_findings (hashtextextended(session_id, 0));
CREATE INDEX cache_misses ON cache_findings (started_at)
    INCLUDE (cause, missed_tokens, cost_usd, domain, account_id, model, client) WHERE missed_tokens > 0;
CREATE INDEX cache_misses_by_domain ON cache_findings (domain, started_at)
    INCLUDE (cause, missed_tokens, cost_usd, account_id, model, client) WHERE missed_tokens > 0;

-- Exchanges whose finding is to be made, or made again: put in with what changed, taken out by the doctor. One may wait
-- here several times.
CREATE TABLE cache_queue (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange_id uuid NOT NULL
);

CREATE FUNCTION queue_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cache_queue (exchange_id) SELECT exchange_id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_used AFTER INSERT ON usage
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_used();
CREATE TRIGGER queue_unused AFTER DELETE ON usage
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_used();

-- An exchange is looked at when both its halves are there.
CREATE FUNCTION queue_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cache_queue (exchange_id) SELECT id FROM added WHERE outcome IS NOT NULL AND method IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_whole AFTER INSERT ON exchanges
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_whole();
CREATE FUNCTION queue_completed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cache_queue (exchange_id) VALUES (new.id);
    RETURN NULL;
END $$;
CREATE TRIGGER queue_completed AFTER UPDATE OF outcome, method ON exchanges FOR EACH ROW
    WHEN (new.outcome IS NOT NULL AND new.method IS NOT NULL AND (old.outcome IS NULL OR old.method IS NULL))
    EXECUTE FUNCTION queue_completed();

-- Whoever is linked otherwise, and those whom it was linked to: their other followers may see another cache now.
CREATE FUNCTION queue_linked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cache_queue (exchange_id)
    SELECT a.exchange_id FROM added AS a
    WHERE EXISTS (SELECT FROM exchanges AS e WHERE e.id = a.exchange_id AND e.outcome IS NOT NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER queue_linked AFTER INSERT ON links
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_linked();
CREATE FUNCTION queue_relinked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cache_queue (exchange_id)
    SELECT id FROM (VALUES (old.exchange_id), (old.parent_id), (old.retry_of), (old.serves_id)) AS concerned (id)
    WHERE id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_relinked AFTER UPDATE ON links FOR EACH ROW
    WHEN ((old.parent_id, old.retry_of, old.serves_id, old.link_kind, old.conversation_id)
        IS DISTINCT FROM (new.parent_id, new.retry_of, new.serves_id, new.link_kind, new.conversation_id))
    EXECUTE FUNCTION queue_relinked();
CREATE TRIGGER queue_unlinked AFTER DELETE ON links FOR EACH ROW EXECUTE FUNCTION queue_relinked();

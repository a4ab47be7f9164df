-- The ledger's sums, limits and tool calls. docs/costs.md tells what the figures mean.

ALTER TABLE exchanges ADD COLUMN agent_type text; -- the kind of sub-agent, as the client names it

-- Roll-ups: sums by slots of 15 minutes, of which the hours and days of every time zone are made.
--
-- Triggers put into `usage_slots` what each statement changes, in its own transaction: nobody waits for anybody, and
-- nothing is counted that is not committed. Every second the ledger moves that on into `usage_slots_settled`, one row a
-- key. The latter inherits from the former, so who reads `usage_slots` reads both: exact at all times, but of one key
-- there may be several rows: always sum. Exchanges count once their request is known; tokens and `reported` are those
-- of exchanges with usage.
CREATE TABLE usage_slots (
    slot                     timestamptz NOT NULL,           -- when it begins
    domain                   text        NOT NULL,
    account_id               text,
    model                    text,
    kind                     text,
    request_type             text,
    key_name                 text,
    tag                      text,
    agent_type               text,
    requests                 bigint      NOT NULL DEFAULT 0,
    ended                    bigint      NOT NULL DEFAULT 0,
    failed                   bigint      NOT NULL DEFAULT 0, -- ended failed, interrupted or rejected
    timed                    bigint      NOT NULL DEFAULT 0, -- have a duration ...
    duration_ms              numeric     NOT NULL DEFAULT 0, -- ... and their sum
    tool_calls               bigint      NOT NULL DEFAULT 0,
    reported                 bigint      NOT NULL DEFAULT 0,
    input_tokens             bigint      NOT NULL DEFAULT 0,
    output_tokens            bigint      NOT NULL DEFAULT 0,
    thinking_tokens          bigint      NOT NULL DEFAULT 0,
    cache_read_tokens        bigint      NOT NULL DEFAULT 0,
    cache_creation_tokens    bigint      NOT NULL DEFAULT 0,
    cache_creation_5m_tokens bigint      NOT NULL DEFAULT 0,
    cache_creation_1h_tokens bigint      NOT NULL DEFAULT 0,
    web_search_requests      bigint      NOT NULL DEFAULT 0,
    web_fetch_requests       bigint      NOT NULL DEFAULT 0,
    cost_usd                 numeric     NOT NULL DEFAULT 0, -- of those that are priced
    subscription_cost_usd    numeric     NOT NULL DEFAULT 0, -- the part of it that nobody is billed
    unpriced                 bigint      NOT NULL DEFAULT 0
);
CREATE TABLE usage_slots_settled (key uuid PRIMARY KEY) INHERITS (usage_slots);
CREATE INDEX usage_slots_by_time ON usage_slots_settled (slot);
CREATE INDEX usage_slots_by_domain ON usage_slots_settled (domain, slot);
CREATE INDEX usage_slots_by_account ON usage_slots_settled (account_id, slot) WHERE account_id IS NOT NULL;
CREATE INDEX usage_slots_emptied ON usage_slots_settled (key) WHERE requests = 0 AND reported = 0;

CREATE FUNCTION slot_of(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT date_bin('15 minutes', at, '2000-01-01 00:00:00+00')
$$;

-- The name of a row of sums: texts may be longer than an index takes.
CREATE FUNCTION slot_key(slot timestamptz, VARIADIC fields text[]) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT md5(extract(epoch FROM slot)::bigint || fields::text)::uuid
$$;

-- The functions below differ in the transition tables that their trigger has: rows that are there now count, rows as
-- they were before count as many times less.
DO $make$
DECLARE
    counting CONSTANT text := $body$
        INSERT INTO usage_slots (
            slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type,
            requests, ended, failed, timed, duration_ms, tool_calls
        )
        SELECT * FROM (
            SELECT
                slot_of(started_at), domain, account_id, model, kind, request_type, key_name, tag, agent_type,
                sum(sign) AS requests, sum(CASE WHEN outcome IS NOT NULL THEN sign ELSE 0 END) AS ended,
                sum(CASE WHEN outcome IN ('failed', 'interrupted', 'rejected') THEN sign ELSE 0 END) AS failed,
                sum(CASE WHEN duration_ms IS NOT NULL THEN sign ELSE 0 END) AS timed,
                sum(sign * coalesce(duration_ms, 0)::numeric) AS duration_ms,
                sum(sign * coalesce(tool_call_count, 0)) AS tool_calls
            FROM (%s) AS changed
            WHERE method IS NOT NULL
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        ) AS summed
        WHERE (requests, ended, failed, timed, duration_ms, tool_calls) <> (0, 0, 0, 0, 0, 0);
    $body$;
    summing CONSTANT text := $body$
        INSERT INTO usage_slots (
            slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type,
            reported, input_tokens, output_tokens, thinking_tokens, cache_read_tokens, cache_creation_tokens,
            cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
            cost_usd, subscription_cost_usd, unpriced
        )
        SELECT
            slot_of(started_at), domain, account_id, model, kind, request_type, key_name, tag, agent_type,
            sum(sign), sum(sign * input_tokens), sum(sign * output_tokens), sum(sign * thinking_tokens),
            sum(sign * cache_read_tokens), sum(sign * cache_creation_tokens), sum(sign * cache_creation_5m_tokens),
            sum(sign * cache_creation_1h_tokens), sum(sign * web_search_requests), sum(sign * web_fetch_requests),
            sum(sign * coalesce(cost_usd, 0)), sum(CASE WHEN subscription THEN sign * coalesce(cost_usd, 0) ELSE 0 END),
            sum(CASE WHEN cost_usd IS NULL THEN sign ELSE 0 END)
        FROM (%s) AS changed
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
    $body$;
    added CONSTANT text := 'SELECT 1 AS sign, * FROM added';
    removed CONSTANT text := 'SELECT -1 AS sign, * FROM removed';
    changed CONSTANT text := added || ' UNION ALL ' || removed;
    made CONSTANT text := $made$
        CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $function$
        DECLARE ids uuid[]; BEGIN %s RETURN NULL; END $function$
    $made$;
    -- Plans are kept: made while tables were small they must still do when these are large. So no joins of transition
    -- tables, whose rows a planner cannot know, and no scans of whole tables.
    place CONSTANT text := $body$
        ids := ARRAY(SELECT id FROM added WHERE method IS NOT NULL);
        UPDATE usage AS u SET
            placed = true, kind = e.kind, request_type = e.request_type, key_name = e.key_name, tag = e.tag,
            agent_type = e.agent_type
        FROM exchanges AS e
        WHERE u.exchange_id = ANY(ids) AND NOT u.placed AND e.id = u.exchange_id;
    $body$;
    move CONSTANT text := $body$
        ids := ARRAY(SELECT id FROM (
            SELECT id, kind FROM added WHERE method IS NOT NULL
            EXCEPT SELECT id, kind FROM removed WHERE method IS NOT NULL
        ) AS moved);
        IF ids <> '{}' THEN
            UPDATE usage AS u SET
                placed = true, kind = e.kind, request_type = e.request_type, key_name = e.key_name, tag = e.tag,
                agent_type = e.agent_type
            FROM exchanges AS e
            WHERE u.exchange_id = ANY(ids) AND e.id = u.exchange_id;
            INSERT INTO moved_usage (exchange_id)
            SELECT id FROM removed WHERE method IS NOT NULL AND id = ANY(ids);
        END IF;
    $body$;
BEGIN
    EXECUTE format(made, 'count_added_exchanges', format(counting, added) || place);
    EXECUTE format(made, 'count_changed_exchanges', format(counting, changed) || move);
    EXECUTE format(made, 'count_removed_exchanges', format(counting, removed));
    EXECUTE format(made, 'sum_added_usage', format(summing, added));
    EXECUTE format(made, 'sum_changed_usage', format(summing, changed));
    EXECUTE format(made, 'sum_removed_usage', format(summing, removed));
END $make$;

-- Exchanges whose kind changed. A ledger that was just storing the usage of one may have read the old kind: the ledger
-- compares them again until no such statement can still be running.
CREATE TABLE moved_usage (
    exchange_id uuid        NOT NULL,
    moved_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER count_added AFTER INSERT ON exchanges
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_added_exchanges();
CREATE TRIGGER count_changed AFTER UPDATE ON exchanges
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_changed_exchanges();
CREATE TRIGGER count_removed AFTER DELETE ON exchanges
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_removed_exchanges();
CREATE TRIGGER sum_added AFTER INSERT ON usage
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sum_added_usage();
CREATE TRIGGER sum_changed AFTER UPDATE ON usage
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION sum_changed_usage();
CREATE TRIGGER sum_removed AFTER DELETE ON usage
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION sum_removed_usage();

-- Move changes on into the settled sums; how many there were. One at a time: who comes second finds nothing to do.
CREATE FUNCTION settle_usage_slots() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    settled bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(22637163773713001) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM ONLY usage_slots RETURNING *
    ), summed AS (
        SELECT
            slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type,
            sum(requests) AS requests, sum(ended) AS ended, sum(failed) AS failed, sum(timed) AS timed,
            sum(duration_ms) AS duration_ms, sum(tool_calls) AS tool_calls, sum(reported) AS reported,
            sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
            sum(thinking_tokens) AS thinking_tokens, sum(cache_read_tokens) AS cache_read_tokens,
            sum(cache_creation_tokens) AS cache_creation_tokens,
            sum(cache_creation_5m_tokens) AS cache_creation_5m_tokens,
            sum(cache_creation_1h_tokens) AS cache_creation_1h_tokens, sum(web_search_requests) AS web_search_requests,
            sum(web_fetch_requests) AS web_fetch_requests, sum(cost_usd) AS cost_usd,
            sum(subscription_cost_usd) AS subscription_cost_usd, sum(unpriced) AS unpriced
        FROM taken GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    )
    INSERT INTO usage_slots_settled AS s
    SELECT
        summed.*,
        slot_key(slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type)
    FROM summed
    ON CONFLICT (key) DO UPDATE SET
        requests = s.requests + excluded.requests, ended = s.ended + excluded.ended,
        failed = s.failed + excluded.failed, timed = s.timed + excluded.timed,
        duration_ms = s.duration_ms + excluded.duration_ms, tool_calls = s.tool_calls + excluded.tool_calls,
        reported = s.reported + excluded.reported, input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        thinking_tokens = s.thinking_tokens + excluded.thinking_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_creation_tokens = s.cache_creation_tokens + excluded.cache_creation_tokens,
        cache_creation_5m_tokens = s.cache_creation_5m_tokens + excluded.cache_creation_5m_tokens,
        cache_creation_1h_tokens = s.cache_creation_1h_tokens + excluded.cache_creation_1h_tokens,
        web_search_requests = s.web_search_requests + excluded.web_search_requests,
        web_fetch_requests = s.web_fetch_requests + excluded.web_fetch_requests,
        cost_usd = s.cost_usd + excluded.cost_usd,
        subscription_cost_usd = s.subscription_cost_usd + excluded.subscription_cost_usd,
        unpriced = s.unpriced + excluded.unpriced;
    GET DIAGNOSTICS settled = ROW_COUNT;
    IF settled > 0 THEN
        DELETE FROM usage_slots_settled WHERE requests = 0 AND reported = 0;
    END IF;
    RETURN settled;
END $$;

-- Limits as the provider tells them in the headers of answers: the last seen value of each header. `whose`: the
-- account's, or, where the client's own key is passed through and no account is known, the domain's.
CREATE TABLE account_limits (
    whose       text GENERATED ALWAYS AS (coalesce('account ' || account_id, 'domain ' || domain)) STORED,
    account_id  text,
    domain      text        NOT NULL,     -- where it was seen last
    name        text        NOT NULL,     -- of the header, in lower case: anthropic-ratelimit-...
    value       text        NOT NULL,
    seen_at     timestamptz NOT NULL,
    exchange_id uuid        NOT NULL,     -- whose answer said so
    PRIMARY KEY (whose, name)
);

-- Windows of subscriptions ('5h', '7d', ...) as the provider counts them: each end that it ever told.
CREATE TABLE limit_windows (
    whose       text GENERATED ALWAYS AS (coalesce('account ' || account_id, 'domain ' || domain)) STORED,
    account_id  text,
    domain      text        NOT NULL,
    claim       text        NOT NULL,
    ends_at     timestamptz NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    utilization numeric,                  -- as seen last; 1: used up
    status      text,                     -- as seen last: allowed, allowed_warning, rejected
    PRIMARY KEY (whose, claim, ends_at)
);

-- Answers that warned of a limit, or were refused because of one.
CREATE TABLE limit_warnings (
    exchange_id uuid PRIMARY KEY,
    account_id  text,
    domain      text        NOT NULL,
    seen_at     timestamptz NOT NULL,
    status      text        NOT NULL,     -- allowed_warning, rejected, or the HTTP status 429
    claim       text                      -- which window, if told
);
CREATE INDEX limit_warnings_by_account ON limit_warnings (account_id, seen_at);

-- Tool calls, each once however often its history is sent again: the answer that calls, and the first request that
-- brings the result. Either half may come first. Conversations are found by `links` of `exchange_id`.
CREATE TABLE tool_calls (
    key           uuid PRIMARY KEY,       -- made of domain, thread and tool_use id
    domain        text NOT NULL,
    exchange_id   uuid,                   -- whose answer called; null: only the result is known yet
    account_id    text,
    tool          text,
    called_at     timestamptz,            -- when the answer ended
    lines_added   integer,                -- by a tool that edits, if the call is carried out
    lines_removed integer,
    returned_in   uuid,                   -- the request that brought the result
    returned_at   timestamptz,
    failed        boolean                 -- the result says that it is an error
);
CREATE INDEX tool_calls_by_exchange ON tool_calls (exchange_id) WHERE exchange_id IS NOT NULL;
CREATE INDEX tool_calls_by_result ON tool_calls (returned_in) WHERE returned_in IS NOT NULL;

-- Sums of tool calls, by the slot of the call, made like `usage_slots`. Lines count when the call did not fail.
CREATE TABLE tool_slots (
    slot          timestamptz NOT NULL,
    domain        text        NOT NULL,
    account_id    text,
    tool          text        NOT NULL,
    calls         bigint      NOT NULL,
    results       bigint      NOT NULL,
    errors        bigint      NOT NULL,
    waited_ms     bigint      NOT NULL,   -- from the calls to their results
    lines_added   bigint      NOT NULL,
    lines_removed bigint      NOT NULL
);
CREATE TABLE tool_slots_settled (key uuid PRIMARY KEY) INHERITS (tool_slots);
CREATE INDEX tool_slots_by_time ON tool_slots_settled (slot);
CREATE INDEX tool_slots_emptied ON tool_slots_settled (key) WHERE calls = 0;

DO $make$
DECLARE
    counting CONSTANT text := $body$
        INSERT INTO tool_slots
        SELECT
            slot_of(called_at), domain, account_id, tool, sum(sign),
            sum(CASE WHEN returned_at IS NOT NULL THEN sign ELSE 0 END), sum(CASE WHEN failed THEN sign ELSE 0 END),
            coalesce(sum(sign * greatest(0, extract(epoch FROM returned_at - called_at) * 1000)::bigint), 0),
            sum(CASE WHEN NOT failed THEN sign * coalesce(lines_added, 0) ELSE 0 END),
            sum(CASE WHEN NOT failed THEN sign * coalesce(lines_removed, 0) ELSE 0 END)
        FROM (%s) AS changed
        WHERE exchange_id IS NOT NULL
        GROUP BY 1, 2, 3, 4;
    $body$;
    added CONSTANT text := 'SELECT 1 AS sign, * FROM added';
    removed CONSTANT text := 'SELECT -1 AS sign, * FROM removed';
    made CONSTANT text := 'CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS $function$ BEGIN %s RETURN NULL; END $function$';
BEGIN
    EXECUTE format(made, 'count_added_calls', format(counting, added));
    EXECUTE format(made, 'count_changed_calls', format(counting, added || ' UNION ALL ' || removed));
    EXECUTE format(made, 'count_removed_calls', format(counting, removed));
END $make$;
CREATE TRIGGER count_added AFTER INSERT ON tool_calls
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_added_calls();
CREATE TRIGGER count_changed AFTER UPDATE ON tool_calls
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_changed_calls();
CREATE TRIGGER count_removed AFTER DELETE ON tool_calls
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_removed_calls();

CREATE FUNCTION settle_tool_slots() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    settled bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(22637163773713002) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM ONLY tool_slots RETURNING *
    ), summed AS (
        SELECT
            slot, domain, account_id, tool, sum(calls), sum(results), sum(errors), sum(waited_ms), sum(lines_added),
            sum(lines_removed)
        FROM taken GROUP BY 1, 2, 3, 4
    )
    INSERT INTO tool_slots_settled AS s
    SELECT summed.*, slot_key(slot, domain, account_id, tool) FROM summed
    ON CONFLICT (key) DO UPDATE SET
        calls = s.calls + excluded.calls, results = s.results + excluded.results, errors = s.errors + excluded.errors,
        waited_ms = s.waited_ms + excluded.waited_ms, lines_added = s.lines_added + excluded.lines_added,
        lines_removed = s.lines_removed + excluded.lines_removed;
    GET DIAGNOSTICS settled = ROW_COUNT;
    IF settled > 0 THEN
        DELETE FROM tool_slots_settled WHERE calls = 0;
    END IF;
    RETURN settled;
END $$;

-- What an exchange left here goes with it.
CREATE FUNCTION forget_calls() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM tool_calls AS c USING removed AS e WHERE c.exchange_id = e.id;
    DELETE FROM tool_calls AS c USING removed AS e WHERE c.returned_in = e.id AND c.exchange_id IS NULL;
    UPDATE tool_calls AS c SET returned_in = NULL, returned_at = NULL, failed = NULL
    FROM removed AS e WHERE c.returned_in = e.id;
    DELETE FROM limit_warnings AS w USING removed AS e WHERE w.exchange_id = e.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_calls AFTER DELETE ON exchanges
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION forget_calls();

-- Usage events that are committed and not yet published: a crash between the two loses none.
CREATE TABLE usage_outbox (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key   text  NOT NULL,
    event bytea NOT NULL                  -- plait.usage.v1 as JSON
);

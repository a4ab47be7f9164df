-- What reads need so as not to slow down when the record grows.

-- Those that did not end well are counted in the index alone.
DROP INDEX exchanges_troubled;
CREATE INDEX exchanges_troubled ON exchanges (trouble, started_at, id) WHERE trouble IS NOT NULL AND method IS NOT NULL;

-- Totals once more, by more lengths of time and by fewer things at once: as many rows are read for a month that had a
-- million exchanges as for one that had ten thousand.
--
-- A facet is what totals tell apart; the rest is null in them. Those without domain are for who may see all of them.
-- Each facet is kept by the day (UTC), by eight days and by sixty-four, and by the hour, for the days of other zones, if
-- hours are far fewer than slots; of all together and of domains by the slot too, for zones whose hours begin at half
-- past.

DROP TRIGGER total_added ON usage_slots_settled;
DROP TRIGGER total_changed ON usage_slots_settled;
DROP TRIGGER total_removed ON usage_slots_settled;
DROP FUNCTION total_added_slots, total_changed_slots, total_removed_slots;
DROP TABLE usage_totals CASCADE; -- its view in `limited`, which roles.sql makes anew
-- Who settles sees himself what is empty now; and an update of sums that no index knows of stays in its page.
DROP INDEX usage_slots_emptied, tool_slots_emptied;
ALTER TABLE usage_slots_settled SET (fillfactor = 90);
ALTER TABLE tool_slots_settled SET (fillfactor = 90);

-- The facets that a row of sums counts in. `usage_totals` has a partition for each that holds its hours and one for its
-- days: rows that are read together lie together.
CREATE FUNCTION usage_facets(
    domain text, account_id text, model text, kind text, request_type text, key_name text, tag text, agent_type text
) RETURNS TABLE (
    facet text, domain text, account_id text, model text, kind text, request_type text, key_name text, tag text,
    agent_type text
) LANGUAGE sql IMMUTABLE AS $$
    SELECT * FROM (VALUES
        ('all', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('model', NULL, NULL, $3, NULL, NULL, NULL, NULL, NULL),
        ('kind', NULL, NULL, NULL, $4, NULL, NULL, NULL, $8),
        ('tag', NULL, NULL, NULL, NULL, NULL, NULL, $7, NULL),
        ('domain', $1, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('domain_account', $1, $2, NULL, NULL, NULL, NULL, NULL, NULL),
        ('domain_kind', $1, NULL, NULL, $4, NULL, NULL, NULL, $8),
        ('domain_type', $1, NULL, $3, NULL, $5, NULL, NULL, NULL),
        ('domain_key', $1, NULL, NULL, NULL, NULL, $6, NULL, NULL),
        ('domain_tag', $1, NULL, NULL, NULL, NULL, NULL, $7, NULL),
        ('domain_model', $1, $2, $3, NULL, NULL, NULL, NULL, NULL)
    ) AS told
$$;

CREATE TABLE usage_totals (
    facet   text    NOT NULL,
    minutes integer NOT NULL,             -- how long it is: 15, 60, or a day's 1440 times 1, 8 or 64
    key     uuid    NOT NULL,
    LIKE usage_slots INCLUDING DEFAULTS,
    PRIMARY KEY (facet, minutes, slot, key)
) PARTITION BY RANGE (facet, minutes);
ALTER TABLE usage_totals ALTER COLUMN domain DROP NOT NULL;
CREATE INDEX usage_totals_by_domain ON usage_totals (domain, minutes, slot) WHERE domain IS NOT NULL;

DO $make$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT facet FROM usage_facets(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF usage_totals FOR VALUES FROM (%2$L, 0) TO (%2$L, 1440)'
            ' WITH (fillfactor = 90)', 'usage_totals_' || name || '_hours', name);
        EXECUTE format('CREATE TABLE %I PARTITION OF usage_totals FOR VALUES FROM (%2$L, 1440) TO (%2$L, MAXVALUE)'
            ' WITH (fillfactor = 90)', 'usage_totals_' || name || '_days', name);
    END LOOP;
END $make$;

-- The stretch of time of so many minutes that a slot is in.
CREATE FUNCTION stretch_of(slot timestamptz, minutes integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT date_bin(make_interval(mins => minutes), slot, '2000-01-01 00:00:00+00')
$$;

-- The same of tool calls, by hours and days; where it is told whose they are by days alone, for hours would be about as
-- many as slots.
CREATE FUNCTION tool_facets(domain text, account_id text, tool text) RETURNS TABLE (
    facet text, domain text, account_id text, tool text
) LANGUAGE sql IMMUTABLE AS $$
    SELECT * FROM (VALUES ('tool', NULL, NULL, $3), ('domain_tool', $1, $2, $3)) AS told
$$;
CREATE TABLE tool_totals (
    facet   text    NOT NULL,
    minutes integer NOT NULL,             -- 60, or a day's 1440 times 1, 8 or 64
    key     uuid    NOT NULL,
    LIKE tool_slots INCLUDING DEFAULTS,
    PRIMARY KEY (facet, minutes, slot, key)
) WITH (fillfactor = 90);
ALTER TABLE tool_totals ALTER COLUMN domain DROP NOT NULL;

-- What is in `tool_slots` and not in the settled sums, and so in no total, yet.
CREATE VIEW tool_slots_pending AS SELECT * FROM ONLY tool_slots;

-- Move changes on into the settled sums and the totals; how many there were. One at a time: who comes second finds
-- nothing to do. Longer totals are made of the changes of shorter ones.
DO $make$
DECLARE
    counters CONSTANT text[] := ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = 'usage_slots'::regclass AND attnum > 0 AND atttypid IN ('bigint'::regtype, 'numeric'::regtype)
        ORDER BY attnum
    );
    keys CONSTANT text := 'domain, account_id, model, kind, request_type, key_name, tag, agent_type';
    settling text := $function$
        CREATE OR REPLACE FUNCTION settle_usage_slots() RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $$
        DECLARE
            settled bigint;
            emptied uuid[];
            emptied_totals usage_totals[];
        BEGIN
            IF NOT pg_try_advisory_xact_lock(22637163773713001) THEN
                RETURN 0;
            END IF;
            WITH taken AS (
                DELETE FROM ONLY usage_slots RETURNING *
            ), changed AS (
                SELECT slot, {keys}, {sums} FROM taken GROUP BY slot, {keys}
            ), put AS (
                INSERT INTO usage_slots_settled AS s (slot, {keys}, {names}, key)
                SELECT slot, {keys}, {names}, slot_key(slot, {keys}) FROM changed
                ON CONFLICT (key) DO UPDATE SET {additions}
                RETURNING s.key, s.requests = 0 AND s.reported = 0 AS is_empty
            ), told AS (
                SELECT
                    t.facet, changed.slot, t.domain, t.account_id, t.model, t.kind, t.request_type, t.key_name, t.tag,
                    t.agent_type, {names}
                FROM changed
                CROSS JOIN LATERAL usage_facets({keys}) AS t
            ), slots AS (
                SELECT facet, 15 AS minutes, slot, {keys}, {sums} FROM told
                WHERE facet IN ('all', 'domain') GROUP BY facet, slot, {keys}
            ), hours AS (
                SELECT facet, 60, stretch_of(slot, 60) AS slot, {keys}, {sums} FROM told GROUP BY facet, 3, {keys}
            ), days AS (
                SELECT facet, 1440, stretch_of(slot, 1440) AS slot, {keys}, {sums} FROM hours GROUP BY facet, 3, {keys}
            ), eights AS (
                SELECT facet, 11520, stretch_of(slot, 11520) AS slot, {keys}, {sums} FROM days GROUP BY facet, 3, {keys}
            ), squares AS (
                SELECT facet, 92160, stretch_of(slot, 92160) AS slot, {keys}, {sums} FROM eights GROUP BY facet, 3, {keys}
            ), totals AS (
                INSERT INTO usage_totals AS s (facet, minutes, slot, {keys}, {names}, key)
                SELECT facet, minutes, slot, {keys}, {names}, slot_key(slot, facet, minutes::text, {keys})
                FROM (
                    TABLE slots UNION ALL TABLE hours UNION ALL TABLE days UNION ALL TABLE eights UNION ALL TABLE squares
                ) AS every
                WHERE minutes <> 60 OR facet NOT IN ('domain_kind', 'domain_key', 'domain_tag')
                ON CONFLICT (facet, minutes, slot, key) DO UPDATE SET {additions}
                RETURNING s AS total
            )
            SELECT
                (SELECT count(*) FROM put), ARRAY(SELECT key FROM put WHERE is_empty),
                ARRAY(SELECT total FROM totals WHERE (total).requests = 0 AND (total).reported = 0)
            INTO settled, emptied, emptied_totals;
            IF emptied <> '{}' THEN
                DELETE FROM usage_slots_settled WHERE key = ANY (emptied);
                DELETE FROM usage_totals AS s USING unnest(emptied_totals) AS gone
                WHERE s.facet = gone.facet AND s.minutes = gone.minutes AND s.slot = gone.slot AND s.key = gone.key;
            END IF;
            RETURN settled;
        END $$
    $function$;
BEGIN
    settling := replace(settling, '{keys}', keys);
    settling := replace(settling, '{names}', array_to_string(counters, ', '));
    settling := replace(settling, '{sums}', (
        SELECT string_agg(format('sum(%1$I)::%2$s AS %1$I', attname, atttypid::regtype), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = 'usage_slots'::regclass AND attname = ANY (counters)
    ));
    settling := replace(settling, '{additions}', (
        SELECT string_agg(format('%1$I = s.%1$I + excluded.%1$I', name), ', ') FROM unnest(counters) AS name
    ));
    EXECUTE settling;
END $make$;

CREATE OR REPLACE FUNCTION settle_tool_slots() RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    settled bigint;
    emptied uuid[];
    emptied_totals tool_totals[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(22637163773713002) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM ONLY tool_slots RETURNING *
    ), changed AS (
        SELECT
            slot, domain, account_id, tool, sum(calls) AS calls, sum(results) AS results, sum(errors) AS errors,
            sum(waited_ms) AS waited_ms, sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed
        FROM taken GROUP BY 1, 2, 3, 4
    ), put AS (
        INSERT INTO tool_slots_settled AS s
        SELECT changed.*, slot_key(slot, domain, account_id, tool) FROM changed
        ON CONFLICT (key) DO UPDATE SET
            calls = s.calls + excluded.calls, results = s.results + excluded.results,
            errors = s.errors + excluded.errors, waited_ms = s.waited_ms + excluded.waited_ms,
            lines_added = s.lines_added + excluded.lines_added,
            lines_removed = s.lines_removed + excluded.lines_removed
        RETURNING s.key, s.calls = 0 AS is_empty
    ), told AS (
        SELECT
            facet, minutes, stretch_of(slot, minutes) AS slot, t.domain, t.account_id, t.tool, sum(calls) AS calls,
            sum(results) AS results, sum(errors) AS errors, sum(waited_ms) AS waited_ms,
            sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed
        FROM changed
        CROSS JOIN LATERAL tool_facets(changed.domain, changed.account_id, changed.tool) AS t
        CROSS JOIN unnest('{60,1440,11520,92160}'::integer[]) AS minutes
        WHERE facet = 'tool' OR minutes > 60
        GROUP BY 1, 2, 3, 4, 5, 6
    ), totals AS (
        INSERT INTO tool_totals AS s
        SELECT
            facet, minutes, slot_key(slot, facet, minutes::text, domain, account_id, tool), slot, domain, account_id,
            tool, calls, results, errors, waited_ms, lines_added, lines_removed
        FROM told
        ON CONFLICT (facet, minutes, slot, key) DO UPDATE SET
            calls = s.calls + excluded.calls, results = s.results + excluded.results,
            errors = s.errors + excluded.errors, waited_ms = s.waited_ms + excluded.waited_ms,
            lines_added = s.lines_added + excluded.lines_added,
            lines_removed = s.lines_removed + excluded.lines_removed
        RETURNING s AS total
    )
    SELECT
        (SELECT count(*) FROM put), ARRAY(SELECT key FROM put WHERE is_empty),
        ARRAY(SELECT total FROM totals WHERE (total).calls = 0)
    INTO settled, emptied, emptied_totals;
    IF emptied <> '{}' THEN
        DELETE FROM tool_slots_settled WHERE key = ANY (emptied);
        DELETE FROM tool_totals AS s USING unnest(emptied_totals) AS gone
        WHERE s.facet = gone.facet AND s.minutes = gone.minutes AND s.slot = gone.slot AND s.key = gone.key;
    END IF;
    RETURN settled;
END $$;

-- Everything once more through the new functions; what a ledger is moving on just now it moves on itself.
INSERT INTO usage_slots
SELECT
    slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type, requests, ended, failed, timed,
    duration_ms, tool_calls, reported, input_tokens, output_tokens, thinking_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests, web_fetch_requests,
    cost_usd, subscription_cost_usd, unpriced
FROM usage_slots_settled;
INSERT INTO tool_slots
SELECT slot, domain, account_id, tool, calls, results, errors, waited_ms, lines_added, lines_removed
FROM tool_slots_settled;
TRUNCATE usage_slots_settled, tool_slots_settled;
SELECT settle_usage_slots(), settle_tool_slots();

-- Totals: the settled sums of `usage_slots` once more, by fewer things and mostly by whole days (UTC), so that a month
-- of many requests is read as quickly as one of few. What a tier does not tell apart is null in it.
--
-- tier 0: by slot and domain. The others by day and domain, and by 1: account, model and type; 2: kind and sub-agent;
-- 3: key; 4: tag.
CREATE TABLE usage_totals (
    key  uuid PRIMARY KEY,
    tier smallint NOT NULL,
    LIKE usage_slots INCLUDING DEFAULTS
);
CREATE INDEX usage_totals_by_time ON usage_totals (tier, slot);

-- What is in `usage_slots` and not in the settled sums, and so in no total, yet.
CREATE VIEW usage_slots_pending AS SELECT * FROM ONLY usage_slots;

DO $make$
DECLARE
    counters CONSTANT text[] := ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = 'usage_slots'::regclass AND attnum > 0 AND atttypid IN ('bigint'::regtype, 'numeric'::regtype)
        ORDER BY attnum
    );
    names CONSTANT text := array_to_string(counters, ', ');
    sums CONSTANT text := (
        SELECT string_agg(format('sum(sign * %1$I) AS %1$I', name), ', ') FROM unnest(counters) AS name
    );
    additions CONSTANT text := (
        SELECT string_agg(format('%1$I = total.%1$I + excluded.%1$I', name), ', ') FROM unnest(counters) AS name
    );
    totalling CONSTANT text := format($body$
        INSERT INTO usage_totals AS total (
            key, tier, slot, domain, account_id, model, request_type, kind, agent_type, key_name, tag, %1$s
        )
        SELECT
            slot_key(slot, tier::text, domain, account_id, model, request_type, kind, agent_type, key_name, tag),
            summed.*
        FROM (
            SELECT
                t.tier, t.slot, changed.domain, t.account_id, t.model, t.request_type, t.kind, t.agent_type, t.key_name,
                t.tag, %2$s
            FROM (%%s) AS changed
            CROSS JOIN LATERAL date_trunc('day', changed.slot, 'UTC') AS day
            CROSS JOIN LATERAL (VALUES
                (0::smallint, changed.slot, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
                (1, day, changed.account_id, changed.model, changed.request_type, NULL, NULL, NULL, NULL),
                (2, day, NULL, NULL, NULL, changed.kind, changed.agent_type, NULL, NULL),
                (3, day, NULL, NULL, NULL, NULL, NULL, changed.key_name, NULL),
                (4, day, NULL, NULL, NULL, NULL, NULL, NULL, changed.tag)
            ) AS t (tier, slot, account_id, model, request_type, kind, agent_type, key_name, tag)
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
        ) AS summed
        ORDER BY 1
        ON CONFLICT (key) DO UPDATE SET %3$s;
    $body$, names, sums, additions);
    added CONSTANT text := 'SELECT 1 AS sign, * FROM added';
    removed CONSTANT text := 'SELECT -1 AS sign, * FROM removed';
    emptied CONSTANT text :=
        'IF EXISTS (SELECT FROM removed) THEN DELETE FROM usage_totals WHERE requests = 0 AND reported = 0; END IF;';
    made CONSTANT text :=
        'CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS $function$ BEGIN %s RETURN NULL; END $function$';
BEGIN
    EXECUTE format(made, 'total_added_slots', format(totalling, added));
    EXECUTE format(made, 'total_changed_slots', format(totalling, added || ' UNION ALL ' || removed));
    EXECUTE format(made, 'total_removed_slots', format(totalling, removed) || emptied);
END $make$;

CREATE TRIGGER total_added AFTER INSERT ON usage_slots_settled
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION total_added_slots();
CREATE TRIGGER total_changed AFTER UPDATE ON usage_slots_settled
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION total_changed_slots();
CREATE TRIGGER total_removed AFTER DELETE ON usage_slots_settled
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION total_removed_slots();

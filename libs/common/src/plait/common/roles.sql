-- Opens the tables to the roles that services take on, creating the roles that are missing. It runs after the
-- migrations, each time: what a new table holds must be opened, or kept closed, too.
--
-- plait_reader reads everything and writes nothing. plait_limited reads what belongs to the domains that the connection
-- names in `plait.domains`: it sees no table, but a view of the same name in the schema `limited`. A table whose rows
-- nothing here assigns to a domain has no such view: whoever asks for it is refused, and sees nothing by mistake.
-- plait_asker writes down what the read API asks others to do.
DO $$
DECLARE
    service_role text;
    shown record;
    -- Not in a subquery: the planner looks at the setting to tell how many rows that will be.
    visible constant text := '= ANY (current_setting(''plait.domains'')::text[])';
BEGIN
    FOREACH service_role IN ARRAY ARRAY['plait_reader', 'plait_limited', 'plait_asker'] LOOP
        IF to_regrole(service_role) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', service_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;                     -- another database's migration came first
            END;
        END IF;
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', service_role);
        END IF;
    END LOOP;

    GRANT USAGE ON SCHEMA public TO plait_reader, plait_limited, plait_asker;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO plait_reader;
    FOR shown IN
        SELECT given.name, given.privileges
        FROM (VALUES
            ('admin_actions', 'SELECT, INSERT'), ('deletions', 'SELECT, INSERT'), ('links', 'SELECT'),
            ('analyses', 'SELECT, INSERT, UPDATE'), ('analyses_outbox', 'INSERT'), ('analysis_calls', 'SELECT, INSERT'),
            ('analysis_rates', 'SELECT, INSERT, UPDATE')
        ) AS given (name, privileges)
        WHERE to_regclass(format('public.%I', given.name)) IS NOT NULL
    LOOP
        EXECUTE format('GRANT %s ON %I TO plait_asker', shown.privileges, shown.name);
    END LOOP;

    DROP SCHEMA IF EXISTS limited CASCADE;
    CREATE SCHEMA limited;
    FOR shown IN
        SELECT t.relname AS name, CASE
            -- Found from an exchange alone, or only times, or only ids.
            WHEN t.relname IN ('blobs', 'chains', 'search_slots', 'conversation_queue') THEN 'true'
            WHEN c.names @> '{domain}' THEN format('t.domain %s', visible)
            WHEN c.names @> '{exchange_id}' OR t.relname IN ('exchange_requests', 'exchange_responses') THEN
                format('EXISTS (SELECT FROM public.exchanges e WHERE e.id = t.%I AND e.domain %s)',
                    CASE WHEN c.names @> '{exchange_id}' THEN 'exchange_id' ELSE 'id' END, visible)
            WHEN c.names @> '{account_id}' THEN
                format('EXISTS (SELECT FROM public.exchanges e WHERE e.account_id = t.account_id AND e.domain %s)',
                    visible)
        END AS condition
        FROM pg_class t
        CROSS JOIN LATERAL (
            SELECT array_agg(a.attname) AS names
            FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        ) AS c
        WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p', 'v') AND NOT t.relispartition
    LOOP
        IF shown.condition IS NOT NULL THEN
            EXECUTE format('CREATE VIEW limited.%1$I AS SELECT t.* FROM public.%1$I t WHERE %2$s',
                shown.name, shown.condition);
        END IF;
    END LOOP;
    GRANT USAGE ON SCHEMA limited TO plait_limited;
    GRANT SELECT ON ALL TABLES IN SCHEMA limited TO plait_limited;
END $$

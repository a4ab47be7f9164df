-- The record: what was asked and answered, each message once.
--
-- Sized for a hundred million exchanges. Rows that lists and filters read (exchanges, links, usage) are narrow and
-- hold no body. Bodies and raw chunks are read by id only, carry no further index, and are partitioned by month: an
-- exchange id is a UUIDv7, so a range of ids is a range of time, and dropping a month is dropping three tables.

-- Content-addressed texts: messages, system prompts, tool lists. `hash`: first 20 bytes of the plain bytes' SHA-256.
CREATE TABLE blobs (
    hash     bytea PRIMARY KEY,
    size     integer  NOT NULL,           -- plain bytes
    encoding smallint NOT NULL DEFAULT 0, -- 0 plain, 1 zstd, 2 zstd with a dictionary
    data     bytea    NOT NULL
);
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL; -- compressed by us where it pays

-- A list of messages as a hash chain, like commits: `hash` is that of parent's hash and message's hash.
CREATE TABLE chains (
    hash   bytea PRIMARY KEY,
    parent bytea,                         -- null at the first message
    blob   bytea   NOT NULL,
    depth  integer NOT NULL               -- messages up to and with this one
);

-- One row an exchange. A row whose `method` is null has only its answer yet: the request is still on its way.
CREATE TABLE exchanges (
    id               uuid PRIMARY KEY,
    domain           text        NOT NULL,
    started_at       timestamptz NOT NULL,
    method           text,
    path             text,
    query            text,
    account_id       text,
    session_id       text,
    agent_id         text,
    kind             text,                -- linking.md, "Words"
    side_kind        text,                -- of an auxiliary exchange: title, classifier, web_search, suggestion, ...
    request_type     text,
    model            text,
    tag              text,
    key_name         text,
    client           text,                -- user-agent
    client_address   text,
    request_size     integer,             -- bytes as received
    message_count    integer,             -- messages in the request
    tool_call_count  integer,             -- tool calls in the answer
    preview          text,                -- what the exchange is in one line: prompt or tool, at most 200 characters
    status           smallint,
    outcome          text,                -- null while running
    trouble          text GENERATED ALWAYS AS (nullif(outcome, 'complete')) STORED,
    streamed         boolean,
    response_size    integer,
    ended_at         timestamptz,
    first_byte_ms    real,
    first_token_ms   real,
    duration_ms      real,
    error_type       text,
    error_message    text
) WITH (fillfactor = 90);
-- Rising, although lists begin with the newest: what is added at an index's end fills its pages.
CREATE INDEX exchanges_by_time ON exchanges (started_at, id);
CREATE INDEX exchanges_by_domain ON exchanges (domain, started_at, id);
CREATE INDEX exchanges_by_session ON exchanges (hashtextextended(session_id, 0), started_at)
    WHERE session_id IS NOT NULL; -- half as large as with the session's id itself
CREATE INDEX exchanges_by_account ON exchanges (account_id, started_at, id) WHERE account_id IS NOT NULL;
-- No index is over a column that a good answer changes, not even in its condition: so the row that the answer completes
-- takes the place of the other in its page, and no index gets a second entry for it. Pages keep some room for that.
CREATE INDEX exchanges_troubled ON exchanges (trouble, started_at, id) WHERE trouble IS NOT NULL;

-- The exchanges without an outcome, kept by triggers.
CREATE TABLE running (exchange_id uuid PRIMARY KEY);
CREATE FUNCTION keep_running() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO running (exchange_id) SELECT id FROM changed WHERE outcome IS NULL;
    ELSE
        DELETE FROM running -- by its index, whatever its plan was made for
        WHERE exchange_id = ANY (ARRAY(SELECT id FROM changed WHERE outcome IS NOT NULL OR TG_OP = 'DELETE'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_running_added AFTER INSERT ON exchanges
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_running();
CREATE TRIGGER keep_running_changed AFTER UPDATE ON exchanges
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_running();
CREATE TRIGGER keep_running_removed AFTER DELETE ON exchanges
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_running();

-- What gives the exact request and answer back (plait.common.bodies), by id only.
CREATE TABLE exchange_requests (
    id        uuid PRIMARY KEY,
    headers   bytea NOT NULL,             -- packed, masked: the values that the frame lacks; without one all fields
    frame     bytea,                      -- blob: header fields and settings as most turns have them
    chain     bytea,                      -- head of the message chain
    system    bytea,                      -- blob
    tools     bytea,                      -- blob
    remainder bytea NOT NULL,             -- packed: everything else, and what moved between turns
    whole     boolean NOT NULL            -- the remainder is the body itself: no JSON, or no messages request
) PARTITION BY RANGE (id);
CREATE TABLE exchange_responses (
    id        uuid PRIMARY KEY,
    headers   bytea NOT NULL,
    frame     bytea,
    content   bytea,                      -- blob: the answer as an assistant message
    remainder bytea NOT NULL,
    whole     boolean NOT NULL
) PARTITION BY RANGE (id);

-- The raw event stream, one row a chunk event: packed msgpack [[offset ms, bytes], ...].
CREATE TABLE chunks (
    exchange_id uuid    NOT NULL,
    first_index integer NOT NULL,
    piece_count integer NOT NULL,
    data        bytea   NOT NULL,
    PRIMARY KEY (exchange_id, first_index)
) PARTITION BY RANGE (exchange_id);

CREATE TABLE exchange_requests_rest PARTITION OF exchange_requests DEFAULT;
CREATE TABLE exchange_responses_rest PARTITION OF exchange_responses DEFAULT;
CREATE TABLE chunks_rest PARTITION OF chunks DEFAULT;

-- The smallest UUIDv7 of a moment.
CREATE FUNCTION uuid_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Make the monthly partitions from the month of `since` to the one of `until`, those that are missing. A month whose
-- rows already stand in the default partition stays there.
CREATE FUNCTION ensure_partitions(since timestamptz, until timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    month timestamptz := date_trunc('month', since, 'UTC');
    parent text;
    made integer := 0;
BEGIN
    WHILE month <= until LOOP
        FOREACH parent IN ARRAY ARRAY['exchange_requests', 'exchange_responses', 'chunks'] LOOP
            IF to_regclass(format('%I', parent || to_char(month AT TIME ZONE 'UTC', '_YYYYMM'))) IS NULL THEN
                BEGIN
                    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                        parent || to_char(month AT TIME ZONE 'UTC', '_YYYYMM'), parent,
                        uuid_floor(month), uuid_floor(month + interval '1 month'));
                    made := made + 1;
                EXCEPTION WHEN check_violation OR duplicate_table THEN
                    NULL;
                END;
            END IF;
        END LOOP;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;
SELECT ensure_partitions(now(), now() + interval '2 months');

"""Every statement that the linker runs, and why it is the way it is.

Rows come as one array of the table's own row type, or where they hold texts as one array per column (`columns`): one
statement a table and batch. All inserts leave what is there alone, so a repeated batch changes nothing.
"""

from __future__ import annotations

from typing import Final

# Contents that this linker finds are not deleted before it has committed (plait.linker.forget.sweeping).
HOLD_CONTENTS: Final = "SELECT pg_advisory_xact_lock_shared(22637163773707119)"

KNOWN_CHAINS: Final = "SELECT hash FROM chains WHERE hash = ANY($1)"

KNOWN_BLOBS: Final = "SELECT hash FROM blobs WHERE hash = ANY($1)"

ADD_BLOBS: Final = """
INSERT INTO blobs (hash, size, encoding, data)
SELECT added.* FROM unnest($1::blobs[]) AS added
ON CONFLICT DO NOTHING
"""

ADD_CHAINS: Final = """
INSERT INTO chains (hash, parent, blob, depth)
SELECT added.* FROM unnest($1::chains[]) AS added
ON CONFLICT DO NOTHING
"""

# The request's half of an exchange. The answer may have come first: then its row is there without a method. Its
# model and its account stand where the request knows none, and the model that answered stands over the one asked for.
ADD_REQUESTS: Final = """
INSERT INTO exchanges AS e (
    id, domain, started_at, method, path, query, account_id, session_id, agent_id, kind, side_kind, request_type, model,
    tag, key_name, client, client_address, request_size, message_count, preview, agent_type
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::integer[], $19::integer[], $20::text[], $21::text[]
)
ON CONFLICT (id) DO UPDATE SET
    domain = excluded.domain, started_at = excluded.started_at, method = excluded.method, path = excluded.path,
    query = excluded.query, account_id = coalesce(excluded.account_id, e.account_id),
    session_id = excluded.session_id, agent_id = excluded.agent_id, kind = excluded.kind,
    side_kind = excluded.side_kind, request_type = excluded.request_type, model = coalesce(e.model, excluded.model),
    tag = excluded.tag, key_name = excluded.key_name, client = excluded.client,
    client_address = excluded.client_address, request_size = excluded.request_size,
    message_count = excluded.message_count, preview = excluded.preview, agent_type = excluded.agent_type
WHERE e.method IS NULL
"""

ADD_RESPONSES: Final = """
INSERT INTO exchanges AS e (
    id, domain, started_at, account_id, model, tool_call_count, status, outcome, streamed, response_size, ended_at,
    first_byte_ms, first_token_ms, duration_ms, error_type, error_message
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::smallint[], $8::text[],
    $9::boolean[], $10::integer[], $11::timestamptz[], $12::real[], $13::real[], $14::real[], $15::text[], $16::text[]
)
ON CONFLICT (id) DO UPDATE SET
    account_id = coalesce(e.account_id, excluded.account_id), model = coalesce(excluded.model, e.model),
    tool_call_count = excluded.tool_call_count, status = excluded.status, outcome = excluded.outcome,
    streamed = excluded.streamed, response_size = excluded.response_size, ended_at = excluded.ended_at,
    first_byte_ms = excluded.first_byte_ms, first_token_ms = excluded.first_token_ms,
    duration_ms = excluded.duration_ms, error_type = excluded.error_type, error_message = excluded.error_message
WHERE e.outcome IS NULL
"""

# Exchanges whose halves come together while nothing of them is known; those it wrote. All others go the ways above.
ADD_WHOLE: Final = """
INSERT INTO exchanges (
    id, domain, started_at, method, path, query, account_id, session_id, agent_id, kind, side_kind, request_type, model,
    tag, key_name, client, client_address, request_size, message_count, preview, agent_type, tool_call_count, status,
    outcome, streamed, response_size, ended_at, first_byte_ms, first_token_ms, duration_ms, error_type, error_message
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::integer[], $19::integer[], $20::text[], $21::text[], $22::integer[], $23::smallint[], $24::text[],
    $25::boolean[], $26::integer[], $27::timestamptz[], $28::real[], $29::real[], $30::real[], $31::text[], $32::text[]
)
ON CONFLICT (id) DO NOTHING
RETURNING id
"""

ADD_REQUEST_BODIES: Final = """
INSERT INTO exchange_requests (id, headers, frame, chain, system, tools, remainder, whole)
SELECT added.* FROM unnest($1::exchange_requests[]) AS added
ON CONFLICT DO NOTHING
"""

ADD_RESPONSE_BODIES: Final = """
INSERT INTO exchange_responses (id, headers, frame, content, remainder, whole)
SELECT added.* FROM unnest($1::exchange_responses[]) AS added
ON CONFLICT DO NOTHING
"""

# A stream that is shipped again is cut into runs at other places: of two runs that begin alike the longer one stays, so
# that together they hold every piece; who reads them takes each piece once.
ADD_CHUNKS: Final = """
INSERT INTO chunks AS c (exchange_id, first_index, piece_count, data)
SELECT added.* FROM unnest($1::chunks[]) AS added
ON CONFLICT (exchange_id, first_index) DO UPDATE SET piece_count = excluded.piece_count, data = excluded.data
WHERE c.piece_count < excluded.piece_count
"""

# Of exchanges ($1) those of whose answers more is stored than so many pieces ($2).
STREAMED: Final = """
SELECT wanted.id FROM unnest($1::uuid[], $2::integer[]) AS wanted (id, since)
WHERE EXISTS (
    SELECT FROM chunks AS c WHERE c.exchange_id = wanted.id AND c.first_index + c.piece_count > wanted.since
)
"""
STORED_CHUNKS: Final = """
SELECT first_index, data FROM chunks
WHERE exchange_id = $1 AND first_index + piece_count > $2
ORDER BY first_index
LIMIT $3
"""

MAKE_PARTITIONS: Final = "SELECT ensure_partitions(now(), now() + interval '2 months')"

# One linker at a time works on a domain's links, so that any number of them comes to the same tree. Locks are taken in
# the order of the keys, and nothing that another linker may hold is waited for after them.
LOCK: Final = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key"

FACTS: Final = """
SELECT
    wanted.id AS exchange_id, coalesce(f.version, a.version) AS version,
    f.started_at, f.data, a.data AS answer
FROM unnest($1::uuid[]) AS wanted (id)
LEFT JOIN facts AS f ON f.exchange_id = wanted.id
LEFT JOIN answer_facts AS a ON a.exchange_id = wanted.id
WHERE f.exchange_id IS NOT NULL OR a.exchange_id IS NOT NULL
"""

PUT_FACTS: Final = """
INSERT INTO facts (exchange_id, started_at, asked, begun, line, follows, version, data)
SELECT put.* FROM unnest($1::facts[]) AS put
ON CONFLICT (exchange_id) DO UPDATE SET
    asked = excluded.asked, begun = excluded.begun, line = excluded.line, follows = excluded.follows,
    version = excluded.version, data = excluded.data
"""

PUT_ANSWER_FACTS: Final = """
INSERT INTO answer_facts (exchange_id, started_at, answered, message, tool, said, version, data)
SELECT put.* FROM unnest($1::answer_facts[]) AS put
ON CONFLICT (exchange_id) DO UPDATE SET
    started_at = excluded.started_at, answered = excluded.answered, message = excluded.message, tool = excluded.tool,
    said = excluded.said, version = excluded.version, data = excluded.data
"""

ADD_OFFERS: Final = """
INSERT INTO link_offers (key, started_at, exchange_id)
SELECT added.* FROM unnest($1::link_offers[]) AS added
"""

DROP_OFFERS: Final = """
DELETE FROM link_offers AS o USING unnest($1::bigint[], $2::timestamptz[], $3::uuid[]) AS gone (key, started_at, id)
WHERE o.key = gone.key AND o.started_at = gone.started_at AND o.exchange_id = gone.id
"""

# Candidates under each key, each key a short walk along an index: the newest first, or the oldest. Of those that began
# in the same moment all come, since the index does not know their order. $1: whom not to look for.
OFFERED: Final = """
SELECT asked.position, found.started_at, found.exchange_id
FROM unnest(${0}::integer[], ${1}::bigint[], ${2}::timestamptz[], ${3}::uuid[], ${4}::timestamptz[], ${5}::uuid[],
    ${6}::integer[]) AS asked (position, key, after_time, after_id, before_time, before_id, most)
CROSS JOIN LATERAL (
    SELECT o.started_at, o.exchange_id
    FROM {table} AS o
    WHERE {under}
        AND o.started_at >= asked.after_time AND o.started_at <= asked.before_time
        AND (o.started_at, o.exchange_id) > (asked.after_time, asked.after_id)
        AND (o.started_at, o.exchange_id) < (asked.before_time, asked.before_id)
        AND o.exchange_id <> ALL($1::uuid[])
    ORDER BY o.started_at {order}
    FETCH FIRST (asked.most) ROWS WITH TIES
) AS found
"""

# Who must be decided again: they asked for a key ($1) under which an exchange changed, up to its start or later; such a
# key ($3: those of answers) is what their facts ask for (`offers.follows`); or an attempt changed ($5:
# `offers.tried_again_under`), and they send its messages later. Beside the keys stand places in $7: when the exchanges
# that changed began.
ASKERS: Final = """
SELECT a.exchange_id
FROM unnest($1::bigint[], $2::integer[]) AS changed (key, place)
JOIN link_asks AS a ON a.key = changed.key AND a.until >= ($7::timestamptz[])[changed.place]
UNION
SELECT f.exchange_id
FROM unnest($3::bigint[], $4::integer[]) AS changed (key, place)
JOIN facts AS f ON f.follows = changed.key AND f.started_at >= ($7::timestamptz[])[changed.place]
UNION
SELECT f.exchange_id
FROM unnest($5::bigint[], $6::integer[]) AS tried (key, place)
JOIN facts AS f ON f.asked = tried.key AND f.started_at >= ($7::timestamptz[])[tried.place]
UNION
SELECT o.exchange_id
FROM unnest($5::bigint[], $6::integer[]) AS tried (key, place)
JOIN link_offers AS o ON o.key = tried.key AND o.started_at >= ($7::timestamptz[])[tried.place]
"""

ASKS_OF: Final = "SELECT key, until, exchange_id FROM link_asks WHERE exchange_id = ANY($1)"

ADD_ASKS: Final = """
INSERT INTO link_asks (key, until, exchange_id)
SELECT added.* FROM unnest($1::link_asks[]) AS added
"""

DROP_ASKS: Final = """
DELETE FROM link_asks AS a USING unnest($1::bigint[], $2::timestamptz[], $3::uuid[]) AS gone (key, until, id)
WHERE a.key = gone.key AND a.until = gone.until AND a.exchange_id = gone.id
"""

_NAMED = """
SELECT
    l.exchange_id, l.conversation_id, l.parent_id, l.link_kind, l.branch_id, l.retry_of, l.serves_id, l.is_subtask,
    l.parent_task_id, l.rule, f.version, f.started_at, f.data, a.data AS answer
"""
_THEIR_FACTS = """
JOIN facts AS f ON f.exchange_id = l.exchange_id
LEFT JOIN answer_facts AS a ON a.exchange_id = l.exchange_id
"""
# Exchanges ($1 placed ones, $2 those they point at), the children of both, whoever else points at the placed ones, and
# what stands beside them now and beside attempts ($3) that are retried.
LINKS_NEAR: Final = f"""
WITH near AS (
    SELECT l.exchange_id FROM links AS l WHERE l.exchange_id = ANY($1::uuid[] || $2::uuid[])
    UNION SELECT l.exchange_id FROM links AS l WHERE l.parent_id = ANY($1::uuid[] || $2::uuid[])
    UNION SELECT l.exchange_id FROM links AS l WHERE l.retry_of = ANY($1::uuid[])
    UNION SELECT l.exchange_id FROM links AS l WHERE l.serves_id = ANY($1::uuid[])
    UNION SELECT unnest(ARRAY[a.exchange_id, a.parent_id, beside.exchange_id])
        FROM links AS a LEFT JOIN links AS beside ON beside.parent_id = a.parent_id
        WHERE a.exchange_id = ANY($1::uuid[] || $3::uuid[])
)
{_NAMED} FROM near JOIN links AS l ON l.exchange_id = near.exchange_id {_THEIR_FACTS}
"""  # noqa: S608 - made of constants

# Which names conversations have given away. Spawns have an index of their own.
TAKEN: Final = """
SELECT
    c.id, c.branch_ids, coalesce(spawns.count, 0) AS spawns, spawns.last_at, spawns.last_id,
    newest.started_at AS newest_at, newest.exchange_id AS newest_id
FROM conversations AS c
JOIN facts AS newest ON newest.exchange_id = c.latest_id
LEFT JOIN LATERAL (
    SELECT count(*) OVER () AS count, f.started_at AS last_at, f.exchange_id AS last_id
    FROM links AS l JOIN facts AS f ON f.exchange_id = l.exchange_id
    WHERE l.conversation_id = c.id AND l.link_kind = 'spawn'
    ORDER BY f.started_at DESC, f.exchange_id DESC
    LIMIT 1
) AS spawns ON true
WHERE c.id = ANY($1)
"""

# Exchanges, and whoever points at one of them, and at those, and so on.
BELOW: Final = f"""
WITH RECURSIVE below AS (
    SELECT l.exchange_id FROM links AS l WHERE l.exchange_id = ANY($1::uuid[])
    UNION SELECT next.exchange_id FROM below CROSS JOIN LATERAL (
        SELECT l.exchange_id FROM links AS l WHERE l.parent_id = below.exchange_id
        UNION ALL SELECT l.exchange_id FROM links AS l WHERE l.retry_of = below.exchange_id
        UNION ALL SELECT l.exchange_id FROM links AS l WHERE l.serves_id = below.exchange_id
    ) AS next
)
{_NAMED} FROM below JOIN links AS l ON l.exchange_id = below.exchange_id {_THEIR_FACTS}
"""  # noqa: S608 - made of constants

# All exchanges that carry a conversation's id.
TREES: Final = f"{_NAMED} FROM links AS l {_THEIR_FACTS} WHERE l.conversation_id = ANY($1::uuid[])"

PUT_LINKS: Final = """
INSERT INTO links AS l (
    exchange_id, conversation_id, parent_id, link_kind, branch_id, is_subtask, parent_task_id, own_id, retry_of,
    serves_id, rule, detail
)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::uuid[], $8::uuid[], $9::uuid[],
    $10::uuid[], $11::text[], $12::jsonb[]
)
ON CONFLICT (exchange_id) DO UPDATE SET
    conversation_id = excluded.conversation_id, parent_id = excluded.parent_id, link_kind = excluded.link_kind,
    branch_id = excluded.branch_id, is_subtask = excluded.is_subtask, parent_task_id = excluded.parent_task_id,
    retry_of = excluded.retry_of, serves_id = excluded.serves_id, rule = excluded.rule, detail = excluded.detail
WHERE l IS DISTINCT FROM excluded
"""

RENAME_LINKS: Final = """
UPDATE links AS l SET
    conversation_id = named.conversation_id, parent_id = named.parent_id, link_kind = named.link_kind,
    branch_id = named.branch_id, is_subtask = named.is_subtask, parent_task_id = named.parent_task_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::uuid[])
    AS named (id, conversation_id, parent_id, link_kind, branch_id, is_subtask, parent_task_id)
WHERE l.exchange_id = named.id
"""

# What is below a spawn is of kind `subagent`, which only its tree tells.
CORRECT_KINDS: Final = """
UPDATE exchanges AS e SET kind = named.kind
FROM unnest($1::uuid[], $2::text[]) AS named (id, kind)
WHERE e.id = named.id AND e.kind IS DISTINCT FROM named.kind
"""

DROP_CONVERSATIONS: Final = """
DELETE FROM conversations WHERE id = ANY($1)
RETURNING id, domain, latest_id, nextval('conversation_revisions') AS revision
"""

# Where conversations that are no more have gone: into that of their root.
MOVED: Final = "SELECT own_id, conversation_id FROM links WHERE own_id = ANY($1) AND conversation_id IS NOT NULL"

# What exchanges add up to. Every sum can also be taken bit by bit, in any order, with the same result: a leaf is added
# to a conversation without reading the rest of it. In a tree: link_kind is not null; else beside it.
_SUMS = """
    min(e.domain) AS domain,
    min(e.account_id) AS account_id,
    min(e.started_at) FILTER (WHERE l.link_kind IS NOT NULL) AS first_time,
    max(greatest(e.started_at, e.ended_at)) FILTER (WHERE l.link_kind IS NOT NULL) AS last_time,
    (array_agg(e.id ORDER BY e.started_at DESC, e.id DESC) FILTER (WHERE l.link_kind IS NOT NULL))[1] AS latest_id,
    max(e.started_at) FILTER (WHERE l.link_kind IS NOT NULL) AS latest_at,
    coalesce(max(e.message_count + coalesce((e.outcome = 'complete')::integer, 0))
        FILTER (WHERE l.link_kind IS NOT NULL), 0) AS message_count,
    coalesce(array_agg(DISTINCT e.session_id) FILTER (WHERE e.session_id IS NOT NULL), '{}') AS session_ids,
    coalesce(array_agg(DISTINCT e.model)
        FILTER (WHERE e.model IS NOT NULL AND e.outcome IS NOT NULL AND l.link_kind IS NOT NULL), '{}') AS models
"""

# Conversations whose trees were named as a whole, summed up from all their exchanges.
PUT_CONVERSATIONS: Final = f"""
WITH state AS (
    SELECT
        l.conversation_id AS id,
        (array_agg(e.id) FILTER (WHERE l.own_id = l.conversation_id))[1] AS root_id,
        count(*)::integer AS request_count,
        array_agg(DISTINCT l.branch_id) FILTER (WHERE l.branch_id IS NOT NULL) AS branch_ids,
        {_SUMS}
    FROM links AS l JOIN exchanges AS e ON e.id = l.exchange_id
    WHERE l.conversation_id = ANY($1)
    GROUP BY l.conversation_id
)
INSERT INTO conversations AS c (
    id, root_id, domain, account_id, title, first_time, last_time, latest_id, request_count, message_count,
    session_ids, models, branch_ids, branch_count, subtask_count, compact_count, user_branch_count
)
SELECT
    id, root_id, domain, account_id, given.title, first_time, last_time, latest_id, request_count, message_count,
    session_ids, models, branch_ids, cardinality(branch_ids),
    (SELECT count(*) FROM unnest(branch_ids) AS branch WHERE starts_with(branch, 'subtask_')),
    (SELECT count(*) FROM unnest(branch_ids) AS branch WHERE starts_with(branch, 'compact_')),
    (SELECT count(*) FROM unnest(branch_ids) AS branch WHERE starts_with(branch, 'branch_'))
FROM state JOIN unnest($1::uuid[], $2::text[]) AS given (id, title) USING (id)
ON CONFLICT (id) DO UPDATE SET
    account_id = excluded.account_id, title = excluded.title, first_time = excluded.first_time,
    last_time = excluded.last_time, latest_id = excluded.latest_id, request_count = excluded.request_count,
    message_count = excluded.message_count, session_ids = excluded.session_ids, models = excluded.models,
    branch_ids = excluded.branch_ids, branch_count = excluded.branch_count, subtask_count = excluded.subtask_count,
    compact_count = excluded.compact_count, user_branch_count = excluded.user_branch_count
WHERE c IS DISTINCT FROM excluded
RETURNING id, domain, title, request_count, branch_ids, latest_id, nextval('conversation_revisions') AS revision
"""  # noqa: S608 - made of constants

_COUNTS = """
    branch_count = cardinality({branch_ids}),
    subtask_count = (SELECT count(*) FROM unnest({branch_ids}) AS branch WHERE starts_with(branch, 'subtask_')),
    compact_count = (SELECT count(*) FROM unnest({branch_ids}) AS branch WHERE starts_with(branch, 'compact_')),
    user_branch_count = (SELECT count(*) FROM unnest({branch_ids}) AS branch WHERE starts_with(branch, 'branch_'))
"""

# Conversations that only got a leaf, or know more of one, or where one moved: the leaf alone is added, and branches
# that it leaves ($3, $4: conversation and name) are taken away.
GROW_CONVERSATIONS: Final = f"""
WITH leaves AS (
    SELECT l.conversation_id AS id, count(*) FILTER (WHERE given.added)::integer AS added,
        array_remove(array_agg(DISTINCT l.branch_id), NULL) AS branch_ids,
        {_SUMS}
    FROM unnest($1::uuid[], $2::boolean[]) AS given (id, added)
    JOIN links AS l ON l.exchange_id = given.id
    JOIN exchanges AS e ON e.id = given.id
    WHERE l.conversation_id IS NOT NULL
    GROUP BY l.conversation_id
), grown AS (
    SELECT c.id, ARRAY(
        SELECT name FROM unnest(c.branch_ids) AS name
        WHERE NOT EXISTS (SELECT FROM unnest($3::uuid[], $4::text[]) AS freed (id, name)
            WHERE freed.id = c.id AND freed.name = name.name)
        UNION SELECT unnest(leaves.branch_ids) ORDER BY 1
    ) AS branch_ids
    FROM leaves JOIN conversations AS c USING (id)
)
UPDATE conversations AS c SET
    account_id = least(c.account_id, leaves.account_id),
    last_time = greatest(c.last_time, leaves.last_time),
    latest_id = CASE
        WHEN (leaves.latest_at, leaves.latest_id) > (latest.started_at, latest.id) THEN leaves.latest_id
        ELSE c.latest_id
    END,
    request_count = c.request_count + leaves.added,
    message_count = greatest(c.message_count, leaves.message_count),
    session_ids = ARRAY(SELECT DISTINCT unnest(c.session_ids || leaves.session_ids) ORDER BY 1),
    models = ARRAY(SELECT DISTINCT unnest(c.models || leaves.models) ORDER BY 1),
    branch_ids = grown.branch_ids, {_COUNTS.format(branch_ids="grown.branch_ids")}
FROM leaves, grown, exchanges AS latest
WHERE c.id = leaves.id AND grown.id = c.id AND latest.id = c.latest_id
RETURNING
    c.id, c.domain, c.title, c.request_count, c.branch_ids, c.latest_id,
    nextval('conversation_revisions') AS revision
"""  # noqa: S608 - made of constants

# A rebuild compares the links afterwards with those before.
REMEMBER_LINKS: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS links_before AS
SELECT exchange_id, conversation_id, parent_id, link_kind, branch_id, retry_of, serves_id, rule FROM links
"""
CHANGED_LINKS: Final = """
SELECT
    coalesce(had.exchange_id, has.exchange_id) AS exchange_id,
    had.conversation_id AS had_conversation_id, has.conversation_id AS has_conversation_id,
    had.parent_id AS had_parent_id, has.parent_id AS has_parent_id,
    had.link_kind AS had_link_kind, has.link_kind AS has_link_kind,
    had.branch_id AS had_branch_id, has.branch_id AS has_branch_id,
    had.retry_of AS had_retry_of, has.retry_of AS has_retry_of,
    had.serves_id AS had_serves_id, has.serves_id AS has_serves_id,
    had.rule AS had_rule, has.rule AS has_rule
FROM links_before AS had FULL JOIN links AS has ON has.exchange_id = had.exchange_id
WHERE (had.conversation_id, had.parent_id, had.link_kind, had.branch_id, had.retry_of, had.serves_id, had.rule)
    IS DISTINCT FROM
    (has.conversation_id, has.parent_id, has.link_kind, has.branch_id, has.retry_of, has.serves_id, has.rule)
ORDER BY 1
"""
OTHER_VERSIONS: Final = """
SELECT EXISTS (SELECT FROM facts WHERE version <> $1) OR EXISTS (SELECT FROM answer_facts WHERE version <> $1)
"""
# Keys of another version of the extraction: nobody can tell which of them are whose.
FORGET_KEYS: Final = "TRUNCATE link_offers, link_asks"
# Answers whose request never came.
FORGET_WAITING: Final = """
DELETE FROM answer_facts AS a
WHERE a.version <> $1 AND NOT EXISTS (SELECT FROM exchanges AS e WHERE e.id = a.exchange_id AND e.method IS NOT NULL)
"""
DOMAINS: Final = "SELECT DISTINCT domain FROM exchanges WHERE method IS NOT NULL AND (domain = $1 OR $1 IS NULL)"
DOMAINS_OF: Final = "SELECT id, domain FROM exchanges WHERE id = ANY($1) AND method IS NOT NULL"

LINK: Final = """
SELECT conversation_id, parent_id, link_kind, branch_id, retry_of, serves_id, is_subtask, parent_task_id, rule, detail
FROM links WHERE exchange_id = $1
"""

LINKED_HOW: Final = """
SELECT
    coalesce(substring(e.client FROM '^[^ ]+'), '') AS client, e.kind, coalesce(l.link_kind, '') AS link_kind, l.rule,
    count(*) AS exchanges
FROM links AS l JOIN exchanges AS e ON e.id = l.exchange_id
WHERE e.domain = $1 OR $1 IS NULL
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, count(*) DESC, 4
"""
# What needs attention. A request of one message has no history: whoever begins with it is no orphan. $2: the version of
# facts that this linker reads.
NEEDS: Final = {
    "other_version": "f.version <> $2",
    "unlinked": "l.exchange_id IS NULL AND e.method IS NOT NULL",
    "orphans": "l.link_kind = 'root' AND l.rule = 'none' AND e.message_count > 2",
    "unserved": "l.rule = 'none' AND l.link_kind IS NULL AND e.kind IN ('auxiliary', 'count_tokens')",
    "unasked": "e.method IS NULL",
    "running": "e.outcome IS NULL AND e.started_at < now() - interval '1 hour'",
}
_ALL_WITH_LINKS = """
FROM exchanges AS e
LEFT JOIN links AS l ON l.exchange_id = e.id
LEFT JOIN facts AS f ON f.exchange_id = e.id
WHERE (e.domain = $1 OR $1 IS NULL) AND $2::smallint IS NOT NULL
"""
ATTENTION: Final = "SELECT {} {}".format(
    ", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in NEEDS.items()), _ALL_WITH_LINKS
)
NEEDING: Final = {
    name: f"SELECT e.id {_ALL_WITH_LINKS} AND {condition} ORDER BY e.started_at DESC, e.id DESC"
    for name, condition in NEEDS.items()
}

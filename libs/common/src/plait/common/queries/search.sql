-- Messages by the words in them.

-- name: candidates
-- Messages whose words the index has, the newest first: slot by slot, each a few short lists of the index, and no
-- further than is needed. Looked at are `:looked` of them, and of those that pass the filters `:most` come. One row at
-- least: what the last one looked at was, and how many there were. (The filters of an exchange stand in a subquery of
-- its own, so that the order of the hits is kept and only so many exchanges are read as are needed. A kind that few
-- are of comes before: its exchanges are fewer than the hits.)
WITH slots AS MATERIALIZED (
    SELECT t.slot, t.mask, t.first_at, t.last_at
    FROM search_slots t
    WHERE true
        AND t.slot <= :slot --?
        AND t.last_at >= :since --?
        AND t.first_at < :until --?
        AND EXISTS (SELECT FROM conversations c WHERE c.id = :conversation AND c.first_time <= t.last_at AND c.last_time >= t.first_at) --?
    ORDER BY t.slot DESC
), hits AS MATERIALIZED (
    SELECT found.*
    FROM slots CROSS JOIN LATERAL (
        SELECT s.exchange_id, s.message, s.number, s.blob
        FROM search_texts s
        WHERE s.number >= slots.slot::bigint << 15 AND s.number < (slots.slot + 1)::bigint << 15
            AND s.number < :before --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:domain_label::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:session_label::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:word_a::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:word_b::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:word_c::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:word_d::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:word_e::integer[]) AS t) --?
            AND s.terms && ARRAY(SELECT t # slots.mask FROM unnest(:word_f::integer[]) AS t) --?
            AND s.exchange_id IN (SELECT l.exchange_id FROM links l WHERE l.conversation_id = :conversation) --?
            AND s.exchange_id IN (SELECT e.id FROM exchanges e WHERE e.kind = :rare_kind AND e.kind <> 'inference' AND e.method IS NOT NULL AND e.started_at BETWEEN slots.first_at AND slots.last_at) --?
        ORDER BY s.number DESC
        LIMIT :looked
    ) AS found
    LIMIT :looked
)
SELECT
    seen.count AS seen, seen.oldest, passed.exchange_id, passed.message, passed.number, passed.blob, passed.started_at,
    passed.conversation_id, b.size
FROM (SELECT count(*) AS count, min(h.number) AS oldest FROM hits h) AS seen
LEFT JOIN (
    SELECT h.*, x.started_at, x.conversation_id
    FROM hits h CROSS JOIN LATERAL (
        SELECT e.started_at, l.conversation_id
        FROM exchanges e LEFT JOIN links l ON l.exchange_id = e.id
        WHERE e.id = h.exchange_id
            AND e.domain = :domain --?
            AND e.account_id = :account --?
            AND l.conversation_id = :conversation --?
            AND e.session_id = :session --?
            AND e.kind = :kind --?
            AND e.model = :model --?
            AND e.status = :status --?
            AND e.outcome = :outcome --?
            AND e.outcome IS NULL AND :running --?
            AND e.started_at >= :since --?
            AND e.started_at < :until --?
        OFFSET 0
    ) AS x
    LIMIT :most
) AS passed ON true
LEFT JOIN blobs b ON b.hash = passed.blob
ORDER BY passed.number DESC

-- name: few
-- Whether no more than so many exchanges are of a kind.
SELECT count(*) <= :few FROM (
    SELECT FROM exchanges e WHERE e.kind = :kind AND e.kind <> 'inference' AND e.method IS NOT NULL LIMIT :few + 1
) AS found

-- name: blobs
-- Messages by name.
SELECT b.hash, b.encoding, b.data FROM blobs b WHERE b.hash = ANY(:hashes)

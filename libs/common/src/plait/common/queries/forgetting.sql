-- Deletions: which exchanges are meant, and how far one is.

-- name: matching
-- The exchanges that a selection means: `conversation` while nothing is deleted, `doomed` from then on.
FROM exchanges e
WHERE true
    AND e.id IN (SELECT c.exchange_id FROM links l JOIN links c USING (conversation_id) WHERE l.own_id = :conversation) --?
    AND e.id = ANY (:doomed::uuid[]) --?
    AND e.id < :reached --?
    AND e.domain = :domain --?
    AND :user IN (e.key_name, e.account_id) --?
    AND e.started_at < :before --?
    AND e.domain <> ALL (:other_domains::text[]) --?

-- name: count
-- How many exchanges a selection means now.
SELECT count(*)
{matching}

-- name: some
-- The newest of them first: a turn goes before the one that it follows.
SELECT e.id, e.domain
{matching}
ORDER BY e.id DESC
LIMIT :most

-- name: ask
-- Put a deletion down. A conversation's exchanges are put down with it: when some of them are gone the others need not
-- carry its id any longer.
INSERT INTO deletions (asked_by, selection, worked_at, doomed)
VALUES (
    :asked_by, :selection::jsonb, CASE WHEN :begun::boolean THEN now() END,
    CASE WHEN :conversation::uuid IS NOT NULL THEN ARRAY(
        SELECT c.exchange_id FROM links l JOIN links c USING (conversation_id) WHERE l.own_id = :conversation
    ) END
)
RETURNING id

-- name: deletions
-- What is known of deletions.
SELECT id, asked_at, asked_by, selection, doomed, reached, exchanges, worked_at, finished_at, stopped_at
FROM deletions

-- name: one
-- A deletion by its number.
{deletions}
WHERE id = :id

-- name: hold
-- The same, and nobody else changes it before we have committed.
{deletions}
WHERE id = :id
FOR UPDATE

-- name: waiting
-- Those that nobody works at, though they are not ended, nor just asked for.
{deletions}
WHERE finished_at IS NULL AND stopped_at IS NULL AND coalesce(worked_at, asked_at) < now() - interval '1 minute'
ORDER BY id

-- name: take
-- The first of them, or of those that nobody has begun with, for us to work at.
UPDATE deletions SET worked_at = now()
WHERE id = (
    SELECT id FROM deletions
    WHERE finished_at IS NULL AND stopped_at IS NULL AND (worked_at IS NULL OR worked_at < now() - interval '1 minute')
    ORDER BY id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id

-- name: advance
-- So many more are deleted, down to this id.
UPDATE deletions SET exchanges = exchanges + :deleted, reached = :reached, worked_at = now() WHERE id = :id

-- name: finish
-- Nothing of it is left.
UPDATE deletions SET finished_at = now(), doomed = NULL WHERE id = :id AND stopped_at IS NULL

-- name: stop
-- It was broken off: what is deleted stays deleted, what is not stays.
UPDATE deletions SET stopped_at = now(), doomed = NULL WHERE id = :id AND finished_at IS NULL

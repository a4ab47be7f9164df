-- Figures over many exchanges that no slot has.

-- name: unplaced
-- Exchanges since a moment that no conversation has.
SELECT count(*)
FROM links l
JOIN exchanges e ON e.id = l.exchange_id
WHERE l.conversation_id IS NULL AND e.method IS NOT NULL AND e.started_at >= :since
    AND e.domain = :domain --?

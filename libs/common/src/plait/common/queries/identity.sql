-- Ids of conversations.

-- name: resolve
-- The conversation that an id answers with: that of the exchange which it was made from. Null if this exchange belongs
-- to none; no row if no exchange would have had the id.
SELECT l.conversation_id FROM links l WHERE l.own_id = :id

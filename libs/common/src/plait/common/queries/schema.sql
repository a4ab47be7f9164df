-- The state of the schema.

-- name: migrations
-- How many migrations have been applied.
SELECT count(*) FROM migrations

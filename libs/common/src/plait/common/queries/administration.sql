-- What administrators did with their keys.

-- name: note
-- Write down a call of an admin key.
INSERT INTO admin_actions (key_name, method, path, query, request_id)
VALUES (:key_name, :method, :path, :query, :request_id)

-- name: latest
-- The calls made last, newest first.
SELECT at, key_name, method, path, query, request_id
FROM admin_actions
ORDER BY id DESC
LIMIT :most

-- Calls that an admin key made, written before anything is done: what cannot be written down is not done.
CREATE TABLE admin_actions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    key_name   text NOT NULL,
    method     text NOT NULL,
    path       text NOT NULL,
    query      text NOT NULL,             -- the call's parameters: they name things, they hold no content
    request_id text NOT NULL              -- of the call, as in its answer's X-Request-ID
);

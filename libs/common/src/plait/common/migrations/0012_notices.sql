-- Notices: what waits to be told, and what has been, so that a replay tells nothing twice (plait.notifier).

-- One row a notice and way out, until it is delivered or given up. It holds no content: that is read when it is sent.
CREATE TABLE notices (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane        text        NOT NULL,     -- the way out, `slack` or `webhook`, and whose: one of a lane is sent at a time
    domain      text        NOT NULL,
    kind        text        NOT NULL,     -- turn, error, limit, login, analysis, digest, budget
    key         text        NOT NULL,     -- of what is told (notices_told)
    subject     jsonb       NOT NULL,     -- what it is about: ids and figures
    happened_at timestamptz NOT NULL,
    due_at      timestamptz NOT NULL DEFAULT now(),
    attempts    smallint    NOT NULL DEFAULT 0
);
CREATE INDEX notices_due ON notices (due_at, id);

-- What has been queued, whatever became of it. A key names what was told: an exchange, a window's threshold, a day.
CREATE TABLE notices_told (
    lane text        NOT NULL,
    key  text        NOT NULL,
    at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, key)
);
CREATE INDEX notices_told_by_time ON notices_told (at);

-- When a domain last had an error of a type: a burst of them is told once.
CREATE TABLE notice_bursts (
    domain     text        NOT NULL,
    error_type text        NOT NULL,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (domain, error_type)
);

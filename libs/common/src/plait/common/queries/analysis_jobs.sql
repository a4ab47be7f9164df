-- Asking for analyses: what the API, the dashboard, the command line and the analyzer's rule write.

-- name: told
-- What the event of a change tells.
RETURNING id, conversation_id, branch_id, domain, status, revision, regenerations, attempts, by_rule, error

-- name: ask
-- Queue an analysis of a branch that has none, or whose last run failed; no row where it has one already.
INSERT INTO analyses AS a (id, conversation_id, branch_id, domain, by_rule, asked_by, custom_prompt)
VALUES (:id, :conversation, :branch, :domain, :by_rule, :asked_by, :prompt)
ON CONFLICT (conversation_id, branch_id) DO UPDATE SET
    status = 'pending', revision = a.revision + 1, by_rule = excluded.by_rule, asked_by = excluded.asked_by,
    custom_prompt = excluded.custom_prompt, asked_at = now(), updated_at = now(), completed_at = NULL,
    regenerations = a.regenerations + 1, attempts = 0, not_before = now(), error = NULL
WHERE a.status = 'failed'
{told}

-- name: known
-- The analysis that a branch has already.
SELECT id, status FROM analyses WHERE conversation_id = :conversation AND branch_id = :branch

-- name: again
-- Queue an analysis anew, whatever became of it; who works at it now has lost it. The last result stays until then.
-- Unless it may be made twice, one that is on its way with the same prompt goes on.
UPDATE analyses SET
    status = 'pending', revision = revision + 1, by_rule = :by_rule, asked_by = :asked_by,
    custom_prompt = CASE WHEN :keep_prompt::boolean THEN custom_prompt ELSE :prompt END,
    asked_at = now(), updated_at = now(), completed_at = NULL, regenerations = regenerations + 1, attempts = 0,
    not_before = now(), lease = NULL, leased_until = NULL, error = NULL
WHERE conversation_id = :conversation AND branch_id = :branch
    AND (:twice::boolean OR status NOT IN ('pending', 'processing') OR custom_prompt IS DISTINCT FROM :prompt)
{told}

-- name: spend
-- Count a call against what a domain may make in a minute, all at once or evenly; no row if that is used up.
INSERT INTO analysis_rates AS r (domain, action, paid_until)
VALUES (:domain, :action, clock_timestamp() + :step::interval)
ON CONFLICT (domain, action) DO UPDATE
SET paid_until = greatest(r.paid_until, clock_timestamp()) + :step::interval
WHERE greatest(r.paid_until, clock_timestamp()) + :step::interval <= clock_timestamp() + interval '1 minute'
RETURNING 0

-- name: wait
-- Seconds until such a call may be made again.
SELECT extract(epoch FROM paid_until + :step::interval - clock_timestamp() - interval '1 minute')::float8
FROM analysis_rates WHERE domain = :domain AND action = :action

-- name: note
-- Write down who asked for an analysis or read one, and what came of it.
INSERT INTO analysis_calls (caller, action, outcome, domain, conversation_id, branch_id, request_id)
VALUES (:caller, :action, :outcome, :domain, :conversation, :branch, :request_id)

-- name: calls
-- The calls made last, newest first.
SELECT at, caller, action, outcome, domain, conversation_id, branch_id, request_id
FROM analysis_calls
ORDER BY id DESC
LIMIT :most

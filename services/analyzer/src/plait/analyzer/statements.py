"""The analyzer's statements. Moments are Postgres's own: analyzers side by side agree on them."""

from __future__ import annotations

from typing import Final

_TOLD: Final = (
    "RETURNING id, conversation_id, branch_id, domain, status, revision, regenerations, attempts, by_rule, error"
)

# An attempt that brought nothing, put behind the last ones. Its moments are ISO 8601.
_HISTORY: Final = """
    jsonb_path_query_array(
        history || jsonb_build_object(
            'run', regenerations, 'attempt', attempts, 'startedAt', started_at, 'endedAt', now(),
            'reason', {reason}, 'retryAt', {retry_at}
        ), '$[last - 19 to last]'
    )
"""
_DIED: Final = "'The analyzer that worked at it has died.'::text"

# Who takes a job first counts those that run: one after the other.
ALONE: Final = "SELECT pg_advisory_xact_lock(22637163773712251)"

# $1: attempts of a run. Jobs whose last attempt died with its analyzer.
BURY: Final = f"""
UPDATE analyses SET
    status = 'failed', revision = revision + 1, updated_at = now(), lease = NULL, leased_until = NULL,
    error = {_DIED}, history = {_HISTORY.format(reason=_DIED, retry_at="NULL::timestamptz")}
WHERE status = 'processing' AND leased_until < now() AND attempts >= $1
{_TOLD}
"""  # noqa: S608 - made of constants

# $1: a lease, $2: for how long, $3: how many may run at once. What people ask for goes before what the rule does.
TAKE: Final = f"""
UPDATE analyses SET
    status = 'processing', revision = revision + 1, attempts = attempts + 1, updated_at = now(), started_at = now(),
    lease = $1, leased_until = now() + $2::interval, error = NULL,
    history = CASE WHEN status = 'pending' THEN history ELSE {_HISTORY.format(reason=_DIED, retry_at="now()")} END
WHERE id = (
    SELECT id FROM analyses
    WHERE (status = 'pending' AND not_before <= now() OR status = 'processing' AND leased_until < now())
        AND (SELECT count(*) FROM analyses WHERE status = 'processing' AND leased_until >= now()) < $3
    ORDER BY by_rule, not_before, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
{_TOLD}    , custom_prompt
"""  # noqa: S608 - made of constants

# $1: a job, $2: our lease, in all that follow. What is not ours any more is left alone.
RENEW: Final = """
UPDATE analyses SET leased_until = now() + $3::interval WHERE id = $1 AND lease = $2 RETURNING id
"""
GIVE_BACK: Final = f"""
UPDATE analyses SET
    status = 'pending', revision = revision + 1, updated_at = now(), attempts = attempts - 1, not_before = now(),
    lease = NULL, leased_until = NULL
WHERE id = $1 AND lease = $2
{_TOLD}
"""  # noqa: S608 - made of constants
# $3: why, $4: when to try again.
TRY_AGAIN: Final = f"""
UPDATE analyses SET
    status = 'pending', revision = revision + 1, updated_at = now(), not_before = now() + $4::interval,
    lease = NULL, leased_until = NULL, error = $3::text,
    history = {_HISTORY.format(reason="$3::text", retry_at="now() + $4::interval")}
WHERE id = $1 AND lease = $2
{_TOLD}
"""  # noqa: S608 - made of constants
FAIL: Final = f"""
UPDATE analyses SET
    status = 'failed', revision = revision + 1, updated_at = now(), lease = NULL, leased_until = NULL, error = $3::text,
    history = {_HISTORY.format(reason="$3::text", retry_at="NULL::timestamptz")}
WHERE id = $1 AND lease = $2
{_TOLD}
"""  # noqa: S608 - made of constants
COMPLETE: Final = f"""
UPDATE analyses SET
    status = 'completed', revision = revision + 1, updated_at = now(), completed_at = now(),
    lease = NULL, leased_until = NULL, error = NULL, provider = $3, model = $4, prompt_version = $5,
    prompt_tokens = $6, completion_tokens = $7, total_tokens = $8, cost_usd = $9, duration_ms = $10,
    content = $11, data = $12, remarks = $13
WHERE id = $1 AND lease = $2
{_TOLD}
"""  # noqa: S608 - made of constants
# Its branch exists no longer.
DROP: Final = "DELETE FROM analyses WHERE id = $1 AND lease = $2"

ANY_PUT_OUT: Final = "SELECT EXISTS (SELECT FROM analyses_outbox)"

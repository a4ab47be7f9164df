"""From a branch to a prompt, and from a model's answer to an analysis. No network, no clock, no database in here.

What the worker does with it, in order::

    branch = await get_branch(db, conversation_id, branch_id)      # plait.common.queries.insight; None: no such
    prompt = await prepare(branch, wish, settings, count)          # .preparing
    answer = <the provider's text for prompt.system and prompt.user, with plait.common.analysis.response_schema()>
    checked = check(answer, branch, settings)                      # .checking
    if isinstance(checked, Unfit):                                 # once only:
        answer = <the provider's text for repair(prompt, checked)> # .prompting
        checked = check(answer, branch, settings)
    # Fit:   content = checked.content, data = checked.analysis.as_json(), note = checked.dropped
    # Unfit: content = checked.content (the answer as it came, secrets masked), data = None, error = checked.reason

Signatures::

    async def get_branch(db: Reader, conversation_id: UUID, branch_id: str) -> BranchRecord | None
    async def prepare(branch: BranchRecord, wish: str | None, settings: InsightSettings, count: Count) -> Prompt
    def repair(prompt: Prompt, unfit: Unfit) -> Prompt
    def check(answer: str, branch: BranchRecord, settings: InsightSettings) -> Fit | Unfit
    def to_markdown(analysis: Analysis) -> str                     # .readable; `check` has called it already
    def estimate(text: str) -> int                                 # .cutting: tokens where no counter is at hand

    Count = Callable[[str], Awaitable[int]]                        # tokens of a text, by the provider's own counter
    class Prompt: system: str; user: str; version: str; tokens: int; left_out: int; redacted: Mapping[str, int]
    class Fit: analysis: Analysis; content: str; dropped: list[str]
    class Unfit: errors: list[str]; content: str; reason: str (property)

`InsightSettings` (.settings) is a group of settings for the analyzer's class to inherit. A wish that is longer than
`LONGEST_WISH` characters (plait.common.analysis) is for the API and the command to refuse; `prepare` cuts it.
All calls of `prepare` and `check` are quick for usual branches, but may take a second of one processor for the largest:
the worker runs them in a thread or minds it. What is counted: `prepare` asks `count` nothing if the branch is sure to
fit (a token has at least one byte), else a few times.
"""

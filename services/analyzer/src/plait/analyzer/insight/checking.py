"""What a model answered: an analysis, or what is wrong with it. Nothing in it is trusted."""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec import Struct
from pydantic import ValidationError

from plait.analyzer.insight.costliest import costliest
from plait.analyzer.insight.readable import as_code, to_markdown
from plait.analyzer.insight.settings import InsightSettings
from plait.common.analysis import Analysis, Findings, TurningPoint
from plait.common.queries.insight import BranchRecord
from plait.common.redaction import SECRETS, Redactor

_TICKS: Final = "```"
_OPENINGS: Final = (_TICKS, f"{_TICKS}json")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What no person sees, and what turns texts around."""
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_ERRORS: Final = 20
_LONGEST_RAW: Final = 100_000
"""Characters of an answer that are kept although it is no analysis."""


class Fit(Struct, frozen=True):
    """The answer is an analysis."""

    analysis: Analysis
    content: str
    """The same in Markdown, for people."""
    dropped: list[str]
    """What was left out of it, in sentences."""


class Unfit(Struct, frozen=True):
    """The answer is none."""

    errors: list[str]
    """Where and why, in words that hold nothing of the answer."""
    content: str
    """The answer as it came, as a block of code, secrets masked."""

    @property
    def reason(self) -> str:
        """For people, in a sentence."""
        return f"The model's answer is no analysis; it is kept as it came. {'; '.join(self.errors[:3])}."


def check(answer: str, branch: BranchRecord, settings: InsightSettings) -> Fit | Unfit:
    """The analysis of a branch that an answer is, with what facts add; secrets in it are masked."""
    masking = Redactor({*SECRETS, *settings.redactor().kinds})
    try:
        findings = Findings.model_validate_json(_unfenced(answer))
    except ValidationError as error:
        raw = _tidy(answer[:_LONGEST_RAW], masking)
        return Unfit(_errors(error), as_code(raw, "json" if raw.lstrip().startswith("{") else ""))
    told = Findings.model_validate(_tidied(findings.model_dump(), masking))
    kept, dropped = _turning_points(told, branch)
    analysis = Analysis.model_validate(
        {**told.model_dump(), "turning_points": kept, "costliest_steps": costliest(branch.exchanges)}
    )
    return Fit(analysis, to_markdown(analysis), dropped)


def _unfenced(answer: str) -> str:
    """Some models put their JSON into a block of code."""
    text = answer.strip()
    opening, _, rest = text.partition("\n")
    is_fenced = opening.strip().lower() in _OPENINGS and rest.endswith(_TICKS)
    return rest.removesuffix(_TICKS) if is_fenced else text


def _errors(error: ValidationError) -> list[str]:
    """Places are names of our own fields, and reasons quote nothing: whoever reads them reads no answer."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in found[:_MOST_ERRORS]]
    return [*told, f"and {len(found) - _MOST_ERRORS} more"] if len(found) > _MOST_ERRORS else told


def _turning_points(findings: Findings, branch: BranchRecord) -> tuple[list[TurningPoint], list[str]]:
    """Those that name an exchange of the branch, each once, and how many do not."""
    known = {str(one.request_id) for one in branch.exchanges}
    kept: dict[str, TurningPoint] = {}
    for point in findings.turning_points:
        found = _ID.search(point.request_id)
        name = found[0].lower() if found else ""
        if name in known:
            kept.setdefault(name, TurningPoint(request_id=name, why=point.why))
    wrong = len(findings.turning_points) - len(kept)
    said = f"{wrong} of the model's turning points left out: they name no exchange of this branch, or one twice."
    return list(kept.values()), [said] if wrong else []


def _tidied(value: Any, masking: Redactor) -> Any:
    if isinstance(value, str):
        return _tidy(value, masking)
    if isinstance(value, dict):
        return {name: _tidied(each, masking) for name, each in value.items()}
    if isinstance(value, list):
        return [_tidied(each, masking) for each in value]
    return value


def _tidy(text: str, masking: Redactor) -> str:
    return masking.text(_CONTROL.sub("", text.replace("\r\n", "\n")).encode("utf-8", "replace").decode())

"""What an analysis says: the shape in which a model is asked for it, and in which it is stored and given on.

`Findings` are the model's; an `Analysis` is these with what facts add. Names are camelCase in JSON. Fields that are not
known are passed over: a model that says more than it was asked for is no reason to lose what it says.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

LONGEST_WISH: Final = 4000
"""Characters of what the one who asks for an analysis may want of it (`customPrompt`)."""
Score = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
"""0 (worst) to 10."""
_Remark = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A text that may be left out; models write null for it too."""


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class ActionItem(_Part):
    """Something to do next."""

    type: Literal["task", "prompt_improvement", "follow_up"]
    description: str
    priority: Literal["high", "medium", "low"] = "medium"


class PromptingTip(_Part):
    """How the person could have asked better."""

    category: Literal["clarity", "context", "structure", "specificity", "efficiency"]
    issue: str = Field(description="What was unclear, missing or wasteful, and where.")
    suggestion: str
    example: _Remark = Field("", description="The prompt as it could have been.")


class InteractionPatterns(_Part):
    """How the person worked with the assistant."""

    prompt_clarity: Score
    context_completeness: Score
    follow_up_effectiveness: Literal["excellent", "good", "needs_improvement"]
    common_issues: list[str]
    strengths: list[str]


class TechnicalDetails(_Part):
    """What was worked with."""

    frameworks: list[str]
    issues: list[str]
    solutions: list[str]
    tool_usage_efficiency: _Remark = Field("", description="How tools were used: optimal, good, needs_improvement.")
    context_window_management: _Remark = Field("", description="efficient, acceptable or wasteful")


class ConversationQuality(_Part):
    """Three grades in a word, each with what would make it better."""

    clarity: str = Field(description="high, medium or low")
    clarity_improvement: _Remark = ""
    completeness: str = Field(description="complete, partial or incomplete")
    completeness_improvement: _Remark = ""
    effectiveness: str = Field(description="highly effective, effective or needs improvement")
    effectiveness_improvement: _Remark = ""


class TurningPoint(_Part):
    """Where a conversation went wrong, or was saved."""

    request_id: str = Field(description="The id of the exchange, copied from its heading.")
    why: str


class CostlyStep(_Part):
    """One of the exchanges that cost most."""

    request_id: str
    tokens: int
    """All kinds together."""
    why: str


class Findings(_Part):
    """What a model is asked for."""

    summary: str = Field(description="What happened, in two to five sentences.")
    key_topics: list[str]
    sentiment: Literal["positive", "neutral", "negative", "mixed"]
    user_intent: str
    outcomes: list[str]
    action_items: list[ActionItem] = Field(description="Among them at least two prompt improvements.")
    prompting_tips: list[PromptingTip] = Field(description="At least three.")
    interaction_patterns: InteractionPatterns
    technical_details: TechnicalDetails
    conversation_quality: ConversationQuality
    turning_points: list[TurningPoint] = Field(
        default=[], description="Exchanges where it went wrong or was saved; empty if there is none."
    )


class Analysis(Findings):
    """What is stored and given on. Its turning points are exchanges of the branch."""

    costliest_steps: list[CostlyStep] = []
    """From what was recorded, the costliest first; no model's word."""

    def as_json(self) -> dict[str, Any]:
        """For the database and the API."""
        return self.model_dump(mode="json", by_alias=True)


_NOT_ASKED: Final = ("default", "title")


def response_schema() -> dict[str, Any]:
    """The JSON Schema that an answer is asked for by: nothing may be left out, and no reference is in it.

    A new one each time: google-genai changes what it is given.
    """
    schema = Findings.model_json_schema(by_alias=True)
    return _asked(schema, schema.pop("$defs"))


def _asked(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """A schema with its references put in, and all its fields required."""
    whole = {**parts[schema["$ref"].rpartition("/")[2]], **schema} if "$ref" in schema else schema
    asked = {name: value for name, value in whole.items() if name not in (*_NOT_ASKED, "$ref")}
    if "items" in asked:
        asked["items"] = _asked(asked["items"], parts)
    if "properties" in asked:
        asked["properties"] = {name: _asked(each, parts) for name, each in asked["properties"].items()}
        asked["required"] = list(asked["properties"])
    return asked

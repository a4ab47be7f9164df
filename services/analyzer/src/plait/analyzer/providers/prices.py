"""What an analysis cost, by the published price list."""

from __future__ import annotations

from decimal import Decimal

from genai_prices import Usage, calc_price


def cost(provider: str, model: str, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
    """Dollars; None where the list does not know the model. `provider` is the list's id of it."""
    usage = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
    try:
        return calc_price(usage, model_ref=model, provider_id=provider).total_price
    except LookupError:
        return None

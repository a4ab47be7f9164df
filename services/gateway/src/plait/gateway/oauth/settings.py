"""Where logins are taken and refreshed. The defaults are those of Claude's own command line client."""

from __future__ import annotations

from pydantic import Field

from plait.common.settings import Environment

_URL = "^https?://[^/?#]+"


class TokenSettings(Environment):
    """How tokens are granted; the gateway reads them to refresh."""

    oauth_token_url: str = Field(
        "https://console.anthropic.com/v1/oauth/token", pattern=_URL, description="Where OAuth tokens are refreshed."
    )
    oauth_client_id: str = Field(
        "9d1c250a-e61b-44d9-88ed-5944d1962f5e", min_length=1, description="The OAuth client that logins are made for."
    )
    oauth_timeout: float = Field(10, gt=0, description="Seconds that a grant of OAuth tokens may take.")


class LoginSettings(TokenSettings):
    """How a person logs in; `plait login` reads them."""

    oauth_authorize_url: str = Field(
        "https://claude.ai/oauth/authorize", pattern=_URL, description="The page on which a person allows a login."
    )
    oauth_redirect_uri: str = Field(
        "https://console.anthropic.com/oauth/code/callback",
        pattern=_URL,
        description="The page that shows the code of an OAuth login.",
    )
    oauth_scope: str = Field(
        "org:create_api_key user:profile user:inference", description="What an OAuth login is asked to allow."
    )

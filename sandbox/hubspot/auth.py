"""Who may call: the private app's static token, and OAuth access tokens from a refresh token.

Bodies follow FACTS section 2 (Auth, Errors). OAuth tokens live 1,800 seconds of real time, so that
a harness which lets a day pass on the virtual clock does not log everybody out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from sandbox.hubspot.errors import HubSpotError

TOKEN_SECONDS = 1_800
SCOPES = (
    "crm.lists.read", "crm.lists.write", "crm.objects.companies.read",
    "crm.objects.companies.write", "crm.objects.contacts.read", "crm.objects.contacts.write",
    "crm.objects.deals.read", "crm.objects.deals.write", "crm.objects.owners.read",
    "crm.schemas.companies.read", "crm.schemas.contacts.read", "crm.schemas.contacts.write",
    "crm.schemas.deals.read", "communication_preferences.read_write", "content", "forms",
    "marketing.campaigns.read", "marketing.campaigns.write", "oauth", "settings.users.read",
    "settings.users.write", "tickets",
)  # fmt: skip
"""What the account's tokens may do; calls that need another scope are refused."""
_OVERVIEW = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"


class RefusedGrantError(Exception):
    """A token request that failed; `body` is the reply (status 400)."""

    def __init__(self, body: dict[str, str]) -> None:
        super().__init__(body["error"])
        self.body = body


class Tokens:
    """The tokens of the account. `denied_scopes` makes calls that need one answer 403."""

    def __init__(
        self, token: str, rng: Random, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.token = token
        self.client_id = "sandbox-client"
        self.client_secret = "sandbox-client-secret"
        self.refresh_token = "sandbox-refresh-token"
        self.developer_key = "sandbox-developer-key"
        """What opens the app's webhook settings, as `hapikey`."""
        self.denied_scopes: set[str] = set()
        self._rng = rng
        self._monotonic = monotonic
        self._issued: dict[str, float] = {}

    def check(self, header: str | None) -> None:
        """Accept an Authorization header or raise the 401 it deserves."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() == "bearer" and token == self.token:
            return
        expires = self._issued.get(token)
        if scheme.lower() != "bearer" or (expires is None and token != self.token):
            raise HubSpotError(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 "
                f"authentication and you can find more details at {_OVERVIEW}",
            )
        if expires is not None and self._monotonic() >= expires:
            raise expired()

    def is_oauth(self, header: str | None) -> bool:
        """Whether an accepted header carries an OAuth access token."""
        return (header or "").partition(" ")[2] != self.token

    def seconds_left(self, token: str) -> int | None:
        """How long an OAuth access token still lives; None where it is none or is over."""
        expires = self._issued.get(token)
        left = -1 if expires is None else int(expires - self._monotonic())
        return left if left >= 0 else None

    def need(self, scope: str | None) -> None:
        """Raise the 403 of a missing scope."""
        if scope is not None and scope in self.denied_scopes:
            raise missing_scopes(scope)

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer an OAuth token request; only `refresh_token` is served."""
        if form.get("grant_type") != "refresh_token":
            raise _bad("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant_type")
        if (form.get("client_id"), form.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            raise _bad("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
        if form.get("refresh_token") != self.refresh_token:
            raise _bad(
                "invalid_grant", "BAD_REFRESH_TOKEN", "missing or unknown or invalid refresh token"
            )
        token = f"CSBX{self._rng.getrandbits(160):040x}"
        self._issued[token] = self._monotonic() + TOKEN_SECONDS
        return {
            "token_type": "bearer",
            "refresh_token": self.refresh_token,
            "access_token": token,
            "expires_in": TOKEN_SECONDS,
        }


def missing_scopes(scope: str) -> HubSpotError:
    """The 403 of a call whose scope the app was not given."""
    link = "https://developers.hubspot.com/scopes"
    return HubSpotError(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call. Read more "
        f"about required scopes here: {link}.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": [scope]},
            }
        ],
        context={"requiredGranularScopes": [scope]},
        links={"scopes": link},
    )


def expired() -> HubSpotError:
    """The 401 of a token whose time is over."""
    return HubSpotError(
        401,
        "EXPIRED_AUTHENTICATION",
        "The OAuth token used to make this call expired 1 second(s) ago.",
    )


def _bad(error: str, status: str, message: str) -> RefusedGrantError:
    return RefusedGrantError(
        {"error": error, "error_description": message, "status": status, "message": message}
    )

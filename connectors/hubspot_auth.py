"""Who calls HubSpot: a private app with its one token, or a public app that trades a refresh token.

An OAuth access token lives half an hour (FACTS section 2, Auth), so it runs out in the middle of
any longer run. It is renewed where HubSpot refuses it (401), once a call, and the call is sent
again: a 401 was never applied. Assumed: the refresh token itself stays what it is, as HubSpot's
pages describe it; one that a reply replaces is used until the process ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from connectors.base import Answer
from connectors.retrying import NotSentError, ReplyLostError
from mappings.errors import AuthenticationError, ConfigurationError

SYSTEM = "hubspot"
_OAUTH = ("refresh_token", "client_id", "client_secret")

Post = Callable[[dict[str, str]], Answer]
"""Sends a token request's form. Raises NotSentError and ReplyLostError like any call."""


class Credentials:
    """The token of the account. `token` is "" until an OAuth app has asked for its first."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.token = settings.get("access_token") or ""
        given = {name: settings[name] for name in _OAUTH if settings.get(name)}
        self._form = {"grant_type": "refresh_token", **given} if len(given) == len(_OAUTH) else {}
        if not self.token and not self._form:
            raise ConfigurationError(
                "The hubspot connector needs the setting `access_token`, or `refresh_token` with "
                "`client_id` and `client_secret`."
            )

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be traded for another."""
        return bool(self._form)

    def renew(self, post: Post) -> None:
        """Trade the refresh token for an access token.

        Raises AuthenticationError when HubSpot refuses, NotSentError when it did not answer:
        whatever is lost here, nothing of ours was sent yet.
        """
        try:
            answer = post(self._form)
            body = answer.json() if answer.status < 500 else None
        except ReplyLostError:
            raise NotSentError from None
        if isinstance(body, dict) and answer.status == 200 and _text(body, "access_token"):
            self.token = str(body["access_token"])
            self._form["refresh_token"] = (
                _text(body, "refresh_token") or self._form["refresh_token"]
            )
            return
        if body is None or answer.status < 400 or answer.status == 429:
            raise NotSentError
        raise AuthenticationError(
            f"hubspot refused the refresh token ({_word(body)})",
            system=SYSTEM,
            remedy="Install the app in the account again, and put the refresh token that gives "
            "into `refresh_token`.",
        )


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _word(body: Any) -> str:
    """The vendor's own constant for the refusal, never free text."""
    word = str(body.get("status") or body.get("error") or "") if isinstance(body, dict) else ""
    return word if re.fullmatch(r"[A-Za-z_]{1,40}", word) else "no reason"

"""Logging in: client credentials, JWT bearer and refresh token, and the sessions they open.

SOAP login and the username-password flow are absent on purpose: new orgs have neither (FACTS
section 0). Token times are real time, not the virtual clock's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.salesforce.table import Table

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SKEW_SECONDS = 180
_PARTS = 3


class OAuthError(Exception):
    """A refusal of the token endpoint: `{error, error_description}` with status 400."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error, description)
        self.body = {"error": error, "error_description": description}


class Sessions:
    """The connected app, its key, and who is logged in."""

    def __init__(
        self, client_id: str, client_secret: str, integration_user_id: str, users: Table
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.refresh_token = f"5Aep861{hashlib.sha256(client_secret.encode()).hexdigest()}"
        """What the integration user's consent once gave: it opens sessions until revoked."""
        self._integration_user_id = integration_user_id
        self._users = users
        self._keys: list[rsa.RSAPublicKey] = []
        self._open: dict[str, str] = {}

    def register_key(self, pem: bytes) -> None:
        """Accept JWTs signed by this RSA key: a PEM public key or certificate."""
        if b"CERTIFICATE" in pem:
            key = x509.load_pem_x509_certificate(pem).public_key()
        else:
            loaded = serialization.load_pem_public_key(pem)
            key = loaded  # type: ignore[assignment]
        if not isinstance(key, rsa.RSAPublicKey):
            message = "the connected app takes RSA keys only"
            raise ValueError(message)  # noqa: TRY004 - a bad argument, whatever its type
        self._keys.append(key)

    def grant(self, form: Mapping[str, str], basic: str | None) -> tuple[str, str]:
        """Answer a token request: (access token, user id)."""
        kind = form.get("grant_type", "")
        if kind == "client_credentials":
            self.check_client(form, basic)
            return self.open(self._integration_user_id), self._integration_user_id
        if kind == "refresh_token":
            self.check_client(form, basic)
            if not hmac.compare_digest(form.get("refresh_token", ""), self.refresh_token):
                raise OAuthError("invalid_grant", "expired access/refresh token")
            return self.open(self._integration_user_id), self._integration_user_id
        if kind == _JWT_GRANT:
            user_id = self._check_assertion(form.get("assertion", ""))
            return self.open(user_id), user_id
        raise OAuthError("unsupported_grant_type", "grant type not supported")

    def open(self, user_id: str) -> str:
        """A new access token for a user."""
        token = f"00DLw!{secrets.token_urlsafe(48)}"
        self._open[token] = user_id
        return token

    def user_of(self, token: str | None) -> str | None:
        """Who a token stands for; None where it stands for nobody (any more)."""
        return None if token is None else self._open.get(token)

    def expire(self, token: str | None) -> None:
        """End one session."""
        if token is not None:
            self._open.pop(token, None)

    def expire_all(self) -> None:
        """End every session."""
        self._open.clear()

    def signature(self, identity: str, issued_at: str) -> str:
        """The base64 HMAC-SHA256 a token answer is signed with."""
        digest = hmac.digest(
            self.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256
        )
        return base64.b64encode(digest).decode()

    def check_client(self, form: Mapping[str, str], basic: str | None) -> None:
        """Refuse who does not know the connected app's id and secret."""
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if basic is not None:
            try:
                client, _, secret = base64.b64decode(basic, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise OAuthError("invalid_client", "invalid client credentials") from error
        if not hmac.compare_digest(client.encode(), self.client_id.encode()):
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")

    def _check_assertion(self, assertion: str) -> str:
        header, claims, signed, signature = _split(assertion)
        if header.get("alg") != "RS256" or not self._is_signed(signed, signature):
            raise OAuthError("invalid_grant", "invalid assertion")
        if claims.get("iss") != self.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not claims.get("aud"):
            raise OAuthError("invalid_grant", "audience is invalid")
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or expires < time.time() - _SKEW_SECONDS:
            raise OAuthError("invalid_grant", "expired authorization code")
        return self._user_named(str(claims.get("sub", "")))

    def _is_signed(self, signed: bytes, signature: bytes) -> bool:
        for key in self._keys:
            try:
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            except InvalidSignature:
                continue
            return True
        return False

    def _user_named(self, username: str) -> str:
        field = self._users.kind.fields["Username"]
        found = self._users.matching(field, username)
        if not found or not self._users.rows[found[0]].get("IsActive"):
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return found[0]


def _split(assertion: str) -> tuple[dict[str, object], dict[str, object], bytes, bytes]:
    parts = assertion.split(".")
    if len(parts) != _PARTS:
        raise OAuthError("invalid_grant", "invalid assertion")
    try:
        header, claims, signature = (
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts
        )
        return json.loads(header), json.loads(claims), ".".join(parts[:2]).encode(), signature
    except (binascii.Error, ValueError) as error:
        raise OAuthError("invalid_grant", "invalid assertion") from error

"""Salesforce's wire: logging in, sending a call, and what an answer means.

We log in ourselves (client credentials or a signed JWT) at a configurable `login_url`, since
simple-salesforce knows only its own hosts; calls then go through simple-salesforce with time-outs.
A session that expired is renewed once and the call sent again, which is safe: a 401 was never
applied. No exception of the SDK leaves this file, for their text prints the URL and the content.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import escape

from connectors.base import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Answer,
    Caller,
    Sleep,
    setting,
    utc_now,
)
from connectors.payloads import read_json, read_text
from connectors.retrying import NotSentError, ReplyLostError, Verdict, rate_limited
from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    InvariantError,
    QuotaExhaustedError,
    UnavailableError,
)
from mappings.ports import Limiter

SYSTEM = "salesforce"
DEFAULT_VERSION = "68.0"
"""The newest when the facts were collected; simple-salesforce's own default is 59.0."""
_JWT_SECONDS = 180
"""FACTS section 3: three minutes."""


class Wire:
    """Sends calls to one Salesforce org."""

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        limiter: Limiter,
        sleep: Sleep = time.sleep,
        timeout: float = READ_SECONDS,
    ) -> None:
        import requests

        self._settings = dict(settings)
        self._login_url = setting(settings, SYSTEM, "login_url").rstrip("/")
        setting(settings, SYSTEM, "client_id")
        if not (settings.get("client_secret") or settings.get("private_key_file")):
            raise ConfigurationError(
                "The salesforce connector needs `client_secret`, or `private_key_file` with "
                "`username`."
            )
        self._session = requests.Session()
        # Else REQUESTS_CA_BUNDLE, where it is set, would override `verify` (FACTS section 3).
        self._session.trust_env = False
        if settings.get("ca_file"):
            self._session.verify = settings["ca_file"]
        self._session.hooks["response"] = [self._keep_answer]
        self._headers: dict[str, str] = {}
        self._body = b""
        page = settings.get("query_page")
        self._paging = {"Sforce-Query-Options": f"batchSize={int(page)}"} if page else {}
        self._timeout = (CONNECT_SECONDS, timeout)
        self._limiter = limiter
        self._caller = Caller(SYSTEM, limiter, judge, sleep=sleep, watch=self._watch)
        self._client: Any = None
        self.identity = ""
        """The identity URL of the login: it ends in the org's and the user's id."""
        self.told_at: datetime | None = None
        """The org's own time (Date header, whole seconds) of the last answer; None before one."""

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """A GET; the answer may be a 4xx that says the request itself is wrong."""
        return self._caller.read(lambda: self._restful("GET", path, query, None, {}))

    def query(self, soql: str) -> Answer:
        """The first page of a query, deleted and merged records included."""
        return self._caller.read(
            lambda: self._guarded(
                lambda: self._sf().query(
                    soql, include_deleted=True, timeout=self._timeout, headers=self._paging
                )
            )
        )

    def more(self, url: str) -> Answer:
        """The next page, by the `nextRecordsUrl` of the one before."""
        return self._caller.read(
            lambda: self._guarded(
                lambda: self._sf().query_more(
                    url, identifier_is_url=True, timeout=self._timeout, headers=self._paging
                )
            )
        )

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call that changes something. Raises OutcomeUnknownError when its reply is lost."""
        return self._caller.write(lambda: self._restful(method, path, query, body, headers or {}))

    def upload(self, path: str, content: bytes) -> Answer:
        """Send a CSV. Raises OutcomeUnknownError when its reply is lost."""
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        return self._caller.write(lambda: self._sent("PUT", path, data=content, headers=headers))

    def table(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """A CSV as it came, with its headers; the answer may be a 4xx."""
        how = {"headers": {"Accept": "text/csv"}, "params": dict(query or {})}
        return self._caller.read(lambda: self._sent("GET", path, raw=True, **how))

    def text(self, path: str) -> str:
        """A CSV's text. Raises InvariantError for a refusal: our request was wrong."""
        return str(expect(self.table(path)))

    def soap(self, operation: str) -> str:
        """The envelope that answers a SOAP operation, which may be sent twice without harm."""
        answer = self._caller.read(
            lambda: self._guarded(lambda: self._envelope(operation), raw=True)
        )
        return str(expect(answer))

    def _envelope(self, operation: str) -> None:
        """Send one. Raises the SDK's error for a fault, as its own calls do: of a session that is
        over, which SOAP answers with a 500, as a 401."""
        from simple_salesforce.exceptions import SalesforceGeneralError

        client = self._sf()
        head = f"<urn:sessionId>{escape(client.session_id)}</urn:sessionId>"
        envelope = (
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader>'
            f"{head}</urn:SessionHeader></soapenv:Header><soapenv:Body>{operation}</soapenv:Body>"
            "</soapenv:Envelope>"
        )
        url = f"https://{client.sf_instance}/services/Soap/u/{client.sf_version}"
        headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}
        reply = self._session.post(
            url, data=envelope.encode(), headers=headers, timeout=self._timeout
        )
        if reply.status_code != 200:
            fault = re.search(r"<faultcode>(?:\w+:)?([A-Z_]{1,60})</faultcode>", reply.text)
            code = fault[1] if fault else ""
            status = 401 if code == "INVALID_SESSION_ID" else reply.status_code
            raise SalesforceGeneralError(url, status, "soap", cast("Any", [{"errorCode": code}]))

    def login(self) -> None:
        """Get a session. Raises AuthenticationError when the org refuses."""
        self._caller.read(self._log_in)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _sf(self) -> Any:
        if self._client is None:
            self._log_in()
        return self._client

    def _restful(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str],
    ) -> Answer:
        options: dict[str, Any] = {"headers": dict(headers)}
        if body is not None:
            options["json"] = body
        return self._sent(method, path, params=dict(query) if query else None, **options)

    def _sent(self, method: str, path: str, *, raw: bool = False, **options: Any) -> Answer:
        return self._guarded(
            lambda: self._sf().restful(path, method=method, timeout=self._timeout, **options),
            raw=raw,
        )

    def _guarded(self, call: Any, *, raw: bool = False) -> Answer:
        """Run one call of the SDK; a 401 is answered by a new session, once."""
        answer = self._run(call, raw=raw)
        if answer.status == 401:
            self._log_in()
            answer = self._run(call, raw=raw)
        return answer

    def _run(self, call: Any, *, raw: bool) -> Answer:
        import requests
        from simple_salesforce.exceptions import SalesforceError

        self._headers, self._body = {}, b""
        try:
            call()
        except SalesforceError as error:
            return Answer(int(error.status), dict(self._headers), b"", _errors(error.content))
        except (requests.exceptions.JSONDecodeError, ValueError, RecursionError):
            pass  # the SDK could not read it: `_read` says what it was
        except requests.RequestException as error:
            raise _broken(error) from None
        return self._read(raw=raw)

    def _read(self, *, raw: bool) -> Answer:
        """The success just received, from its bytes: the SDK guesses at what is no UTF-8.

        Raises UnreadableReplyError for anything that is no JSON, or no UTF-8 where it is `raw`.
        """
        if raw:
            return Answer(200, dict(self._headers), b"", read_text(self._body))
        data = read_json(self._body)
        return Answer(200, dict(self._headers), b"", [] if data is None else data)

    def _keep_answer(self, response: Any, *_: Any, **__: Any) -> None:
        self._headers = {k.lower(): v for k, v in response.headers.items()}
        self._body = response.content

    def _watch(self, answer: Answer) -> None:
        if "date" in answer.headers:
            self.told_at = answer.date(utc_now)
        usage = re.search(r"api-usage=(\d+)/(\d+)", answer.headers.get("sforce-limit-info", ""))
        if usage:
            self._limiter.observe(daily_limit=int(usage[2]), daily_used=int(usage[1]))

    def _log_in(self) -> Answer:
        """The OAuth call. Whatever is lost here, nothing of ours was sent yet."""
        import requests
        from simple_salesforce.api import Salesforce

        url = f"{self._login_url}/services/oauth2/token"
        try:
            reply = self._session.post(url, data=self._grant(), timeout=self._timeout)
            body = reply.json() if reply.status_code < 500 else None
        except (requests.RequestException, ValueError) as error:
            if isinstance(error, requests.exceptions.SSLError):
                raise _untrusted() from None
            raise NotSentError from None
        if body is None:
            raise NotSentError
        if reply.status_code != 200:
            raise _refused_login(body)
        if not _is_login(body):
            raise NotSentError
        self._client = Salesforce(
            session_id=body["access_token"],
            instance_url=self._settings.get("instance_url") or body["instance_url"],
            session=self._session,
            version=self._settings.get("version") or DEFAULT_VERSION,
            object_pairs_hook=cast("Any", dict),
        )
        self.identity = str(body.get("id", ""))
        return Answer(200, {}, b"", body)

    def _grant(self) -> dict[str, str]:
        settings = self._settings
        if settings.get("private_key_file"):
            kind = "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return {"grant_type": kind, "assertion": self._assertion()}
        return {
            "grant_type": "client_credentials",
            "client_id": settings["client_id"],
            "client_secret": settings["client_secret"],
        }

    def _assertion(self) -> str:
        """A JWT signed with the app's key (RS256). `exp` is real time, which the org checks."""
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        settings = self._settings
        try:
            pem = Path(settings["private_key_file"]).read_bytes()
            key = serialization.load_pem_private_key(pem, password=None)
        except (OSError, ValueError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigurationError("The salesforce `private_key_file` holds no readable RSA key.")
        claims = {
            "iss": settings["client_id"],
            "sub": setting(settings, SYSTEM, "username"),
            "aud": settings.get("audience") or self._login_url,
            "exp": int(time.time()) + _JWT_SECONDS,
        }
        parts = [_b64(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims)]
        signed = key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join((*parts, _b64(signed)))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _errors(content: Any) -> Any:
    """The parsed error body; what is no JSON is dropped, for it may hold anything."""
    return content if isinstance(content, list | dict) else []


def _broken(error: Exception) -> Exception:
    """Was anything sent? Only a connection that never stood says no."""
    import requests
    from urllib3 import exceptions as broken

    if isinstance(error, requests.exceptions.SSLError):
        return _untrusted()
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return NotSentError()
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    refused = (broken.NewConnectionError, broken.ConnectTimeoutError)
    return NotSentError() if isinstance(reason, refused) else ReplyLostError()


def _untrusted() -> UnavailableError:
    return UnavailableError(
        "The certificate of salesforce is not trusted",
        code="remote.untrusted_certificate",
        system=SYSTEM,
        remedy="Set `ca_file` to the certificate authority of the address in `login_url`.",
    )


def _is_login(body: Any) -> bool:
    """Whether the answer to a login holds what is needed to go on."""
    names = ("access_token", "instance_url")
    return isinstance(body, dict) and all(isinstance(body.get(name), str) for name in names)


def _refused_login(body: Any) -> AuthenticationError:
    word = str(body.get("error", "")) if isinstance(body, dict) else ""
    shown = word if re.fullmatch(r"[a-z_]{1,40}", word) else "no reason"
    return AuthenticationError(f"salesforce refused the login ({shown})", system=SYSTEM)


def code_of(answer: Answer) -> str:
    """The first `errorCode` of an error answer, "" where there is none."""
    errors = answer.parsed
    first = errors[0] if isinstance(errors, list) and errors else errors
    return str(first.get("errorCode", "")) if isinstance(first, dict) else ""


def judge(answer: Answer) -> Verdict | None:
    """What an answer means; None for successes and for refusals of the request itself (4xx)."""
    status, code = answer.status, code_of(answer)
    if status == 401:
        return Verdict(AuthenticationError("salesforce refused the session", system=SYSTEM))
    if code == "REQUEST_LIMIT_EXCEEDED":
        # Two limits share the code: long calls at once (passes), and the day's (does not).
        text = str(answer.parsed).lower()
        if "concurrent" in text:
            return rate_limited(SYSTEM, 1.0)
        return Verdict(
            QuotaExhaustedError("salesforce's daily allowance is used up", system=SYSTEM)
        )
    if code == "UNABLE_TO_LOCK_ROW":
        return rate_limited(SYSTEM, 1.0)
    if status == 403:
        error = AuthenticationError(
            "salesforce refused a call for lack of a permission",
            code="auth.forbidden",
            system=SYSTEM,
            remedy="Give the API user the permission set Leadloop: `leadloop doctor --fix`.",
        )
        return Verdict(error)
    if status >= 500 or code in ("QUERY_TIMEOUT", "SERVER_UNAVAILABLE"):
        unavailable = UnavailableError(f"salesforce answered {status}", system=SYSTEM)
        return Verdict(unavailable, wait=0.0, maybe_applied=status >= 500)
    return None


def expect(answer: Answer) -> Any:
    """The JSON of a read that succeeded. Raises InvariantError for a refusal: our request was
    wrong."""
    if answer.status >= 300:
        code = code_of(answer)
        word = code if re.fullmatch(r"[A-Z_]{1,60}", code) else "no code"
        raise InvariantError(
            f"salesforce refused a request of ours ({answer.status} {word})",
            code="remote.refused",
            system=SYSTEM,
            remedy="Run `leadloop validate --live`: a field or an object may have been removed.",
        )
    return answer.json()

"""HubSpot's wire: which path serves what, how a call is sent, what an answer means.

Everything that knows HTTP, the SDK or an error body of HubSpot's is here, so that the connector
itself speaks of records only. Calls go through hubspot-api-client's own client in raw form
(`_preload_content=False`: a tenth of the CPU of its models, FACTS section 1) with time-outs, and
the SDK's retries are off: `connectors.base` owns them. No exception of the SDK leaves this file.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.base import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Answer,
    Caller,
    DuplicateFoundError,
    Sleep,
)
from connectors.hubspot_auth import Credentials
from connectors.retrying import NotSentError, ReplyLostError, Verdict, rate_limited
from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    InvariantError,
    LeadloopError,
    QuotaExhaustedError,
    RecordRejectedError,
    UnavailableError,
)
from mappings.ports import Limiter
from mappings.records import RecordRef

SYSTEM = "hubspot"
SEARCH_BUCKET = "search"
"""Search has an allowance of its own: 5 calls a second (FACTS section 2)."""
_MIGRATING = 477
_DATED = "2026-03"


@dataclass(frozen=True, slots=True)
class Paths:
    """The one seam where paths are chosen: `api` is "v3" (with v1, v4) or "2026-03".

    Dated paths are those of FACTS section 0; where it names none, the undated path stays.
    """

    api: str = "v3"

    def __post_init__(self) -> None:
        if self.api not in ("v3", _DATED):
            raise ConfigurationError(f"The hubspot connector speaks v3 or {_DATED}, not this api.")

    def objects(self, object_name: str, tail: str = "") -> str:
        """Records of an object: list, search, batches, single."""
        base = "/crm/v3/objects" if self.api == "v3" else f"/crm/objects/{_DATED}"
        return f"{base}/{object_name}{tail}"

    def properties(self, object_name: str, tail: str = "") -> str:
        """Property definitions and their groups."""
        base = "/crm/v3/properties" if self.api == "v3" else f"/crm/properties/{_DATED}"
        return f"{base}/{object_name}{tail}"

    def associations(self, from_object: str, to_object: str, tail: str) -> str:
        """Batch calls on associations."""
        base = "/crm/v4/associations" if self.api == "v3" else f"/crm/associations/{_DATED}"
        return f"{base}/{from_object}/{to_object}{tail}"

    def consent(self, tail: str) -> str:
        """Batch calls on subscription states."""
        version = "v4" if self.api == "v3" else _DATED
        return f"/communication-preferences/{version}/statuses/batch{tail}"

    def lists(self, tail: str = "") -> str:
        """Lists and who is in them."""
        base = "/crm/v3/lists" if self.api == "v3" else f"/crm/lists/{_DATED}"
        return f"{base}{tail}"

    @property
    def occurrences(self) -> str:
        """Occurrences of custom events."""
        return "/events/v3/events/" if self.api == "v3" else f"/events/event-occurrences/{_DATED}"

    owners = "/crm/v3/owners/"
    forms = "/marketing/v3/forms/"
    email_events = "/email/public/v1/events"
    email_campaigns = "/email/public/v1/campaigns"
    account = "/account-info/v3/details"

    @property
    def token(self) -> str:
        """Where an OAuth app trades its refresh token (FACTS section 2, Auth: v3 is the newer)."""
        return "/oauth/v1/token" if self.api == "v3" else "/oauth/v3/token"

    def submissions(self, guid: str) -> str:
        """Submissions of one form: the legacy endpoint is the only one there is."""
        return f"/form-integrations/v1/submissions/forms/{quote(guid, safe='')}"


class Wire:
    """Sends calls to one HubSpot account."""

    def __init__(
        self,
        credentials: Credentials,
        base_url: str,
        *,
        paths: Paths,
        limiter: Limiter,
        sleep: Sleep = time.sleep,
        timeout: float = READ_SECONDS,
    ) -> None:
        from hubspot import HubSpot

        client = HubSpot(
            access_token=credentials.token,
            host=base_url.rstrip("/"),
            base_url=base_url,
            retry=False,
        )
        # Every access to `basic_api` makes a new client and pool (FACTS section 1): keep this one.
        self._client = client.crm.objects.basic_api.api_client
        self._credentials = credentials
        self._token_path = paths.token
        self._timeout = (CONNECT_SECONDS, timeout)
        self._limiter = limiter
        self._caller = Caller(SYSTEM, limiter, judge, sleep=sleep, watch=self._watch)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        """A GET; the answer may be a 4xx that says the request itself is wrong."""
        pairs = _pairs(query or {})
        return self._caller.read(lambda: self._send("GET", path, pairs, None))

    def ask(self, path: str, body: Any, *, bucket: str = "default", **query: str) -> Answer:
        """A POST that only reads (search, batch/read)."""
        pairs = _pairs(query)
        return self._caller.read(lambda: self._send("POST", path, pairs, body), bucket=bucket)

    def send(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """A call that changes something. Raises OutcomeUnknownError when its reply is lost."""
        pairs = _pairs(query)
        return self._caller.write(lambda: self._send(method, path, pairs, body))

    def close(self) -> None:
        """Close the connections."""
        self._client.rest_client.pool_manager.clear()
        self._client.close()

    def _watch(self, answer: Answer) -> None:
        limit = answer.headers.get("x-hubspot-ratelimit-daily")
        left = answer.headers.get("x-hubspot-ratelimit-daily-remaining")
        if limit and left and limit.isdigit() and left.isdigit():
            used = int(limit) - int(left)
            self._limiter.observe(daily_limit=int(limit), daily_used=used)
        rate = [
            answer.headers.get(f"x-hubspot-ratelimit-{name}", "")
            for name in ("max", "remaining", "interval-milliseconds")
        ]
        if all(figure.isdigit() for figure in rate):
            most, remaining, interval = map(int, rate)
            self._limiter.observe_rate(limit=most, left=remaining, seconds=interval / 1000)

    def _send(self, method: str, path: str, query: Sequence[tuple[str, str]], body: Any) -> Answer:
        """One call; a token that is refused is renewed where it can be, once."""
        if not self._credentials.token:
            self._renew()
        answer = self._call(path, method, query_params=list(query), body=body)
        if answer.status == 401 and self._credentials.renewable:
            self._renew()
            answer = self._call(path, method, query_params=list(query), body=body)
        return answer

    def _renew(self) -> None:
        """Get a new access token (`Credentials.renew`)."""

        def post(form: dict[str, str]) -> Answer:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            return self._call(
                self._token_path, "POST", header_params=kind, post_params=[*form.items()]
            )

        self._credentials.renew(post)
        self._client.configuration.access_token = self._credentials.token

    def _call(self, path: str, method: str, **how: Any) -> Answer:
        from hubspot.crm.objects.exceptions import ApiException
        from urllib3 import exceptions as broken

        headers = {"Accept": "application/json", **how.pop("header_params", {})}
        try:
            reply = self._client.call_api(
                path,
                method,
                header_params=headers,
                auth_settings=[] if "post_params" in how else ["oauth2"],
                _preload_content=False,
                _request_timeout=self._timeout,
                **how,
            )
            return _answer(reply.status, reply.headers, reply.data)
        except ApiException as error:
            if not error.status:  # a TLS handshake that failed: the SDK words it so
                raise NotSentError from None
            return _answer(error.status, error.headers, error.body)
        except (broken.NewConnectionError, broken.ConnectTimeoutError, broken.LocationParseError):
            raise NotSentError from None
        except broken.HTTPError:
            raise ReplyLostError from None


def _answer(status: int, headers: Any, body: Any) -> Answer:
    data = body.encode() if isinstance(body, str) else bytes(body or b"")
    return Answer(status, {str(k).lower(): str(v) for k, v in headers.items()}, data)


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in query.items() if value is not None]


def judge(answer: Answer) -> Verdict | None:
    """What an answer means; None for successes and for refusals of the request itself (4xx)."""
    status = answer.status
    if status == 429:
        return _too_many(answer)
    if status == 423:  # FACTS section 2: wait at least 2 s
        return rate_limited(SYSTEM, 2.0)
    if status == _MIGRATING:
        return rate_limited(SYSTEM, float(answer.headers.get("retry-after", "60")))
    if status in (401, 403):
        return Verdict(_denied(answer))
    if status >= 500:
        error = UnavailableError(f"hubspot answered {status}", system=SYSTEM)
        return Verdict(error, wait=0.0, maybe_applied=True)
    return None


def _too_many(answer: Answer) -> Verdict:
    """Both shapes of a 429: by policy name, or by message (search has no policy name)."""
    body = problem(answer)
    policy, message = str(body.get("policyName", "")), str(body.get("message", "")).lower()
    if policy == "DAILY" or "daily" in message:
        error = QuotaExhaustedError("hubspot's daily allowance is used up", system=SYSTEM)
        return Verdict(error)
    # "You have reached your secondly limit": at least one second, and no Retry-After to go by.
    return rate_limited(SYSTEM, 1.0)


def _denied(answer: Answer) -> LeadloopError:
    body = problem(answer)
    if body.get("category") == "MISSING_SCOPES":
        context = body.get("context")
        scopes = context.get("requiredGranularScopes", []) if isinstance(context, dict) else []
        named = ", ".join(sorted(s for s in map(str, scopes) if re.fullmatch(r"[\w.\-]+", s)))
        return AuthenticationError(
            "hubspot says the private app lacks a scope",
            code="auth.missing_scopes",
            system=SYSTEM,
            remedy=f"Add to the private app's scopes: {named or 'those of the refused call'}.",
        )
    return AuthenticationError(f"hubspot refused the access token ({answer.status})", system=SYSTEM)


def problem(answer: Answer) -> dict[str, Any]:
    """The error body, all of whose keys are optional; {} when it is something else."""
    try:
        body = answer.json()
    except ReplyLostError:
        return {}
    return body if isinstance(body, dict) else {}


def expect(answer: Answer) -> Any:
    """The JSON of a read that succeeded (`Caller.read` has seen that it is JSON).

    Raises InvariantError for a refusal: our request was wrong.
    """
    if answer.status >= 300:
        category = _word(problem(answer).get("category"))
        raise InvariantError(
            f"hubspot refused a request of ours ({answer.status} {category})",
            code="remote.refused",
            system=SYSTEM,
            remedy="Run `leadloop validate --live`: a field or a form may have been removed.",
        )
    return answer.json()


_ROW_CODES = {
    "PROPERTY_DOESNT_EXIST": "field.unknown",
    "READ_ONLY_VALUE": "field.read_only",
    "INVALID_OPTION": "value.invalid_option",
    "INVALID_EMAIL": "value.invalid_email",
    "INVALID_DATE": "value.invalid_date",
    "INVALID_INTEGER": "value.invalid_number",
    "INVALID_NUMBER": "value.invalid_number",
    "INVALID_LONG": "value.invalid_number",
    "OBJECT_NOT_FOUND": "record.not_found",
    "VALIDATION_ERROR": "record.invalid",
}
_FIELD_WIDE = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal of HubSpot's in neutral words: the error, and the properties it names."""

    error: RecordRejectedError
    fields: frozenset[str]
    field_wide: bool
    """True when any row with one of `fields` is refused, whatever its value."""


def refusal(body: Mapping[str, Any], *, object_name: str) -> Refusal:
    """Read an error object (of a whole answer, or of one row of a 207)."""
    text = str(body.get("message", ""))
    existing = re.search(r"Existing ID: (\d+)", text)
    if existing or body.get("category") == "CONFLICT":
        found = (RecordRef(SYSTEM, object_name, existing[1]),) if existing else ()
        message = "hubspot has such a record already"
        error: RecordRejectedError = DuplicateFoundError(
            message, found=found, system=SYSTEM, object=object_name
        )
        return Refusal(error, frozenset(), field_wide=False)
    words = set(re.findall(r'"(?:error|code)"\s*:\s*"([A-Z_]+)"', text))
    words |= {str(e.get("code", "")) for e in body.get("errors") or () if isinstance(e, dict)}
    words |= {str(body.get("category", "")), str(body.get("subCategory", ""))}
    names = frozenset(re.findall(r'"name"\s*:\s*"([\w]+)"', text))
    word = next((known for known in _ROW_CODES if known in words), "")
    error = RecordRejectedError(
        f"hubspot refused the row ({word or _word(body.get('category'))})",
        code=_ROW_CODES.get(word),
        system=SYSTEM,
        object=object_name,
        field=min(names, default=None),
    )
    return Refusal(error, names, field_wide=bool(words & _FIELD_WIDE) and bool(names))


def _word(value: object) -> str:
    """A category as it may be shown: the vendor's constant, never free text."""
    text = str(value or "")
    return text if re.fullmatch(r"[A-Z_]{1,60}", text) else "no category"

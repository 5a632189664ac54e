"""What every handler needs: the org, who calls, at which version, and how answers are written."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.org import API_VERSIONS, RETIRED_VERSIONS, SalesforceOrg
from sandbox.salesforce.records import Caller

ORG: web.AppKey[SalesforceOrg] = web.AppKey("org", SalesforceOrg)
USER: web.RequestKey[str] = web.RequestKey("user", str)
TOKEN: web.RequestKey[str] = web.RequestKey("token", str)
JSON_TYPE = "application/json;charset=UTF-8"
DATA = "/services/data/{version}"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Call:
    """One authenticated call."""

    org: SalesforceOrg
    user_id: str
    version: str
    path: str
    headers: Mapping[str, str]

    @property
    def base(self) -> str:
        """`/services/data/vNN.0`."""
        return f"/services/data/v{self.version}"

    def caller(self) -> Caller:
        """The writer this call acts as, with the headers that change a save."""
        rule = _header_options(self.headers.get("Sforce-Duplicate-Rule-Header", ""))
        return Caller(
            self.user_id,
            guard=True,
            allow_duplicates=rule.get("allowsave") == "true",
            record_details=rule.get("includerecorddetails") == "true",
            auto_assign=self.headers.get("Sforce-Auto-Assign", "TRUE").upper() != "FALSE",
            path=self.path,
        )


def _header_options(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.replace(",", ";").split(";"))
    return {key.strip().lower(): value.strip().lower() for key, _, value in pairs}


def call_of(request: web.Request) -> Call:
    """The call a request makes; an unknown version is a 404, a retired one a 410 [D]. Assumed: its
    code is the one that SOAP answers with."""
    version = request.match_info.get("version", "v68.0").removeprefix("v")
    number, _, minor = version.partition(".")
    if minor != "0" or not number.isdigit() or int(number) not in API_VERSIONS:
        if number.isdigit() and int(number) in RETIRED_VERSIONS:
            message = "The requested resource has been retired or removed"
            raise SalesforceError("UNSUPPORTED_API_VERSION", message)
        raise not_found()
    return Call(
        request.app[ORG], str(request[USER]), version, request.rel_url.raw_path, request.headers
    )


def answer(
    body: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """A JSON answer in the vendor's content type."""
    return web.Response(
        text=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status=status,
        headers={**(headers or {}), "Content-Type": JSON_TYPE},
    )


def refusal(error: SalesforceError) -> web.Response:
    """An error answer: an array of one (FACTS section 4)."""
    return answer([error.body()], status=error.status)


async def json_body(request: web.Request) -> dict[str, object]:
    """The JSON object a request carries; JSON_PARSER_ERROR where it carries none."""
    content_type = request.headers.get("Content-Type", "application/json").lower()
    if "json" not in content_type:
        message = "Content-Type header specified in HTTP request is not supported"
        raise SalesforceError("UNSUPPORTED_MEDIA_TYPE", message)
    try:
        body = json.loads(await request.read())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SalesforceError(
            "JSON_PARSER_ERROR", "Unexpected character in the request body"
        ) from error
    if not isinstance(body, dict):
        message = "The HTTP entity body must be a JSON object"
        raise SalesforceError("JSON_PARSER_ERROR", message)
    return body

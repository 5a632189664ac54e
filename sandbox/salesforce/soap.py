"""The partner SOAP API as far as REST has no equal: convertLead, merge, undelete and the
recycle bin.

login() is refused, as in every new org (FACTS section 0). Envelopes are as recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import web

from sandbox.salesforce.convert import Conversion, convert
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.merge import merge
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.records import Caller
from sandbox.salesforce.rest.context import ORG

_XML = "text/xml"
_NAMESPACES = (
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"'
    ' xmlns:sf="urn:fault.partner.soap.sforce.com"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
_MAX_CONVERSIONS = 100
_MAX_IDS = 200
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def routes() -> list[web.RouteDef]:
    """The endpoints of this module: partner and enterprise paths."""
    return [
        web.post("/services/Soap/{kind:[uc]}/{version}", serve),
        web.post("/services/Soap/{kind:[uc]}/{version}/{organization}", serve),
    ]


@dataclass(frozen=True)
class _Session:
    org: SalesforceOrg
    user_id: str


async def serve(request: web.Request) -> web.Response:
    """One envelope in, one out; faults answer 500, as SOAP does."""
    org = request.app[ORG]
    try:
        envelope = _parsed(await request.read())
        operation = _operation(envelope)
        name = _local(operation)
        if name == "login":
            _refuse_login()
        session = _Session(org, _user(org, request, envelope))
        org.usage.count()
        content = _operate(session, name, operation)
    except SalesforceError as error:
        return _answer(_fault(error), status=500)
    head = (
        "<soapenv:Header><LimitInfoHeader><limitInfo>"
        f"<current>{org.usage.used}</current><limit>{org.usage.limit}</limit>"
        "<type>API REQUESTS</type></limitInfo></LimitInfoHeader></soapenv:Header>"
    )
    body = f"<soapenv:Body><{name}Response>{content}</{name}Response></soapenv:Body>"
    return _answer(head + body)


def _operate(session: _Session, name: str, operation: ET.Element) -> str:
    if name == "convertLead":
        wishes = [one for one in operation if _local(one) == "leadConverts"]
        if len(wishes) > _MAX_CONVERSIONS:
            message = f"convertLead takes at most {_MAX_CONVERSIONS} leads"
            raise SalesforceError("EXCEEDED_ID_LIMIT", message)
        return "".join(_result(lambda wish=wish: _convert(session, wish)) for wish in wishes)
    if name == "merge":
        # The WSDL calls it `request`, jsforce `mergeRequests`; whether the cloud minds is unknown.
        asked = [one for one in operation if _local(one) in {"request", "mergeRequests"}]
        return "".join(_result(lambda wish=wish: _merge(session, wish)) for wish in asked)
    if name in {"undelete", "emptyRecycleBin"}:
        ids = [(one.text or "").strip() for one in operation if _local(one).lower() == "ids"]
        if len(ids) > _MAX_IDS:
            raise SalesforceError("EXCEEDED_ID_LIMIT", f"at most {_MAX_IDS} ids")
        return "".join(_result(lambda one=one: _from_bin(session, name, one)) for one in ids)
    if name == "getUserInfo":
        return _user_info(session)
    if name == "getServerTimestamp":
        now = session.org.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f"<result>{_element('timestamp', now)}</result>"
    message = f"No operation available for request {{urn:partner.soap.sforce.com}}{name}"
    raise SalesforceError("UNKNOWN_EXCEPTION", message)


def _result(work: object) -> str:
    assert callable(work)  # noqa: S101 - given by _operate alone
    try:
        inner = str(work())
    except SalesforceError as error:
        fields = "".join(f"<fields>{escape(name)}</fields>" for name in error.fields)
        inner = (
            f"<errors>{fields}<message>{escape(error.message)}</message>"
            f"<statusCode>{error.code}</statusCode></errors><success>false</success>"
        )
    return f"<result>{inner}</result>"


def _convert(session: _Session, wish: ET.Element) -> str:
    asked = {_local(one): (one.text or "").strip() for one in wish}
    without = asked.get("doNotCreateOpportunity", "false") == "true"
    made = convert(
        session.org.records,
        Conversion(
            lead_id=asked.get("leadId", ""),
            status=asked.get("convertedStatus", ""),
            account_id=asked.get("accountId") or None,
            contact_id=asked.get("contactId") or None,
            opportunity_name=asked.get("opportunityName") or None,
            with_opportunity=not without,
            owner_id=asked.get("ownerId") or None,
        ),
        Caller(session.user_id),
        session.org.lead_field_mapping,
    )
    names = ("accountId", "contactId", "leadId", "opportunityId")
    return "".join(_element(name, made[name]) for name in names) + "<success>true</success>"


def _merge(session: _Session, wish: ET.Element) -> str:
    master = next((one for one in wish if _local(one) == "masterRecord"), None)
    losers = [(one.text or "").strip() for one in wish if _local(one) == "recordToMergeIds"]
    if master is None:
        raise SalesforceError("MISSING_ARGUMENT", "masterRecord")
    fields = {_local(one): one.text or None for one in master}
    kind, master_id = str(fields.pop("type", "")), str(fields.pop("Id", ""))
    emptied = {(one.text or ""): None for one in master if _local(one) == "fieldsToNull"}
    fields.pop("fieldsToNull", None)
    done = merge(
        session.org.records,
        kind,
        master_id,
        losers,
        fields={**fields, **emptied},
        caller=Caller(session.user_id),
    )
    ids = _all("mergedRecordIds", done["mergedRecordIds"])
    related = _all("updatedRelatedIds", done["updatedRelatedIds"])
    return f"<id>{master_id}</id>{ids}<success>true</success>{related}"


def _from_bin(session: _Session, operation: str, record_id: str) -> str:
    records = session.org.records
    if operation == "undelete":
        done = records.undelete(record_id, Caller(session.user_id))
    else:
        done = records.purge(record_id)
    return f"{_element('id', done)}<success>true</success>"


def _user_info(session: _Session) -> str:
    name, email, username = session.org.values("User", session.user_id, "Name", "Email", "Username")
    pairs = {
        "organizationId": session.org.organization_id,
        "userId": session.user_id,
        "userFullName": str(name),
        "userEmail": str(email),
        "userName": str(username),
    }
    return "<result>" + "".join(_element(key, value) for key, value in pairs.items()) + "</result>"


def _user(org: SalesforceOrg, request: web.Request, envelope: ET.Element) -> str:
    session_id = next(
        ((one.text or "").strip() for one in envelope.iter() if _local(one) == "sessionId"), None
    )
    if org.faults.draw("salesforce", "expire_session", request.path) is not None:
        org.sessions.expire(session_id)
    user_id = org.sessions.user_of(session_id)
    if user_id is None:
        message = "Invalid Session ID found in SessionHeader: Illegal Session"
        raise SalesforceError("INVALID_SESSION_ID", message)
    return user_id


def _refuse_login() -> None:
    message = "SOAP API login() is disabled by default in this org."
    raise SalesforceError("INVALID_OPERATION", message)


def _parsed(raw: bytes) -> ET.Element:
    # Entities are refused, so that a hostile envelope cannot grow.
    if _DOCTYPE.search(raw):
        raise SalesforceError("UNKNOWN_EXCEPTION", "DOCTYPE is not allowed")
    try:
        return ET.fromstring(raw)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise SalesforceError("UNKNOWN_EXCEPTION", "Unable to parse the envelope") from error


def _operation(envelope: ET.Element) -> ET.Element:
    for part in envelope:
        if _local(part) == "Body" and len(part):
            return part[0]
    raise SalesforceError("UNKNOWN_EXCEPTION", "The envelope has no body")


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _element(name: str, value: str | None) -> str:
    return f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value)}</{name}>"


def _all(name: str, values: Iterable[str]) -> str:
    return "".join(_element(name, value) for value in values)


def _fault(error: SalesforceError) -> str:
    return (
        f"<soapenv:Body><soapenv:Fault><faultcode>sf:{error.code}</faultcode>"
        f"<faultstring>{error.code}: {escape(error.message)}</faultstring>"
        f"</soapenv:Fault></soapenv:Body>"
    )


def _answer(content: str, *, status: int = 200) -> web.Response:
    envelope = (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope {_NAMESPACES}>{content}'
        "</soapenv:Envelope>"
    )
    return web.Response(text=envelope, status=status, content_type=_XML, charset="utf-8")

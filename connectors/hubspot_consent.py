"""Taking back an opt-out from all mail that was an error (law 7), through the v4 preferences.

HubSpot lifts a refusal of all mail when the address is subscribed to a type again; v3 cannot, v4
can (FACTS section 2, Consent). Every type of the account is subscribed to again, except those the
contact refused one by one: `hs_email_optout_<id>` keeps saying so while all mail is refused.
Assumed: the answers from before a refusal of all mail are told nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.base import Answer
from connectors.hubspot_wire import Paths, Wire, expect
from mappings.records import Write

BASIS = "CONSENT_WITH_NOTICE"
"""Why somebody may be mailed, as v4 names it; the evidence goes along as its explanation."""
REFUSED = "hs_email_optout_"


def opt_in(wire: Wire, paths: Paths, rows: Sequence[Write]) -> Answer:
    """Subscribe the rows' addresses to every type they did not refuse by itself; one answer."""
    asked = {"inputs": [address_of(row) for row in rows]}
    listed = expect(wire.ask(paths.consent("/read"), asked, channel="EMAIL"))
    types = {
        str(one["subscriberIdString"]).lower(): [int(s["subscriptionId"]) for s in one["statuses"]]
        for one in listed.get("results", ())
    }
    refused = _refused(wire, paths, rows, {t for own in types.values() for t in own})
    inputs = [
        {
            "subscriberIdString": address_of(row),
            "subscriptionId": wanted,
            "statusState": "SUBSCRIBED",
            "channel": "EMAIL",
            "legalBasis": BASIS,
            "legalBasisExplanation": str(row.fields["explanation"]),
        }
        for row in rows
        for wanted in types.get(address_of(row), ())
        if wanted not in refused.get(str(row.id), ())
    ]
    return wire.send("POST", paths.consent("/write"), {"inputs": inputs})


def answers(rows: Sequence[Write], state: str) -> list[dict[str, Any]]:
    """The rows' addresses with their answer about the one type each row names, as v4 takes it."""
    why = {"legalBasis": BASIS} if state == "SUBSCRIBED" else {}
    return [
        {
            "subscriberIdString": address_of(row),
            "subscriptionId": int(str(row.fields["subscription"])),
            "statusState": state,
            "channel": "EMAIL",
            **why,
            **({"legalBasisExplanation": str(row.fields["explanation"])} if why else {}),
        }
        for row in rows
    ]


def address_of(row: Write) -> str:
    """The row's address as HubSpot keeps it."""
    return str(row.fields["email"]).strip().lower()


def _refused(
    wire: Wire, paths: Paths, rows: Sequence[Write], types: set[int]
) -> dict[str, set[int]]:
    """Which types each contact refused one by one."""
    names = [f"{REFUSED}{number}" for number in sorted(types)]
    body = {"inputs": [{"id": str(row.id)} for row in rows], "properties": names}
    found = expect(wire.ask(paths.objects(rows[0].object, "/batch/read"), body))
    return {str(raw["id"]): _types(raw.get("properties") or {}) for raw in found["results"]}


def _types(properties: dict[str, Any]) -> set[int]:
    return {
        int(name.removeprefix(REFUSED))
        for name, value in properties.items()
        if name.startswith(REFUSED) and value == "true"
    }

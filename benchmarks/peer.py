"""The peer: the sync one writes in an afternoon from the vendors' examples.

One contact at a time: ask Salesforce for the e-mail address (Contact first, then an open Lead),
update the record found or create a Lead, and note its id on the contact. Same SDKs, same sandbox
build; no companies, deals, activities, consent, matching beyond the address, state or recovery,
so it does less for its calls than Leadloop does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from benchmarks.backfill import LOAD_SECONDS, SAY
from benchmarks.figures import speed_figures, total_calls
from benchmarks.watch import Admin, Stopwatch
from sandbox.process import start_process

SAMPLE = 500
"""Contacts the peer works on: it makes one call after the other, so its rate does not grow."""
NOTE = "crm_record_id"
_READ = ["email", "firstname", "lastname", "company", "phone", "mobilephone", "jobtitle"]
_FIELDS = {"FirstName": "firstname", "Phone": "phone", "MobilePhone": "mobilephone"}
_TIMEOUT = 60.0


def peer_sync(folder: Path, people: int, say: SAY) -> dict[str, Any]:
    """Figures of the peer over a fresh world of at most `SAMPLE` people on each side."""
    sample = min(people, SAMPLE)
    say(f"peer: {sample} people one by one")
    with start_process(folder, people=sample, crm_records=sample, timeout=LOAD_SECONDS) as sandbox:
        admin = Admin(sandbox.admin_url)
        admin.switch(rate_limits="off")
        with requests.Session() as session:
            peer = Peer(sandbox.info, session)
            peer.add_property()
            admin.reset()
            with Stopwatch() as watch:
                done = peer.run()
        calls = total_calls(admin.calls())
        admin.close()
    say(f"peer: {watch.seconds:.0f} s")
    figures = speed_figures(sample, watch.seconds, calls)
    return {**figures, "sampled": True, "outcomes": dict(sorted(done.items()))}


class Peer:
    """The one-by-one sync over both SDKs."""

    def __init__(self, info: Mapping[str, Any], session: requests.Session) -> None:
        from hubspot import HubSpot
        from simple_salesforce.api import Salesforce

        url, crm = info["hubspot"]["url"], info["salesforce"]
        self._hubspot = HubSpot(access_token=info["hubspot"]["token"], host=url, base_url=url)
        self._contacts = self._hubspot.crm.contacts.basic_api
        session.verify, session.trust_env = crm["ca_file"], False
        login = session.post(
            f"{crm['login_url']}/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": crm["client_id"],
                "client_secret": crm["client_secret"],
            },
            timeout=_TIMEOUT,
        )
        login.raise_for_status()
        self._salesforce: Any = Salesforce(
            session_id=login.json()["access_token"],
            instance_url=crm["login_url"],
            session=session,
            version="68.0",
        )

    def add_property(self) -> None:
        """The property that takes the CRM record's id; set-up, not measured."""
        self._hubspot.crm.properties.core_api.create(
            "contacts",
            {
                "name": NOTE,
                "label": "CRM record",
                "type": "string",
                "fieldType": "text",
                "groupName": "contactinformation",
            },
        )

    def run(self) -> Counter[str]:
        """Every contact once; what became of them: created, updated, refused, no_email."""
        done: Counter[str] = Counter()
        for contact in list(self._listed()):
            done[self._one(str(contact.id), contact.properties)] += 1
        return done

    def _listed(self) -> Iterator[Any]:
        after = None
        while True:
            page = self._contacts.get_page(limit=100, after=after, properties=_READ)
            yield from page.results
            if page.paging is None:
                return
            after = page.paging.next.after

    def _one(self, contact_id: str, properties: Mapping[str, str | None]) -> str:
        from simple_salesforce.exceptions import SalesforceError

        email = properties.get("email")
        if not email:
            return "no_email"
        found = self._find(email)
        values: dict[str, str] = {
            crm: value for crm, name in _FIELDS.items() if (value := properties.get(name))
        }
        try:
            if found is None:
                record_id = self._create(email, properties, values)
            else:
                record_id = found[1]
                getattr(self._salesforce, found[0]).update(record_id, values)
        except SalesforceError:
            return "refused"
        self._contacts.update(contact_id, {"properties": {NOTE: record_id}})
        return "created" if found is None else "updated"

    def _find(self, email: str) -> tuple[str, str] | None:
        from simple_salesforce.format import format_soql

        for kind, condition in (("Contact", ""), ("Lead", " AND IsConverted = false")):
            soql = format_soql(f"SELECT Id FROM {kind} WHERE Email = {{}}{condition}", email)  # noqa: S608
            records = self._salesforce.query(soql)["records"]
            if records:
                return kind, str(records[0]["Id"])
        return None

    def _create(
        self, email: str, properties: Mapping[str, str | None], values: Mapping[str, str]
    ) -> str:
        lead = {
            **values,
            "Email": email,
            "LastName": properties.get("lastname") or "[unknown]",
            "Company": properties.get("company") or "[unknown]",
        }
        return str(self._salesforce.Lead.create(lead)["id"])

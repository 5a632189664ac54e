"""Did every activity reach the CRM once? The truth's events against what Salesforce shows. Pure.

Form fills are Tasks that carry `Leadloop_Event_Id__c`; they are compared by form and day with what
people truly filled in, those of before the demo's `go_live` by their number. Tasks that handoffs
ask for log nothing. E-mail engagement is counted in roll-up fields; they are compared with the
number of the person's true events that HubSpot does not discount. Opt-outs that Leadloop itself
carried to HubSpot are events there, too, but nobody's doing, and are expected nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sync.demo_contract import HANDOFF_TASK
from sync.demo_ties import Row, Snapshot, Ties

ROLL_UPS: Mapping[str, str] = {
    "SENT": "Leadloop_Emails_Sent__c",
    "DELIVERED": "Leadloop_Emails_Delivered__c",
    "OPEN": "Leadloop_Emails_Opened__c",
    "CLICK": "Leadloop_Emails_Clicked__c",
    "BOUNCE": "Leadloop_Emails_Bounced__c",
    "SPAMREPORT": "Leadloop_Spam_Reports__c",
    "STATUSCHANGE": "Leadloop_Unsubscribes__c",
}
TASK_KEY = "Leadloop_Event_Id__c"
FORM_COUNTER = "Leadloop_Form_Fills__c"
"""Form fills of before `go_live` are counted here."""

Mark = tuple[str, str]
"""("form name", "YYYY-MM-DD") of a form fill, or ("", roll-up field) of an e-mail event."""


@dataclass
class Activities:
    """How many activities the CRM shows, lacks, shows too often, and rightly does not show yet.

    `evidence` names the CRM records and marks behind `missing` and `twice`.
    """

    logged: int = 0
    held: int = 0
    missing: int = 0
    twice: int = 0
    evidence: dict[str, list[str]] = field(default_factory=lambda: {"missing": [], "twice": []})


def judge_activities(snapshot: Snapshot, ties: Ties) -> Activities:
    """Compare what people did with what their tied CRM records show."""
    found = Activities()
    done = _done_by_contact(snapshot, ties)
    tasks = _tasks_by_record(snapshot, ties)
    seen: set[str] = set()
    for contacts, records in ties.clusters():
        expected: Counter[Mark] = sum((done.get(one, Counter()) for one in contacts), Counter())
        if not records:
            if contacts & snapshot.in_review:
                found.held += expected.total()
            continue
        seen |= records
        shown: Counter[Mark] = sum((tasks.get(one, Counter()) for one in records), Counter())
        shown += _rolled_up(ties.records[one] for one in records)
        found.logged += shown.total()
        _compare(found, sorted(records), expected, shown)
    for record_id in sorted({*tasks, *ties.records} - seen):
        # Activities on a record that nobody is tied to any more are beside the truth.
        stray = tasks.get(record_id, Counter()) + _rolled_up([ties.records.get(record_id, {})])
        found.logged += stray.total()
        _compare(found, [record_id], Counter(), stray)
    return found


def _compare(
    found: Activities, records: list[str], expected: Counter[Mark], shown: Counter[Mark]
) -> None:
    for word, surplus in (("missing", expected - shown), ("twice", shown - expected)):
        if surplus:
            setattr(found, word, getattr(found, word) + surplus.total())
            marks = ", ".join(f"{n}x {' '.join(mark).strip()}" for mark, n in surplus.items())
            found.evidence[word].append(f"{'/'.join(records)}: {marks}")


def _done_by_contact(snapshot: Snapshot, ties: Ties) -> dict[str, Counter[Mark]]:
    """What people truly did, by the HubSpot contact through whose address they did it."""
    addresses = dict(_addresses(ties.contacts))
    vendor = {(str(e["id"]), int(e["created"])): e for e in snapshot.email_events}
    forms = snapshot.truth.get("forms", {})
    done: dict[str, Counter[Mark]] = {}
    for person in snapshot.truth["people"]:
        own = [str(one) for one in person["hubspot_contact_ids"]]
        for fill in person["form_submissions"]:
            contact = _contact(addresses, fill.get("email"), own)
            at = datetime.fromtimestamp(fill["submitted_at"] / 1000, UTC)
            mark = (str(forms.get(fill["form"], fill["form"])), at.date().isoformat())
            if snapshot.go_live is not None and at < snapshot.go_live:
                mark = ("", FORM_COUNTER)
            done.setdefault(contact, Counter())[mark] += 1
        for event in person["email_events"]:
            row = vendor.get((str(event["id"]), int(event["created"])), event)
            name = ROLL_UPS.get(str(event["type"]))
            if name is not None and not event["filtered"] and _counts(row):
                contact = _contact(addresses, row.get("recipient"), own)
                done.setdefault(contact, Counter())[("", name)] += 1
    return done


def _counts(event: Row) -> bool:
    """A status change counts where it is somebody's leaving, of all mail or of one type."""
    if event["type"] != "STATUSCHANGE":
        return True
    left = [s for s in event.get("subscriptions") or () if s.get("status") == "UNSUBSCRIBED"]
    return bool(left) or event.get("portalSubscriptionStatus") == "UNSUBSCRIBED"


def _addresses(contacts: Mapping[str, Row]) -> Iterator[tuple[str, str]]:
    """Every address and the contact it belongs to; a main address goes before a second one."""
    for name in ("hs_additional_emails", "email"):
        for contact_id, properties in contacts.items():
            for part in str(properties.get(name) or "").split(";"):
                if part.strip():
                    yield part.strip().lower(), contact_id


def _contact(addresses: Mapping[str, str], email: Any, own: list[str]) -> str:
    return addresses.get(str(email or "").strip().lower()) or (own[0] if own else "")


def _tasks_by_record(snapshot: Snapshot, ties: Ties) -> dict[str, Counter[Mark]]:
    """Leadloop's Tasks by the live record they are on: (what the subject names, day)."""
    forms = sorted(map(str, snapshot.truth.get("forms", {}).values()), key=len, reverse=True)
    tasks: dict[str, Counter[Mark]] = {}
    for row in snapshot.tasks:
        subject = str(row.get("Subject") or "")
        if row.get(TASK_KEY) and not row.get("IsDeleted") and subject != HANDOFF_TASK:
            name = next((form for form in forms if subject.endswith(form)), subject)
            record_id = ties.followed(str(row.get("WhoId") or ""))
            mark = (name, str(row.get("ActivityDate") or ""))
            tasks.setdefault(record_id, Counter())[mark] += 1
    return tasks


def _rolled_up(records: Iterable[Row]) -> Counter[Mark]:
    shown: Counter[Mark] = Counter()
    for row in records:
        for name in (*ROLL_UPS.values(), FORM_COUNTER):
            if row.get(name):
                shown[("", name)] += int(float(row[name]))
    return shown

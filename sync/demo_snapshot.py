"""What the demo's judge is given: both vendors as they stand, the truth, and Leadloop's own word.

Only two things come from Leadloop: who waits for a person's decision, which no vendor shows, and
what became of everything it pulled, which the judge checks against the vendors' own counts.
"""

from __future__ import annotations

from datetime import datetime

from state import events, mirror, outbox, reviews
from state.store import Store
from sync.demo_stage import Backstage
from sync.demo_ties import Snapshot


def crm_people(backstage: Backstage) -> int:
    """Live people in the CRM: Contacts and unconverted Leads."""
    return sum(
        not row.get("IsDeleted") and not row.get("IsConverted")
        for name in ("Lead", "Contact")
        for row in backstage.rows("salesforce", name)
    )


def people_in_review(store: Store) -> list[str]:
    """HubSpot contacts that wait for a decision (Leadloop alone knows), as record keys."""
    with store.read() as tx:
        found = [one.subject for one in reviews.items(tx, limit=1_000_000)]
    return [key for key in found if key.startswith("hubspot:contacts:")]


def take_snapshot(
    backstage: Backstage, store: Store, *, go_live: datetime | None = None
) -> Snapshot:
    """Both vendors as they stand, the truth, and the two things only Leadloop can say."""
    users = backstage.rows("salesforce", "User")
    deals = backstage.rows("hubspot", "deals")
    live_deals = [str(row["id"]) for row in deals if not row["archived"]]
    return Snapshot(
        truth=backstage.truth(),
        contacts=backstage.rows("hubspot", "contacts"),
        leads=backstage.rows("salesforce", "Lead"),
        crm_contacts=backstage.rows("salesforce", "Contact"),
        opportunities=backstage.rows("salesforce", "Opportunity"),
        roles=backstage.rows("salesforce", "OpportunityContactRole"),
        tasks=backstage.rows("salesforce", "Task"),
        users=users,
        deals=deals,
        deal_contacts=backstage.deal_contacts(live_deals),
        submissions=backstage.rows("hubspot", "form_submissions"),
        email_events=backstage.rows("hubspot", "email_events"),
        subscriptions=backstage.rows("hubspot", "subscriptions"),
        integration_user=next(
            str(row["Id"]) for row in users if str(row["Username"]).startswith("integration@")
        ),
        in_review=frozenset(key.rpartition(":")[2] for key in people_in_review(store)),
        endings=_endings(store),
        go_live=go_live,
    )


def _endings(store: Store) -> dict[str, int]:
    """What Leadloop says it pulled, and what of it is still on the road."""
    with store.read() as tx:
        held = mirror.counts(tx)
        ended = events.dispositions(tx)
        intents = outbox.count_by_status(tx)
        return {
            "map_people": held.get("hubspot:contacts", 0),
            "crm_people": held.get("salesforce:Lead", 0) + held.get("salesforce:Contact", 0),
            "events": sum(ended.values()),
            "open_rows": mirror.pending_count(tx),
            "open_events": ended.get("pending", 0) + ended.get("journaled", 0),
            "open_writes": sum(intents.get(status, 0) for status in outbox.UNSETTLED),
        }

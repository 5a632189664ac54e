"""Who has a role on an opportunity shares in it: outcomes and attribution come and go with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lifecycle.periods import Span
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, Kind
from tests.sync.office import Office
from tests.sync.world import START, World

EVER = Span(START - timedelta(days=400), START + timedelta(days=400), "all")
WON: dict[str, Any] = {
    "StageName": "Closed Won",
    "IsClosed": True,
    "IsWon": True,
    "CloseDate": "2026-03-20",
}
COUNT, REVENUE = "leadloop_won_count", "leadloop_total_revenue"


def attribution(office: Office) -> dict[str, Any]:
    """Whom revenue is credited to."""
    with office.world.store.read() as tx:
        wanted = Wanted(Kind.ATTRIBUTION, Audience.BOTH, EVER, None, records=True)
        return report(tx, office.world.pair.mapping, wanted, crm="salesforce")


def test_a_role_gives_its_contact_the_deals_outcome_and_its_touches_the_credit(
    world: World,
) -> None:
    """Of two people who filled in a form the one with a role on the won deal gets its revenue and
    her form the credit; the other, at the same company, nothing."""
    office = Office(world)
    ada, ben = world.contact("Ada", "Byron"), world.contact("Ben", "Cole")
    world.crm_contact("Ben", "Cole")
    world.fills("ada.byron@example-byron.com", "Price list")
    world.fills("ben.cole@example-cole.com", "Webinar")
    office.deal("Ada", "Byron", **WON)
    office.audited(40)
    assert world.map_record(ada).fields[COUNT] == "1"
    assert world.map_record(ben).fields.get(COUNT) in (None, "0")
    assert {line["source"] for line in attribution(office)["credits"]} == {"form_fill: Price list"}


def test_a_role_that_is_given_later_or_taken_away_counts_from_the_next_run(world: World) -> None:
    """A deal without a role is nobody's; the role alone, without any edit of the deal, brings
    revenue to its contact, and its removal takes it away again."""
    contact, person = world.contact("Ada", "Byron"), world.crm_contact("Ada", "Byron")
    world.first()
    deal = world.salesforce.put("Opportunity", {"Name": "Engine", "Amount": 5000, **WON})
    world.run()
    assert world.map_record(contact).fields.get(COUNT) in (None, "0")
    role = world.salesforce.put(
        "OpportunityContactRole", {"OpportunityId": deal, "ContactId": person}
    )
    world.run()
    fields = world.map_record(contact).fields
    assert (fields[COUNT], fields[REVENUE]) == ("1", "5000")
    world.salesforce.remove("OpportunityContactRole", role)
    world.run()
    assert world.map_record(contact).fields[COUNT] in ("", "0", None)
    assert world.settled()

"""Worlds inside the vendors: what is loaded, what a day brings, and whether the truth is true."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.clock import VirtualClock, to_ms
from sandbox.dumps import hubspot_rows, salesforce_rows
from sandbox.faults import Faults
from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world import START, World, build_world


class Stage:
    """Both vendors with a world in them, on a clock that moves only when told."""

    def __init__(self, kind: str, people: int, seed: int = 7) -> None:
        self.clock = VirtualClock(START, monotonic=lambda: 0.0)
        faults = Faults()
        self.hubspot = HubSpotAccount(self.clock, faults, token="t")
        self.salesforce = SalesforceOrg(self.clock, faults, client_id="c", client_secret="s")
        self.world: World = build_world(
            kind, self.hubspot, self.salesforce, self.clock, people=people, seed=seed
        )

    def truth(self) -> list[dict[str, Any]]:
        """The people of the truth."""
        people: list[dict[str, Any]] = self.world.truth()["people"]
        return people


@pytest.fixture(scope="module", params=["generated", "febrl4"])
def lived(request: pytest.FixtureRequest) -> Stage:
    """A world of each kind after five days."""
    stage = Stage(request.param, 400)
    stage.world.tick(5)
    return stage


def test_every_contact_and_record_belongs_to_one_person(lived: Stage) -> None:
    """The truth names every contact and every Lead and Contact once, and none that is not there."""
    people = lived.truth()
    contacts = Counter(one for person in people for one in person["hubspot_contact_ids"])
    records = Counter(one["id"] for person in people for one in person["salesforce_records"])
    aliases = {
        alias
        for person in people
        for one in person["salesforce_records"]
        for alias in one["converted_from"]
    }
    assert set(contacts) == set(lived.hubspot.ids("contacts"))
    rows = [*lived.salesforce.rows("Lead"), *lived.salesforce.rows("Contact")]
    assert set(records) == {row["Id"] for row in rows if not row.get("IsConverted")}
    assert aliases == {row["Id"] for row in rows if row.get("IsConverted")}
    assert max([*contacts.values(), *records.values()]) == 1


def test_every_event_has_its_doer(lived: Stage) -> None:
    """Form submissions and e-mail events in the truth are exactly those HubSpot holds."""
    people = lived.truth()
    told = Counter(
        (one["form"], one["conversion_id"], one["submitted_at"])
        for person in people
        for one in person["form_submissions"]
    )
    held = Counter(
        (row["form"], row["conversionId"], row["submittedAt"])
        for row in hubspot_rows(lived.hubspot, "form_submissions")
    )
    assert told == held
    assert held
    told_mail = Counter(
        (one["id"], one["created"]) for person in people for one in person["email_events"]
    )
    held_mail = Counter(
        (row["id"], row["created"]) for row in hubspot_rows(lived.hubspot, "email_events")
    )
    assert told_mail == held_mail
    assert max(held_mail.values()) == 1


def test_opt_outs_in_the_truth_are_those_of_the_vendors(lived: Stage) -> None:
    """Whoever the truth calls opted out is so on a side, and nobody else is."""
    wide = {
        row["email"] for row in hubspot_rows(lived.hubspot, "subscriptions") if row["opted_out_all"]
    }
    flagged = {
        row["Id"]
        for name in ("Lead", "Contact")
        for row in lived.salesforce.rows(name)
        if row["HasOptedOutOfEmail"]
    }
    refusing = 0
    for person in lived.truth():
        emails = {
            lived.hubspot.get("contacts", one).get("email") for one in person["hubspot_contact_ids"]
        }
        records = {one["id"] for one in person["salesforce_records"]}
        assert person["opt_out"]["all_mail"] == bool(wide & emails or flagged & records)
        refusing += person["opt_out"]["all_mail"]
    assert refusing > 0


def test_nobody_who_refused_is_mailed(lived: Stage) -> None:
    """No mail is sent to somebody after they turned all mail off."""
    refused = 0
    for person in lived.truth():
        since = [
            to_ms(datetime.fromisoformat(change["at"]))
            for change in person["opt_out"]["changes"]
            if change["scope"] == "all_mail"
        ]
        if since:
            refused += 1
            sent = [one["created"] for one in person["email_events"] if one["type"] == "SENT"]
            assert all(at <= min(since) for at in sent)
    assert refused > 5


def test_outcomes_are_what_the_crm_shows(lived: Stage) -> None:
    """Won revenue and stages in the truth add up to the CRM's Opportunities."""
    outcomes = [one for person in lived.truth() for one in person["outcomes"]]
    deals = {deal["id"]: deal for one in outcomes for deal in one["opportunities"]}
    rows = {row["Id"]: row for row in lived.salesforce.rows("Opportunity")}
    assert set(deals) == set(rows)
    assert sum(deal["amount"] for deal in deals.values() if deal["is_won"]) == sum(
        float(str(row["Amount"])) for row in rows.values() if row["IsWon"]
    )
    assert sum(one["won_revenue"] for one in outcomes) > 0
    assert {deal["is_closed"] for deal in deals.values()} == {True, False}
    assert all(one["owner_email"] for one in outcomes)


@pytest.mark.parametrize("kind", ["generated", "febrl4"])
def test_a_day_happens_within_itself(kind: str) -> None:
    """Everything a tick writes bears a time inside the day, and the clock stands at its end."""
    stage = Stage(kind, 300)
    before = {str(row["id"]) for row in hubspot_rows(stage.hubspot, "email_events")}
    start, end = stage.clock.now(), stage.clock.now() + timedelta(days=1)
    happened = stage.world.tick()["happened"]
    assert stage.clock.now() == end
    new = [
        row["created"]
        for row in hubspot_rows(stage.hubspot, "email_events")
        if str(row["id"]) not in before
    ]
    new += [
        row["submittedAt"]
        for row in hubspot_rows(stage.hubspot, "form_submissions")
        if row["submittedAt"] > to_ms(start)
    ]
    assert len(new) > happened["email_events"]
    assert all(to_ms(start) < at < to_ms(end) for at in new)
    for name in ("Lead", "Contact", "Task", "Opportunity"):
        for row in salesforce_rows(stage.salesforce, name):
            assert str(row["SystemModstamp"]) < end.strftime("%Y-%m-%dT%H:%M:%S")


def test_people_known_to_the_crm_alone_fill_forms() -> None:
    """A form of somebody only the CRM knew makes a MAP contact that the truth gives to them."""
    stage = Stage("generated", 400)
    before = {
        person["id"]
        for person in stage.truth()
        if person["salesforce_records"] and not person["hubspot_contact_ids"]
    }
    stage.world.tick(3)
    arrived = [
        person
        for person in stage.truth()
        if person["id"] in before and person["hubspot_contact_ids"]
    ]
    assert arrived
    assert all(person["form_submissions"] for person in arrived)


def test_sales_works() -> None:
    """In a few days leads are taken, given up with a reason, converted, and deals won and lost."""
    stage = Stage("generated", 600)
    happened: Counter[str] = Counter()
    for _ in range(6):
        happened.update(stage.world.tick()["happened"])
    for kind in ("lead_taken", "call", "lead_disqualified", "lead_converted", "deal_moved",
                 "crm_opt_out", "crm_edit", "map_edit", "unsubscribed", "form_by_new"):  # fmt: skip
        assert happened[kind] > 0, kind
    assert happened["refused"] == 0
    today = [
        row
        for row in stage.salesforce.rows("Opportunity")
        if str(row["LastModifiedDate"]) >= "2026-03-02T08"
    ]
    assert {True, False} <= {bool(row["IsWon"]) for row in today if row["IsClosed"]}
    lost = [
        row for row in stage.salesforce.rows("Opportunity") if row["StageName"] == "Closed Lost"
    ]
    assert all(row["Loss_Reason__c"] for row in lost)
    robot = stage.salesforce.integration_user_id
    assert all(row["CreatedById"] != robot for row in stage.salesforce.rows("Task"))


def test_a_day_survives_what_others_do() -> None:
    """Days go on when the records to be worked on were deleted or archived by somebody else."""
    stage = Stage("generated", 200)
    for name in ("Lead", "Opportunity"):
        for row in list(stage.salesforce.rows(name)):
            if not row.get("IsConverted"):
                stage.salesforce.delete(name, str(row["Id"]))
    for contact in list(stage.hubspot.ids("contacts")):
        stage.hubspot.archive("contacts", contact)
    happened = stage.world.tick(4)["happened"]
    assert happened["refused"] > 0
    assert stage.truth()


def test_merges_and_deletions_on_demand() -> None:
    """Rates given to a tick merge and delete records, and the truth keeps what became of them."""
    stage = Stage("generated", 400)
    rates = {"crm_merge": 0.02, "crm_delete": 0.01, "map_delete": 0.01, "map_merge": 0.02,
             "form_with_other_address": 0.05}  # fmt: skip
    happened = stage.world.tick(2, rates)["happened"]
    people = stage.truth()
    records = [one for person in people for one in person["salesforce_records"]]
    merged = [alias for one in records for alias in one["merged_from"]]
    deleted = [one for person in people for one in person["deleted"]]
    assert happened["crm_merge"] >= len(merged) > 0
    assert happened["map_merge"] > 0
    assert happened["crm_delete"] + happened["map_delete"] == len(deleted) > 0
    assert set(stage.hubspot.ids("contacts")) == {
        one for person in people for one in person["hubspot_contact_ids"]
    }
    rows = {row["Id"]: row for name in ("Lead", "Contact") for row in stage.salesforce.rows(name)}
    assert {one["id"] for one in records} <= set(rows)
    assert not set(rows) & {one["id"] for one in deleted}
    assert not set(rows) & set(merged)
    with pytest.raises(ValueError, match="rates"):
        stage.world.tick(1, {"earthquake": 0.1})


def test_one_seed_gives_one_history() -> None:
    """The same seed gives the same truth after the same days, ids and times included."""
    first, again = Stage("generated", 120, seed=3), Stage("generated", 120, seed=3)
    first.world.tick(2)
    again.world.tick(2)
    assert first.world.truth() == again.world.truth()
    assert Stage("generated", 120, seed=4).world.truth() != again.world.truth()


def test_febrl_leaves_linkage_to_do() -> None:
    """At most 40 % of FEBRL's people have an e-mail address or telephone number anywhere."""
    stage = Stage("febrl4", 1000)
    reachable: set[str] = set()
    everybody = stage.truth()
    for person in everybody:
        for contact in person["hubspot_contact_ids"]:
            values = stage.hubspot.get("contacts", contact)
            if values.get("email") or values.get("phone"):
                reachable.add(person["id"])
        for record in person["salesforce_records"]:
            if any(stage.salesforce.values("Contact", record["id"], "Email", "Phone")):
                reachable.add(person["id"])
    assert 0.3 * len(everybody) < len(reachable) <= 0.4 * len(everybody)
    both = [one for one in everybody if one["hubspot_contact_ids"] and one["salesforce_records"]]
    assert len(both) == 800


def test_febrl_is_the_shipped_data() -> None:
    """Names, addresses and valid birth dates come from the set; its defects stay as they are."""
    stage = Stage("febrl4", 300)
    rows = list(stage.salesforce.rows("Contact"))
    assert sum(row["Birthdate"] is not None for row in rows) > 0.9 * len(rows)
    assert sum(row["MailingStreet"] is not None for row in rows) > 0.9 * len(rows)
    streets = [str(row["MailingStreet"]) for row in rows if row["MailingStreet"]]
    assert any("\n" in street for street in streets)
    given = {str(row["FirstName"]) for row in rows}
    assert len(given) > 100


@pytest.mark.parametrize(
    ("kind", "people"), [("moon", 100), ("generated", 5), ("febrl4", 5001), ("generated", 10**6)]
)
def test_impossible_worlds_are_refused(kind: str, people: int) -> None:
    """An unknown kind or a size the world cannot have is a ValueError."""
    with pytest.raises(ValueError, match=r"kind|people"):
        Stage(kind, people)

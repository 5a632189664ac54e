"""Schema drift between two runs: noticed before writing, told, parked alone, healed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mappings.errors import UnavailableError
from mappings.ports import FieldSchema, ObjectSchema
from mappings.required_fields import EVENT_KEY
from state import outbox, schemas
from sync.crash import Crash, watched
from sync.drift import LOOK_AGAIN
from tests.sync.world import Vendor, World


class Changing(Vendor):
    """A vendor whose administrator is at work."""

    described = 0
    down = False

    def describe(self, object_name: str) -> ObjectSchema:
        """As it is now; how often it was asked is counted."""
        self.described += 1
        if self.down:
            raise UnavailableError("no answer", system=self.system)
        return super().describe(object_name)

    def lose(self, object_name: str, name: str) -> FieldSchema:
        """Remove a field, and what records hold in it, without moving any stamp."""
        gone = self._schema[object_name].pop(name)
        for ref, record in self._records[object_name].items():
            fields = {k: v for k, v in record.fields.items() if k != name}
            self._records[object_name][ref] = replace(record, fields=fields)
        return gone

    def regain(self, object_name: str, field: FieldSchema, value: str | None) -> None:
        """Put a field back with a value in every record, without moving any stamp."""
        self._schema[object_name][field.name] = field
        for ref, record in self._records[object_name].items():
            fields = {**record.fields, field.name: value}
            self._records[object_name][ref] = replace(record, fields=fields)

    def describe_as(self, object_name: str, field: FieldSchema) -> FieldSchema:
        """Change what a field is; what it was."""
        old = self._schema[object_name].get(field.name, field)
        self._schema[object_name][field.name] = field
        return old


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada and Alan on both sides, in step."""
    made = World.build(tmp_path, vendor=Changing)
    for first, last in (("Ada", "Byron"), ("Alan", "Turing")):
        made.contact(first, last, jobtitle="Engineer", phone="+442079460001")
        made.lead(first, last)
    made.first()
    yield made
    made.close()


def crm(world: World) -> Changing:
    """The CRM with its administrator."""
    assert isinstance(world.salesforce, Changing)
    return world.salesforce


def lead_of(world: World, last: str) -> dict[str, object]:
    """A Lead's fields."""
    (lead,) = world.salesforce.by("Lead", "LastName", last)
    return dict(lead.fields)


def edit(world: World, last: str, **fields: str) -> None:
    """Marketing edits a contact."""
    (contact,) = world.hubspot.by("contacts", "lastname", last)
    world.hubspot.edit("contacts", contact.ref.id, fields)


def told(world: World) -> list[tuple[str, str, list[str]]]:
    """What the state says of fields that are not as they should be."""
    with world.store.read() as tx:
        return [(f"{d.object}.{d.field}", d.kind, d.details["at"]) for d in schemas.drifts(tx)]


def letters(world: World) -> int:
    """Open dead letters."""
    with world.store.read() as tx:
        return outbox.dead_count(tx)


def test_a_removed_field_is_noticed_before_writing_and_heals(world: World) -> None:
    """The removed title alone is not written, nothing is refused; once it is back, what was edited
    meanwhile is written, and then there is silence."""
    title = crm(world).lose("Lead", "Title")
    edit(world, "Byron", jobtitle="Poet", phone="+442079460002")
    assert world.run().status == "ok"
    assert lead_of(world, "Byron")["Phone"] == "+442079460002"
    ((name, kind, at),) = told(world)
    assert (name, kind) == ("Lead.Title", "removed")
    assert at[0].rpartition("/")[2].startswith("hubspot-salesforce.yaml:")
    assert letters(world) == 0
    crm(world).regain("Lead", title, "Engineer")
    world.time.at += LOOK_AGAIN
    world.run()
    assert told(world) == []
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert lead_of(world, "Turing")["Title"] == "Engineer"
    assert world.settled()


def test_a_blank_where_a_field_was_lost_is_nobodys_edit(world: World) -> None:
    """A property that is gone from the MAP empties nothing in the CRM, whatever else is edited."""
    assert isinstance(world.hubspot, Changing)
    lost = world.hubspot.lose("contacts", "jobtitle")
    edit(world, "Byron", phone="+442079460003")
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Engineer"
    assert [name for name, _, _ in told(world)] == ["contacts.jobtitle"]
    world.hubspot.regain("contacts", lost, "Countess")
    world.time.at += LOOK_AGAIN
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Countess"
    assert world.settled()


def test_a_retyped_field_rests_until_it_has_its_type_back(world: World) -> None:
    """Titles are not written into a number; people created meanwhile lack the title alone."""
    old = crm(world).describe_as("Lead", FieldSchema("Title", "Title", "number"))
    world.contact("Grace", "Hopper", jobtitle="Admiral", phone="+442079460004")
    world.run()
    grace = lead_of(world, "Hopper")
    assert (grace.get("Title"), grace["Phone"]) == (None, "+442079460004")
    crm(world).describe_as("Lead", old)
    world.time.at += LOOK_AGAIN
    world.run()
    assert lead_of(world, "Hopper")["Title"] == "Admiral"


def test_a_demanded_field_keeps_new_records_waiting(world: World) -> None:
    """Nobody is created without what a Lead must have now, and nobody is forgotten: with the
    demand gone they are."""
    demanded = FieldSchema("Region__c", "Region", "text", required=True)
    crm(world).describe_as("Lead", demanded)
    world.contact("Grace", "Hopper")
    edit(world, "Byron", jobtitle="Poet")
    world.run()
    assert world.salesforce.by("Lead", "LastName", "Hopper") == []
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert letters(world) == 0
    crm(world).describe_as("Lead", replace(demanded, required=False))
    world.time.at += LOOK_AGAIN
    world.run()
    assert len(world.salesforce.by("Lead", "LastName", "Hopper")) == 1
    assert world.settled()


def test_an_option_that_is_gone_refuses_its_value_alone(world: World) -> None:
    """The person's other fields go on, a dead letter names the value's field; with the option back
    the letter closes by itself and the value arrives."""
    options = ("Engineer", "Poet", "Countess")
    picked = FieldSchema("Title", "Title", "picklist", options=options, restricted=True)
    crm(world).describe_as("Lead", picked)
    edit(world, "Byron", jobtitle="Poet")
    world.run()
    crm(world).describe_as("Lead", replace(picked, options=("Engineer", "Poet")))
    edit(world, "Byron", jobtitle="Countess", phone="+442079460005")
    world.run()
    ada = lead_of(world, "Byron")
    assert (ada["Title"], ada["Phone"]) == ("Poet", "+442079460005")
    assert [kind for _, kind, _ in told(world)] == ["options"]
    assert letters(world) == 1
    crm(world).describe_as("Lead", picked)
    world.time.at += LOOK_AGAIN
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Countess"
    assert letters(world) == 0


@pytest.mark.parametrize("text", ["x" * 70_000, "\U0001f642" * 129])
def test_a_text_longer_than_its_field_is_refused_alone(world: World, text: str) -> None:
    """The person's other fields go on, a dead letter names the field; a text that fits arrives
    unchanged, and shortening the long one closes the matter."""
    crm(world).describe_as("Lead", FieldSchema("City", "City", "text", length=40))
    edit(world, "Byron", city=text, phone="+442079460007")
    edit(world, "Turing", city="=1+1 \u202e';--")
    world.run()
    ada = lead_of(world, "Byron")
    assert (ada["City"], ada["Phone"]) == (None, "+442079460007")
    assert lead_of(world, "Turing")["City"] == "=1+1 \u202e';--"
    with world.store.read() as tx:
        (letter,) = outbox.dead_letters(tx)
    assert (letter.code, letter.field) == ("value.too_long", "City/MailingCity")
    edit(world, "Byron", city="Ulm")
    world.run()
    assert lead_of(world, "Byron")["City"] == "Ulm"


def test_a_field_of_leadloops_own_is_left_out(world: World) -> None:
    """An outcome's property that is gone does not take the contact's other fields with it."""
    assert isinstance(world.hubspot, Changing)
    world.hubspot.lose("contacts", "leadloop_lead_status")
    (lead,) = world.salesforce.by("Lead", "LastName", "Byron")
    world.salesforce.edit("Lead", lead.ref.id, {"Status": "Working", "OwnerId": None})
    edit(world, "Byron", jobtitle="Poet")
    assert world.run().status == "ok"
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert letters(world) == 0


def test_without_addresses_opt_outs_go_and_nothing_else(world: World) -> None:
    """Where nobody's address can be read, nobody is created or linked; the run says why."""
    crm(world).lose("Lead", "Email")
    world.contact("Grace", "Hopper")
    (contact,) = world.hubspot.by("contacts", "lastname", "Byron")
    world.hubspot.edit("contacts", contact.ref.id, {"hs_email_optout": "true"})
    report = world.run()
    assert report.error is not None
    assert report.error.code == "config.identity_field"
    assert "Lead.Email" in str(report.error)
    assert len(world.salesforce.all("Lead")) == 2
    assert lead_of(world, "Byron")["HasOptedOutOfEmail"] is True


def test_an_org_that_gets_person_accounts_is_refused(world: World) -> None:
    """From then on opt-outs go and nothing else, and the run names the reason."""
    crm(world).describe_as("Contact", FieldSchema("IsPersonAccount", "Person", "boolean"))
    edit(world, "Byron", jobtitle="Poet", hs_email_optout="true")
    report = world.run()
    assert report.error is not None
    assert report.error.code == "config.person_accounts"
    ada = lead_of(world, "Byron")
    assert (ada["Title"], ada["HasOptedOutOfEmail"]) == ("Engineer", True)


def test_a_quiet_run_asks_nobody(world: World) -> None:
    """With nothing to plan and nothing wrong, no object is described."""
    world.run()
    asked = crm(world).described
    world.run()
    assert crm(world).described == asked


def test_a_side_that_is_down_is_judged_by_what_was_known(world: World) -> None:
    """No description is no removed field: writes go on as before."""
    crm(world).down = True
    edit(world, "Byron", jobtitle="Poet")
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert told(world) == []


@pytest.mark.parametrize("place", ["after_drift", "after_catch_up"])
def test_a_kill_while_catching_up_loses_nobody(world: World, place: str) -> None:
    """Killed when the healed field is known, or when a page of records was read anew: the next run
    goes on from there, and everybody has their value."""
    title = crm(world).lose("Lead", "Title")
    edit(world, "Byron", jobtitle="Poet")
    world.run()
    crm(world).regain("Lead", title, "Engineer")
    world.time.at += LOOK_AGAIN

    def kill(passed: str) -> None:
        if passed == place:
            raise Crash

    with pytest.raises(Crash), watched(kill):
        world.run()
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert told(world) == []
    assert world.settled()


def test_a_dry_run_shows_what_the_run_will_do(world: World) -> None:
    """A plan leaves the removed field out as the run does, and the state as it was (law 10)."""
    crm(world).lose("Lead", "Title")
    edit(world, "Byron", jobtitle="Poet", phone="+442079460006")
    (intent,) = [i for i in world.planned().planned.intents() if i.object == "Lead"]
    assert sorted(intent.fields) == ["Phone"]
    assert told(world) == []


def fills_of(world: World) -> int:
    """How many Tasks Ada's form fills have become."""
    return sum(task.fields[EVENT_KEY] is not None for task in world.salesforce.all("Task"))


@pytest.mark.parametrize("name", ["WhoId", EVENT_KEY])
def test_activities_wait_for_what_they_hang_on(world: World, name: str) -> None:
    """A Task that would be nobody's, or could not be found again, is not written: the event waits,
    fields of the person travel, and the Task is there once when the field is."""
    gone = crm(world).lose("Task", name)
    world.fills("ada.byron@example-byron.com")
    edit(world, "Byron", jobtitle="Poet")
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert world.salesforce.all("Task") == []
    assert [(what, kind) for what, kind, _ in told(world)] == [(f"Task.{name}", "removed")]
    crm(world).regain("Task", gone, None)
    world.time.at += LOOK_AGAIN
    world.run()
    world.run()
    assert fills_of(world) == 1
    assert told(world) == []


def test_an_activity_goes_without_a_field_it_can_spare(world: World) -> None:
    """Without a description, a Task is still told: only the removed field rests."""
    crm(world).lose("Task", "Description")
    world.fills("ada.byron@example-byron.com")
    world.run()
    assert fills_of(world) == 1
    assert [what for what, _, _ in told(world)] == ["Task.Description"]


def test_a_field_that_tasks_begin_to_demand_holds_them_alone(world: World) -> None:
    """The org makes a field of Task required that Leadloop has nothing for: no Task is refused one
    by one, they wait, and are written once it is optional again."""
    demanded = FieldSchema("Team__c", "Team", "text", required=True)
    crm(world).describe_as("Task", demanded)
    world.fills("ada.byron@example-byron.com")
    edit(world, "Byron", jobtitle="Poet")
    world.run()
    assert lead_of(world, "Byron")["Title"] == "Poet"
    assert fills_of(world) == 0
    assert [(what, kind) for what, kind, _ in told(world)] == [("Task.Team__c", "required")]
    crm(world).describe_as("Task", replace(demanded, required=False))
    world.time.at += LOOK_AGAIN
    world.run()
    assert fills_of(world) == 1

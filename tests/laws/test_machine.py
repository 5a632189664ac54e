"""The laws under whatever people, faults and kills hypothesis can think of."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mappings.records import Operation, Side, Write
from tests.laws.laws import comes_to_rest
from tests.laws.machine import Machine
from tests.laws.town import Town

SHORT = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def test_laws_1_to_14_hold_whatever_happens(template: Path) -> None:
    """A hundred stories of fifty steps each end at rest with every law kept. One that does not is
    shown as it is; `make soak ARGS="--only machine"` looks for the shortest."""
    Machine.template = template
    run_state_machine_as_test(Machine, settings=SHORT)


def test_the_vendors_of_a_town_lose_fields_and_merge_into_new_ids(tmp_path: Path) -> None:
    """What the machine relies on: a dropped field refuses writes until it is back, with its
    values; a merge gives both records to a third."""
    town = Town.build(tmp_path)
    one, other = town.world.contact("Ada", "Byron", phone="1"), town.world.contact("Al", "Turing")
    bring_back = town.hubspot.drop_field("contacts", "phone")
    row = Write("w", Operation.UPDATE, "contacts", {"phone": "2"}, id=one)
    (outcome,) = town.hubspot.write([row])
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.field) == ("field.unknown", "phone")
    bring_back()
    assert town.hubspot.get("contacts", one).fields["phone"] == "1"
    survivor = town.hubspot.merge("contacts", [one, other], {"email": "both@example.com"})
    assert [record.ref.id for record in town.hubspot.all("contacts")] == [survivor]
    assert town.hubspot.get("contacts", one).merged_into == survivor
    town.world.close()


def test_law_7_reaches_who_is_merged_before_any_run_saw_them(tmp_path: Path) -> None:
    """Somebody opts out in the CRM whose contact was merged before we had linked it. The address
    goes with the merge, and the next merge, so the mailbox is still opted out on both sides."""
    town = Town.build(tmp_path)
    town.approved_run()
    grace = town.newcomer(on_map=True, on_crm=None)
    mary = town.newcomer(on_map=True, on_crm="Contact")
    edsger = town.newcomer(on_map=True, on_crm=None)
    town.merge_contacts(grace, mary)
    town.opt_out(mary, Side.CRM)
    town.merge_contacts(mary, edsger)
    town.run()
    comes_to_rest(town)
    contact = town.record(edsger, Side.MAP)
    assert contact is not None
    assert contact.fields["hs_email_optout"] == "true"
    assert set(contact.fields["hs_additional_emails"].split(";")) == {mary.email, edsger.email}
    town.world.close()

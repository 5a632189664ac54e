"""A mapping with a contract, for worlds whose people move through stages."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path

from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from mappings.records import Event, EventKind
from sync.story import find_person
from tests.sync.world import START, World

GO_LIVE = START - timedelta(days=1)
ADA = "ada.byron@example-byron.com"
STAGES = """\
format: 1
go_live: "{go_live}"
reporting: {{zone: Europe/Berlin}}
terms: {{crm.Recontact_Date__c: date}}
lifecycles:
  main:
    recycle_reasons: [not_ready, silent]
    stages:
      lead: {{team: marketing, entry: count(events.form_fill) >= 1, shown_as: lead}}
      mql:
        team: marketing
        fact: mql
        entry:
          - count(events.form_fill, days(30)) >= {forms}
          - map.jobtitle != ""
        shown_as: marketingqualifiedlead
        exit:
          - {{when: crm.Status == "Not now", to: nurture, reason: not_ready,
             recontact: crm.Recontact_Date__c}}
          - {{when: now - stage.since > days(60), to: lead, reason: silent}}
      working:
        team: sales
        fact: sales_qualified
        entry: crm.Status == "Working - Contacted"
        shown_as: salesqualifiedlead
      nurture: {{team: marketing}}
"""


ONE = "005000000000001000"
TWO, ABOVE, LAST = (f"00500000000000{n}AAA" for n in (2, 8, 9))
"""Users as Salesforce names them. Contracts may write the first 15 characters alone, and so does
the vendor in memory of all but the first, since its ids are numbers."""
HANDED = """\
format: 1
go_live: "{go_live}"
reporting: {{zone: Europe/Berlin}}
terms: {{crm.Recontact_Date__c: date}}
calendars:
  berlin: {{zone: Europe/Berlin, hours: {{mon-fri: 09:00-17:00}}}}
queues:
  inbound:
    calendar: berlin
    members: [{{user: "005000000000001000"}}, {{user: "005000000000002"}}]
    fallback: "005000000000009"
lifecycles:
  main:
    recycle_reasons: [not_ready]
    stages:
      lead: {{team: marketing, entry: count(events.form_fill) >= 1}}
      mql:
        team: marketing
        fact: mql
        entry: count(events.form_fill, days(30)) >= 2
        requires: [map.company]
        shown_as: marketingqualifiedlead
        handoff:
          queues: inbound
          accept: crm.Status == "Working - Contacted"
          reject: crm.Status == "Unqualified"
          reason: crm.Reason__c
          task: Call this lead
          service_level:
            accept_within: 4h
            touch_within: 1d
            escalate_to: ["005000000000008"]
        exit: {{when: crm.Status == "Not now", to: nurture, reason: not_ready,
               recontact: crm.Recontact_Date__c}}
      customer: {{team: shared, entry: count(deals.won) >= 1}}
      nurture: {{team: marketing}}
"""


def mapping_with(folder: Path, contract: str) -> PairMapping:
    """The shipped mapping with a contract beside it."""
    shipped = resources.files("mappings").joinpath("presets/hubspot-salesforce.yaml")
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text(shipped.read_text("utf-8"), encoding="utf-8")
    (folder / "b.yaml").write_text(contract, encoding="utf-8")
    return load_mapping(folder)


def stages(folder: Path, *, go_live: datetime = GO_LIVE, forms: int = 2) -> PairMapping:
    """Four stages and nurture; `forms` of the last 30 days make an MQL."""
    return mapping_with(folder, STAGES.format(go_live=go_live.isoformat(), forms=forms))


def handed(folder: Path, *, go_live: datetime = GO_LIVE) -> PairMapping:
    """MQLs are handed to two people in turn, with promises."""
    return mapping_with(folder, HANDED.format(go_live=go_live.isoformat()))


def hire(world: World, *, gone: tuple[str, ...] = ()) -> None:
    """The users the contract names, as the CRM knows them; those who are `gone` are inactive."""
    for user in (ONE, TWO, ABOVE, LAST):
        world.salesforce.put_as(
            "User",
            user if user.isdecimal() else user[:15],
            {"Name": f"User {user[14]}", "IsActive": user not in gone},
        )


def filled_before(world: World, at: datetime, email: str = ADA) -> None:
    """A form that was filled in at that time, and is told only now."""
    world.hubspot.emit(
        Event("hubspot", EventKind.FORM_FILL, f"old:{at}", at, email, "Contact us", {})
    )


def golden(world: World, text: str = ADA) -> str:
    """The golden record of whom the text names."""
    (entity_id,) = find_person(world.store, text).entities
    return entity_id

"""The lifecycle contract the demo's two teams have agreed on, for the salespeople its world has.

Two forms within a year make an MQL, who is given to a salesperson in turn; taking the Lead up is
sales' yes, closing it sends the person back to marketing until the day that was named. Everything
before the demo begins is history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sync.demo_ties import Row

HANDOFF_TASK = "Call this lead"
"""The subject of the tasks that handoffs ask for: no marketing event is logged by them."""
_TEXT = """\
# The demo's lifecycle contract: docs/explanation/lifecycle-contract.md says how to read it.
format: 1
go_live: {go_live}
terms: {{crm.Recontact_Date__c: date}}
calendars:
  office: {{zone: UTC, hours: {{mon-fri: 08:00-18:00}}}}
queues:
  inbound:
    calendar: office
    members: [{members}]
    fallback: "{fallback}"
lifecycles:
  pipeline:
    recycle_reasons: [given_up]
    stages:
      lead: {{team: marketing, entry: count(events.form_fill) >= 1, shown_as: lead}}
      mql:
        team: marketing
        fact: mql
        entry: count(events.form_fill, days(365)) >= 2
        requires: [map.company]
        shown_as: marketingqualifiedlead
        handoff:
          queues: inbound
          accept: crm.Status == "Working - Contacted"
          task: {task}
          service_level: {{accept_within: 1d, touch_within: 5d}}
        exit: {{when: crm.Status == "Closed - Not Converted", to: nurture, reason: given_up,
               recontact: crm.Recontact_Date__c}}
      working:
        team: sales
        fact: sales_qualified
        entry: crm.Status == "Working - Contacted"
        shown_as: salesqualifiedlead
        exit: {{when: crm.Status == "Closed - Not Converted", to: nurture, reason: given_up,
               recontact: crm.Recontact_Date__c}}
      opportunity: {{team: sales, entry: count(deals.open) >= 1, shown_as: opportunity}}
      customer: {{team: shared, entry: count(deals.won) >= 1, shown_as: customer}}
      nurture: {{team: marketing}}
"""


def write_contract(directory: Path, users: Iterable[Row], go_live: datetime) -> Path | None:
    """Write the contract beside the mappings of a workspace; None where the world has nobody who
    could take a lead."""
    members = salespeople(users)
    if not members:
        return None
    path = directory / "mappings" / "lifecycle.yaml"
    moment = go_live.astimezone(UTC).replace(microsecond=0)
    text = _TEXT.format(
        go_live=f'"{moment.isoformat()}"',
        members=", ".join(f'{{user: "{one}"}}' for one in members),
        fallback=members[0],
        task=HANDOFF_TASK,
    )
    path.write_text(text, encoding="utf-8")
    return path


def salespeople(users: Iterable[Row]) -> Sequence[str]:
    """The ids of the people who work here and are no integration, in order."""
    return sorted(
        str(row["Id"])
        for row in users
        if row.get("IsActive") and not str(row.get("Username")).startswith("integration@")
    )

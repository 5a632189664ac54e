"""A small, complete contract that tests change one thing of."""

from __future__ import annotations

from pathlib import Path

from mappings.contract import Contract
from mappings.loader import load_mapping
from tests.mappings.minimal import MAPPING

CONTRACT = """\
format: 1
reporting: {zone: Europe/Berlin}
terms:
  map.company_size: number
  crm.Budget__c: boolean
  crm.Recontact__c: date
personas:
  leader: map.jobtitle.contains("Chief")
  maker: map.jobtitle != ""
calendars:
  berlin:
    zone: Europe/Berlin
    hours: {mon-thu: 09:00-17:00, fri: [09:00-12:00, 13:00-15:00]}
    days_off: [2026-12-24]
    holidays: DE-BE
queues:
  dach:
    calendar: berlin
    members:
      - {user: "005000000000001", weight: 2, capacity: 3, away: [2026-03-09/2026-03-13]}
      - {user: "005000000000002"}
    fallback: "005000000000009"
  world:
    members: [{user: "005000000000003"}]
    fallback: "005000000000009"
lifecycles:
  high_touch:
    segment: map.company_size >= 50.0
    recycle_reasons: [not_ready, no_response]
    stages:
      lead:
        team: marketing
        entry: count(events.form_fill) >= 1
        shown_as: lead
      mql:
        team: marketing
        fact: mql
        entry:
          - count(events.form_fill, days(30)) >= 2
          - map.email != ""
        requires: [map.company, map.country]
        shown_as: marketingqualifiedlead
        handoff:
          queues:
            - {when: 'map.country in ["Germany", "Austria"]', queue: dach}
            - queue: world
          accept: crm.Status == "Working"
          reject: crm.Status == "Unqualified"
          reason: crm.Recycle_Reason__c
          task: Call this lead
          service_level:
            accept_within: 4h
            touch_within: 1d
            attempts: 3
            attempts_within: 5d
            warn_at: 0.5
            escalate_to: ["005000000000008"]
            calendar: berlin
        exit:
          - {when: crm.Status == "Recycled", to: nurture, reason: crm.Recycle_Reason__c,
             recontact: crm.Recontact__c}
          - {when: now - stage.since > days(60), to: nurture, reason: no_response, recontact: 90d}
      sales_qualified:
        team: sales
        fact: sales_qualified
        entry: crm.Budget__c && crm.Status == "Working"
        shown_as: salesqualifiedlead
        exit: {when: crm.Status == "Recycled", to: nurture, reason: not_ready}
      opportunity:
        team: sales
        entry: count(deals.open) >= 1
        shown_as: opportunity
      customer:
        team: shared
        after: opportunity
        entry: count(deals.won) >= 1
        shown_as: customer
      closed_lost:
        team: sales
        after: opportunity
        entry: count(deals.lost) >= 1 && count(deals.won) == 0 && count(deals.open) == 0
      nurture: {team: marketing}
  self_serve:
    segment: map.company_size < 50.0
    stages:
      lead: {team: marketing, entry: map.email != ""}
      customer: {team: shared, entry: count(deals.won) >= 1}
promises:
  - {lifecycle: high_touch, stage: mql, count: 40, per: month, persona: leader}
"""


def contract_of(directory: Path, text: str = CONTRACT) -> Contract:
    """The contract of a mapping directory that holds this text beside the minimal mapping."""
    (directory / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (directory / "lifecycle.yaml").write_text(text, encoding="utf-8")
    return load_mapping(directory).contract

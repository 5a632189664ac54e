"""A small, complete mapping that tests change one thing of."""

from __future__ import annotations

from pathlib import Path

MAPPING = """\
format: 1
go_live: 2026-03-02T08:00:00Z
objects:
  people:
    kind: person
    map: contacts
    crm: [Contact, Lead]
    create_crm: Lead
    create_map: false
    include: 'lifecyclestage != "subscriber" && num_notes < 100.0'
    identity:
      emails: {map: [email, work_email], crm: Email}
      company: {map: company, crm: {Lead: Company}}
    fields:
      - map: firstname
        crm: FirstName
        owner: crm
        overwrite: always
        transform: [trim, title_case, truncate(30)]
      - map: lastname
        crm: LastName
        owner: crm
        default: "[not provided]"
      - map: email
        crm: Email
        owner: map
        type: email
      - map: company
        crm: {Lead: Company}
        owner: crm
        too_long: truncate
        max_length: 200
        default: "[not provided]"
      - map: hs_analytics_source
        crm: LeadSource
        direction: to_crm
        values: {ORGANIC_SEARCH: Web, "*": Other}
      - map: my_score
        crm: Score__c
        type: number
        aggregate: max
        owner: map
        clear: true
activities:
  form_fill: task
  email_open: rollup
  email_click: "off"
campaigns:
  Spring webinar: 701000000000001
consent:
  - crm: HasOptedOutOfEmail
    subscription: all
outcomes:
  lead_status: leadloop_lead_status
  owner_name: leadloop_owner
"""


def write(directory: Path, text: str = MAPPING, name: str = "mapping.yaml") -> Path:
    """The text as a mapping file in the directory."""
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path

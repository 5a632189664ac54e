"""Compares what Leadloop did with the truth, from the sandbox's state alone. Pure.

The judge shares no code with planning and reads none of Leadloop's tables. Its definitions:

- `linked`: HubSpot contacts tied to a CRM record that was there already, or to one that another
  contact brought about; `created`: CRM people the integration user made; `in_review`: contacts
  that wait for a person's decision.
- `duplicates_created`: Leads and Contacts made by the integration user for a true person who had a
  live CRM record already, or for whom it made one before; also one made for nobody at all.
  `duplicates_certain` are those among them that no scoring was needed to avoid: made twice, made
  for nobody, or with the address or phone of a record that was there.
- `wrong_links`: contacts tied to a CRM record of another true person.
- `missed_links`: people with records on both sides (`true_matches`) one of whose contacts is
  neither tied to a record of theirs that was there already nor in review.
- `activities_*`: see `demo_activities`; `outcomes_*`: see `demo_outcomes`.
- `optouts_violated`: tied people who opted out of all mail somewhere, one of whose records on
  either side still takes mail (a contact without an address takes none).
- `unaccounted`: contacts with no ending (neither tied, nor in review, though they have a name, an
  address or a phone), records and events at the vendors that were not pulled, and those pulled
  that are still on the road.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.demo_activities import judge_activities
from sync.demo_outcomes import outcome_values
from sync.demo_ties import Row, Snapshot, Ties, read_ties

NATIONAL_DIGITS = 7
"""Last digits that two spellings of one phone number share, with and without a country code."""
IDENTIFYING = ("firstname", "lastname", "email", "phone", "mobilephone")


@dataclass
class Verdict:
    """The numbers, and for each that should be none the records behind it."""

    numbers: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, list[str]] = field(default_factory=dict)

    def tell(self, name: str, cases: list[str]) -> None:
        """A number that should be none, with its cases."""
        self.numbers[name] = len(cases)
        if cases:
            self.evidence[name] = cases


def judge(snapshot: Snapshot) -> Verdict:
    """Everything that can be told from the vendors' records and the truth."""
    ties = read_ties(snapshot)
    verdict = Verdict()
    _count_people(snapshot, ties, verdict)
    _duplicates(snapshot, ties, verdict)
    verdict.tell("wrong_links", _wrong_links(ties))
    verdict.tell("missed_links", _missed_links(snapshot, ties, verdict))
    _activities(snapshot, ties, verdict)
    values = list(outcome_values(snapshot, ties))
    verdict.numbers["outcomes_expected"] = len(values)
    verdict.numbers["outcomes_written"] = sum(value.right for value in values)
    wrong = [
        f"{v.where} {v.name}: expected {v.expected}, found {v.found}" for v in values if not v.right
    ]
    if wrong:
        verdict.evidence["outcomes_wrong"] = wrong
    verdict.tell("optouts_violated", _opt_outs(snapshot, ties))
    _unaccounted(snapshot, ties, verdict)
    return verdict


def _count_people(snapshot: Snapshot, ties: Ties, verdict: Verdict) -> None:
    firsts = {records[0] for records in ties.tied.values() if records[0] in ties.made}
    verdict.numbers |= {
        "people_in_map": len(ties.contacts),
        "linked": len(ties.tied) - len(firsts),
        "created": len(ties.made),
        "in_review": len(snapshot.in_review & ties.contacts.keys() - ties.tied.keys()),
    }


def _duplicates(snapshot: Snapshot, ties: Ties, verdict: Verdict) -> None:
    made_at = {
        str(r["Id"]): str(r["CreatedDate"]) for r in (*snapshot.leads, *snapshot.crm_contacts)
    }
    since: dict[str, str] = {}
    for record_id, owner in ties.owner.items():
        at = made_at.get(record_id)
        if at is not None and record_id not in ties.made:
            since[owner] = min(at, since.get(owner, at))
    made_for: dict[str, list[str]] = defaultdict(list)
    cases: list[str] = []
    certain = 0
    for record_id in sorted(ties.made, key=lambda one: (made_at[one], one)):
        person = ties.owner.get(record_id)
        if person is None:
            cases.append(f"{record_id}: made for nobody")
            certain += 1
        elif since.get(person, "9") <= made_at[record_id]:
            there = _others(ties, person)
            cases.append(f"{record_id}: {person} had {'/'.join(there)} already")
            certain += any(_identified(ties.records[record_id], ties.records[r]) for r in there)
        elif made_for[person]:
            cases.append(f"{record_id}: {person} was given {made_for[person][0]} before")
            certain += 1
        if person is not None:
            made_for[person].append(record_id)
    verdict.tell("duplicates_created", cases)
    verdict.numbers["duplicates_certain"] = certain


def _others(ties: Ties, person: str) -> list[str]:
    return [
        one for one, owner in sorted(ties.owner.items())
        if owner == person and one in ties.records and one not in ties.made
    ]  # fmt: skip


def _identified(made: Row, there: Row) -> bool:
    """Whether two CRM records of one person bear the same e-mail address or phone number."""
    return bool(_identifiers(made) & _identifiers(there))


def _identifiers(record: Row) -> set[str]:
    found = {str(record.get("Email") or "").strip().lower()}
    for name in ("Phone", "MobilePhone"):
        digits = "".join(filter(str.isdigit, str(record.get(name) or "")))
        found.add(digits[-NATIONAL_DIGITS:] if len(digits) >= NATIONAL_DIGITS else "")
    return found - {""}


def _wrong_links(ties: Ties) -> list[str]:
    return [
        f"contact {contact} of {ties.owner.get(contact)} is tied to {record} of "
        f"{ties.owner.get(record)}"
        for contact, records in sorted(ties.tied.items())
        for record in records
        if ties.owner.get(contact) != ties.owner.get(record)
    ]


def _missed_links(snapshot: Snapshot, ties: Ties, verdict: Verdict) -> list[str]:
    records_of: dict[str, set[str]] = defaultdict(set)
    contacts_of: dict[str, list[str]] = defaultdict(list)
    for record_id in ties.records:
        if record_id in ties.owner and record_id not in ties.made:
            records_of[ties.owner[record_id]].add(record_id)
    for contact_id in sorted(ties.contacts):
        if contact_id in ties.owner:
            contacts_of[ties.owner[contact_id]].append(contact_id)
    both = sorted(records_of.keys() & contacts_of.keys())
    verdict.numbers["true_matches"] = len(both)
    cases: list[str] = []
    for person in both:
        loose = [
            one
            for one in contacts_of[person]
            if one not in snapshot.in_review
            and not records_of[person].intersection(ties.tied.get(one, ()))
        ]
        if loose:
            cases.append(
                f"{person}: contact {'/'.join(loose)}, not tied to "
                f"{'/'.join(sorted(records_of[person]))}"
            )
    return cases


def _activities(snapshot: Snapshot, ties: Ties, verdict: Verdict) -> None:
    found = judge_activities(snapshot, ties)
    verdict.numbers |= {
        "activities_logged": found.logged,
        "activities_held": found.held,
        "activities_missing": found.missing,
        "activities_twice": found.twice,
    }
    for word, cases in found.evidence.items():
        if cases:
            verdict.evidence[f"activities_{word}"] = cases


def _opt_outs(snapshot: Snapshot, ties: Ties) -> list[str]:
    refused = {str(row["email"]).lower() for row in snapshot.subscriptions if row["opted_out_all"]}
    told = {
        str(person["id"])
        for person in snapshot.truth["people"]
        if person.get("opt_out", {}).get("all_mail")
    }
    contacts_of: dict[str, list[str]] = defaultdict(list)
    for contact_id in sorted(ties.contacts):
        if contact_id in ties.owner:
            contacts_of[ties.owner[contact_id]].append(contact_id)
    records_of = ties.by_person()
    cases: list[str] = []
    for person in sorted({ties.owner[one] for one in ties.tied if one in ties.owner}):
        takes_mail: list[str] = []
        refuses = person in told
        for contact_id in contacts_of[person]:
            row = ties.contacts[contact_id]
            if row.get("email"):
                out = _out(row) or str(row["email"]).lower() in refused
                refuses, takes_mail = refuses or out, takes_mail + [contact_id] * (not out)
        for record_id in records_of.get(person, ()):
            out = bool(ties.records[record_id].get("HasOptedOutOfEmail"))
            refuses, takes_mail = refuses or out, takes_mail + [record_id] * (not out)
        if refuses and takes_mail:
            cases.append(f"{person}: {'/'.join(takes_mail)} still takes mail")
    return cases


def _out(properties: Row) -> bool:
    return str(properties.get("hs_email_optout") or "").lower() == "true"


def _unaccounted(snapshot: Snapshot, ties: Ties, verdict: Verdict) -> None:
    """`endings` holds Leadloop's own count of what it pulled (`map_people`, `crm_people`,
    `events`) and of what is still on the road (`open_*`); the vendors' counts are the check.
    """
    adrift = [
        f"contact {one} has no ending"
        for one, row in sorted(ties.contacts.items())
        if one not in ties.tied
        and one not in snapshot.in_review
        and any(row.get(name) for name in IDENTIFYING)
    ]
    there: Mapping[str, int] = {
        "map_people": len(ties.contacts),
        "crm_people": sum(
            not row.get("IsDeleted") for row in (*snapshot.leads, *snapshot.crm_contacts)
        ),
        "events": len(snapshot.submissions) + len(snapshot.email_events),
    }
    cases = list(adrift)
    number = len(adrift)
    for name, count in there.items():
        pulled = snapshot.endings.get(name)
        if pulled is not None and pulled != count:
            number += abs(count - pulled)
            cases.append(f"{name}: {count} at the vendor, {pulled} pulled")
    for name, count in snapshot.endings.items():
        if name.startswith("open_") and count:
            number += count
            cases.append(f"{name}: {count} still on the road")
    verdict.numbers["unaccounted"] = number
    if cases:
        verdict.evidence["unaccounted"] = cases


def shares(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Duplicates among creates, wrong links among links, missed links and reviews among matches."""
    links = max(1, numbers["linked"] + numbers["created"])
    matches = max(1, numbers["true_matches"])
    return {
        "duplicates_created_share": round(
            numbers["duplicates_created"] / max(1, numbers["created"]), 5
        ),
        "wrong_links_share": round(numbers["wrong_links"] / links, 5),
        "missed_links_share": round(numbers["missed_links"] / matches, 5),
        "in_review_share": round(numbers["in_review"] / matches, 5),
    }

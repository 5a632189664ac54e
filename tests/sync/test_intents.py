"""Keys and fingerprints: what is the same write, and what is another one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.ports import Lane
from mappings.records import Operation, Side
from sync.intents import Draft, FieldChange, digest, event_key, make
from tests.sync.simulation import record
from tests.sync.world import preset

LEAD = record(preset(), Side.CRM, "Lead", "00Q1", Title="Clerk")
DRAFT = Draft(
    entity_id="e1",
    side=Side.CRM,
    system="salesforce",
    operation=Operation.UPDATE,
    object="Lead",
    fields={"Title": "Poet", "Phone": "1"},
    lane=Lane.INCREMENTAL,
    reason="fields",
    target=LEAD,
    changes=[FieldChange("Title", "Clerk", "Poet", "jobtitle>Lead.Title")],
)

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_the_same_draft_is_the_same_intent() -> None:
    """Planning twice gives one intent: same key, same fingerprint."""
    assert make(DRAFT) == make(replace(DRAFT))
    turned = replace(DRAFT, fields={"Phone": "1", "Title": "Poet"})
    assert make(turned).key == make(DRAFT).key


@pytest.mark.parametrize(
    "other",
    [
        replace(DRAFT, entity_id="e2"),
        replace(DRAFT, side=Side.MAP),
        replace(DRAFT, operation=Operation.OPT_OUT),
        replace(DRAFT, object="Contact"),
        replace(DRAFT, fields={"Title": "Poet"}),
        replace(DRAFT, fields={"Title": "Poet", "Phone": None}),
        replace(DRAFT, target=replace(LEAD, ref=replace(LEAD.ref, id="00Q2"))),
        replace(DRAFT, target=None, external_id=("Leadloop_Id__c", "e1")),
    ],
)
def test_another_write_is_another_intent(other: Draft) -> None:
    """Whom, what, where, and with which values: each makes another key and fingerprint."""
    assert make(other).key != make(DRAFT).key
    assert make(other).fingerprint != make(DRAFT).fingerprint


def test_a_new_revision_is_a_new_try_of_the_same_change() -> None:
    """The key follows the target's revision, the fingerprint does not: a refused change stays
    refused when somebody touches the record."""
    moved = make(replace(DRAFT, target=replace(LEAD, revision="r1")))
    assert moved.key != make(DRAFT).key
    assert moved.fingerprint == make(DRAFT).fingerprint


def test_why_and_how_urgent_do_not_make_another_write() -> None:
    """Lane, reason, notes and dependencies are not what is written."""
    other = replace(DRAFT, lane=Lane.BACKFILL, reason="repair", details={"note": 1}, changes=())
    assert make(other).key == make(DRAFT).key


def test_the_intent_keeps_before_and_after() -> None:
    """The note of what changes travels with the intent."""
    intent = make(DRAFT)
    assert intent.details["changes"] == [
        {"field": "Title", "before": "Clerk", "after": "Poet", "rule": "jobtitle>Lead.Title"}
    ]
    assert (intent.target_id, intent.external_field) == ("00Q1", None)
    json.dumps(intent.details)


@given(trees, trees)
def test_digests_tell_different_things_apart(one: object, two: object) -> None:
    """Equal JSON has equal digests, different JSON different ones; 40 characters, always."""
    assert (digest(one) == digest(two)) == (
        json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    )
    assert len(digest(one)) == 40


def test_digests_are_the_same_on_every_machine() -> None:
    """Keys outlive processes and upgrades: these never change."""
    assert digest("e1", {"b": 1, "a": None}) == "0df9d85fb958a48b82fd7531f5c521c6fe8c05f8"
    assert (
        event_key("hubspot", "form:1")
        == "8587ce4e7647ba0b89641e705b4ea5562d7be718880934b2b454800e65c742c7"
    )


def test_event_keys_fit_their_field() -> None:
    """64 characters, whatever the vendor calls its events (the field is Text 64)."""
    assert len(event_key("hubspot", "x" * 5000)) == 64
    assert event_key("hubspot", "1") != event_key("other", "1")

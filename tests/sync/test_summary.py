"""What a plan comes to, counted in one going through it."""

from __future__ import annotations

from dataclasses import replace

from mappings.records import RecordRef, Side
from sync.cli.summary import FieldCounts, Overview, gone_by_object
from sync.guard import Gone
from sync.plan import Planned, fingerprints
from sync.plan_people import EntityPlan
from tests.sync.test_guard import CLEAR, OPT_OUT, UPDATE, intent, many


def test_each_field_is_counted_by_what_becomes_of_it() -> None:
    """Filled where it was blank, overwritten, cleared; that a Task is made counts for no field."""
    counts = FieldCounts()
    blank = {"field": "Title", "before": "", "after": "Poet", "rule": "r"}
    task = {"field": "Lead", "before": None, "after": "k", "rule": "activity"}
    filling = replace(intent(9, UPDATE), details={"changes": [blank, task]})
    for one in (*many(3, UPDATE), *many(2, CLEAR), filling):
        counts.add(one)
    assert counts.as_json() == [
        {
            "side": "crm",
            "object": "Lead",
            "field": "Title",
            "filled": 1,
            "overwritten": 3,
            "cleared": 2,
            "merged": 0,
        }
    ]


def test_what_follows_from_a_merge_is_counted_by_object_and_field() -> None:
    """Records that are gone are told by object, and of the fields written how many belong to
    whoever was joined."""
    refs = [RecordRef("salesforce", "Lead", str(n)) for n in range(3)]
    gone = Gone(Side.CRM, "person", frozenset(refs[:1]), frozenset(refs[1:]), 9)
    assert gone_by_object([gone]) == [{"side": "crm", "object": "Lead", "deleted": 1, "merged": 2}]
    counts = FieldCounts(frozenset({intent(0, UPDATE).entity_id}))
    for one in (intent(0, UPDATE), intent(1, UPDATE)):
        counts.add(one)
    [row] = counts.as_json()
    assert (row["overwritten"], row["merged"]) == (2, 1)


def test_one_going_through_tells_everything() -> None:
    """Marks are those a plan is approved by, samples are the first of their kind, and what two
    people ask for counts once."""
    planned = Planned()
    shared = intent(0, OPT_OUT)
    planned.add(
        EntityPlan(f"e{n}", (one, shared), events={"off": (n,)})
        for n, one in enumerate(many(20, UPDATE))
    )
    overview = Overview.of(planned, samples=2)
    assert overview.marks == frozenset(fingerprints(planned.intents()))
    assert [one["operation"] for one in overview.samples.shown].count("update") == 2
    assert [one["operation"] for one in overview.samples.shown].count("opt_out") == 1
    assert overview.events == {"off": 20}
    assert sum(row["overwritten"] for row in overview.fields.as_json()) == 21

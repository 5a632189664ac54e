"""Showing where people stand: silent once done, never back by itself, history left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mappings.ports import Lane
from mappings.records import Json, Operation, Record, Side
from mappings.required_fields import EVENT_KEY
from state.loop import Observation
from sync.loop_rows import Seen
from sync.plan_lifecycle import OWNER, handoff_tasks, owner_field, projected, stage_fields
from sync.stage_views import STAGES
from sync.views import EntityView, HandoffTask, Projection, Rules, StageField, StageView
from sync.watching import look
from tests.sync.simulation import AT, record, view_of
from tests.sync.watched import person, seen_again
from tests.sync.world import preset

RULES = Rules(preset(), "hubspot", "salesforce", "hubspot-1:salesforce-1")
FIELD = "lifecyclestage"
NAME = "Leadloop_Stage__c"
VALUES = st.sampled_from([*STAGES, "somebody's own", "", None])


def standing(stage: StageView, **fields: Json) -> EntityView:
    """A person with a Lead who stands there; the fields are the contact's."""
    contact = record(preset(), Side.MAP, "contacts", "1", **fields)
    lead = record(preset(), Side.CRM, "Lead", "00Q1")
    return replace(view_of(preset(), (contact,), (lead,)), stage=stage)


@given(VALUES, st.sampled_from(STAGES), st.none() | st.sampled_from(STAGES))
def test_hubspots_stage_comes_to_rest_and_never_goes_back_by_itself(
    current: Json, wanted: str, left: str | None
) -> None:
    """Two writes at most, the second only after a clearing; whatever somebody else put further on
    stays, as does what the account has invented; a lower value comes of a step back alone."""
    stage = StageView(projection=Projection(FIELD, wanted, left, STAGES))
    value, written = current, []
    for _ in range(3):
        view = standing(stage, lifecyclestage=value)
        for _, value, _ in projected(view, view.map_records[0]):
            written.append(value)
    assert len(written) <= 2
    assert written in ([], [wanted], [None, wanted])
    if current in STAGES and written:
        is_back = STAGES.index(wanted) < STAGES.index(str(current))
        assert (written == [None, wanted]) == is_back
        assert not is_back or current == left
    if current == "somebody's own":
        assert written == []


@given(VALUES, VALUES, st.booleans())
def test_history_is_shown_nowhere_but_corrected(value: Json, there: Json, history: bool) -> None:
    """Law 13: what was so before `go_live` is written only over what Leadloop has shown before."""
    field = StageField("leadloop_stage", NAME, value, "stage", history=history)
    view = standing(StageView((field,)))
    lead = replace(view.crm_records[0], fields={NAME: there})
    shown = list(stage_fields(view, lead, Side.CRM))
    assert shown == ([] if history and there in (None, "") else [(NAME, value, "stage")])
    assert list(stage_fields(view, None, Side.CRM)) == ([] if history else shown)


def test_an_owner_is_the_same_in_both_spellings() -> None:
    """Fifteen letters or eighteen: it is the same user, and nothing is written."""
    view = standing(StageView(owner="005000000000001AAA"))

    def owned(current: Json) -> list[str]:
        lead = replace(view.crm_records[0], fields={OWNER: current})
        return [str(value) for _, value, _ in owner_field(view, lead)]

    assert owned("005000000000001") == owned("005000000000001AAA") == []
    assert owned("005000000000002AAA") == owned(None) == ["005000000000001AAA"]


def test_a_task_is_one_whatever_the_record_becomes() -> None:
    """Law 3: on the Lead, on the Contact it became, or on one that is only being made, the key at
    the vendor is the same."""
    task = HandoffTask("h:task:1", "005000000000001AAA", "Call", "Handed over", AT)
    view = standing(StageView(tasks=(task,)))
    contact = record(preset(), Side.CRM, "Contact", "0031")
    targets: list[Record | str] = [view.crm_records[0], contact, "key of a creation"]
    made = [one for target in targets for one in handoff_tasks(view, RULES, target)]
    assert {one.external_value for one in made} == {made[0].external_value}
    assert {(one.operation, one.external_field) for one in made} == {(Operation.CREATE, EVENT_KEY)}
    assert (made[2].depends_on, made[0].lane) == ("key of a creation", Lane.FRESH)
    assert list(handoff_tasks(view, RULES, None)) == []


@given(
    st.lists(st.tuples(st.integers(1, 90), st.sampled_from(["New", "Working", None])), max_size=8)
)
def test_what_was_seen_can_be_told_again(looks: list[tuple[int, str | None]]) -> None:
    """Replaying: from the changes noted alone a field has at every look the value it had then, and
    noting costs nothing where nothing changed."""
    now, last = AT, None
    seen: dict[str, Seen] = {}
    noted: list[Observation] = []
    history: list[tuple[datetime, str | None]] = []
    for minutes, status in looks:
        now += timedelta(minutes=minutes)
        seen, changes = look(person(status, now), ["crm.Status"], seen, last=last, now=now)
        noted += changes
        last = now
        history.append((now, status))
    assert [seen_again(noted, history[-1][1], at) for at, _ in history] == [v for _, v in history]
    assert len(noted) <= max(0, len(looks) - 1)
    assert len({(one.field, one.at) for one in noted}) == len(noted)

"""What the deciding modules give back, whole: every field of an intent, every word of a refusal.

Other tests hold the laws; these hold the rest of what is decided, so that a change of any part of
it is seen (`make mutants`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from mappings.errors import MassChangeRefusedError, RecordRejectedError
from mappings.fieldmap import Aggregate, Direction, FieldRule, Overwrite, ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Outcome, OutcomeStatus, Record, RecordRef, Side
from mappings.survivorship import (
    FieldDecision,
    FieldState,
    decide_field,
    inherited_sum,
    is_contested,
)
from state.outbox import Intent, StoredIntent
from sync.bonds import Conflict, plan_bond, plan_creation, value_of
from sync.config import GuardConfig, Limit
from sync.fates import given_up
from sync.guard import Approval, Gone, Verdict, examine, examine_gone
from sync.intents import Draft, FieldChange, digest, make
from tests.mappings.test_survivorship import PLAIN
from tests.state.support import NOON
from tests.state.support import intent as stored_intent
from tests.sync.test_bonds import PEOPLE, SYSTEMS, contact, lead, planned
from tests.sync.test_guard import LIMITS, intent, many

# --- intents -------------------------------------------------------------------------------------


def test_an_intent_holds_all_of_its_draft() -> None:
    """Every part of the draft is in the intent, under the same name; key and fingerprint are fixed
    for ever: a release that computed others would send everything a second time."""
    change = FieldChange(
        "Title", "Clerk", "Poet", "r", image=" Clerk", why="changed", undoes=(3, 4)
    )
    draft = Draft(
        entity_id="e1",
        side=Side.CRM,
        system="salesforce",
        operation=Operation.CREATE,
        object="Lead",
        fields={"Title": "Poet"},
        lane=Lane.FRESH,
        reason="fields",
        external_id=("Leadloop_Id__c", "u1"),
        depends_on="k0",
        changes=[change],
        details={"bond": "a|b"},
    )
    made = make(draft)
    assert made == Intent(
        key="b6e5a800a30cb9e75227ad966859b63bf25ec768",
        entity_id="e1",
        side=Side.CRM,
        system="salesforce",
        operation=Operation.CREATE,
        object="Lead",
        fields={"Title": "Poet"},
        lane=Lane.FRESH,
        reason="fields",
        fingerprint="4fae70702532e7061749b10b2f625c5bac53cf64",
        target_id=None,
        external_field="Leadloop_Id__c",
        external_value="u1",
        depends_on="k0",
        details={
            "bond": "a|b",
            "changes": [
                {
                    "field": "Title",
                    "before": "Clerk",
                    "after": "Poet",
                    "rule": "r",
                    "why": "changed",
                    "image": " Clerk",
                    "undoes": [3, 4],
                }
            ],
        },
    )
    assert make(replace(draft, external_id=None, target_id="00Q9")).target_id == "00Q9"
    assert make(draft, salt="again").key != made.key
    assert make(draft, salt="").key == made.key


@pytest.mark.parametrize("image", [None, "", "Clerk"])
def test_a_change_says_only_what_there_is_to_say(image: Json) -> None:
    """No image that is the value itself, no reason or undone lines where there are none."""
    change = FieldChange("Title", "Clerk", "Poet", "r", image=image)
    assert change.as_json() == {"field": "Title", "before": "Clerk", "after": "Poet", "rule": "r"}


def test_a_digest_takes_what_json_does_not_know_by_its_text() -> None:
    """A day or a decimal counts as it is written."""
    assert digest(date(2026, 3, 2), Decimal("1.50")) == digest("2026-03-02", "1.50")


# --- fates ----------------------------------------------------------------------------------------


def test_a_row_that_is_given_up_says_what_the_vendor_last_said() -> None:
    """Cause, place, field and remedy; without an answer that is said, too."""
    error = {"code": "record.locked", "field": "Title"}
    worn = StoredIntent(stored_intent("1"), "run", "open", 12, None, error, NOON, None)
    outcome = given_up(worn)
    assert (outcome.key, outcome.status) == (worn.intent.key, OutcomeStatus.REJECTED)
    assert outcome.error is not None
    assert outcome.error.as_dict() == {
        "code": "record.gave_up",
        "message": "the vendor did not take this row in 12 attempts; the last one ended as "
        "record.locked",
        "system": worn.intent.system,
        "object": worn.intent.object,
        "record_key": None,
        "field": "Title",
        "remedy": "Look at the record at the vendor (locked, or held by a concurrent process?), "
        "then `leadloop replay`.",
    }
    silent = given_up(replace(worn, error=None))
    assert silent.error is not None
    assert silent.error.message.endswith("ended as no answer")
    assert silent.error.field is None


# --- guard ----------------------------------------------------------------------------------------


def refused(error: MassChangeRefusedError | None) -> dict[str, object]:
    """All an operator is told."""
    assert error is not None
    return {"code": error.code, "message": error.message, "asked": dict(error.asked)}


def test_every_refusal_of_a_run_says_what_and_what_to_do() -> None:
    """The three ways in which a run is refused, word by word."""
    with pytest.raises(MassChangeRefusedError) as new:
        examine(
            many(3, "update"), population=9, mapping_approved=False, approval=None, limits=LIMITS
        )
    assert refused(new.value) == {
        "code": "guard.approval_required",
        "message": "this mapping has not been approved yet; it would make 3 writes",
        "asked": {},
    }
    assert new.value.remedy == (
        "Run `leadloop plan --out plan.json`, read it, then `leadloop sync --plan plan.json`."
    )
    with pytest.raises(MassChangeRefusedError) as stale:
        examine(
            [],
            population=9,
            mapping_approved=True,
            approval=Approval(frozenset("abcdefgh")),
            limits=LIMITS,
        )
    assert refused(stale.value) == {
        "code": "guard.plan_stale",
        "message": "8 of the 8 planned changes no longer apply as planned: the records have moved "
        "since",
        "asked": {},
    }
    assert stale.value.remedy == (
        "Make a new plan with `leadloop plan --out plan.json` and approve that."
    )
    with pytest.raises(MassChangeRefusedError) as much:
        examine(
            [*many(60, "create"), *many(200, "clear")],
            population=1000,
            mapping_approved=True,
            approval=None,
            limits=replace(LIMITS, updates=Limit(1.0, 10_000)),
        )
    assert refused(much.value) == {
        "code": "guard.mass_change",
        "message": "this run would make 60 creates and 200 clears among 1000 people: more than the "
        "guard lets through unseen",
        "asked": {"creates": 60, "clears": 200},
    }
    assert much.value.remedy.startswith(
        "Look at `leadloop plan`; if it is right, `leadloop sync --approve "
    )
    assert "XX" not in much.value.remedy


def test_approved_counts_are_a_bound_that_may_just_be_reached() -> None:
    """A tenth more than approved goes, one more does not; what was not approved at all does not."""
    limits = replace(LIMITS, creates=Limit(0.01, 5))
    approval = Approval(counts={"creates": 10})
    assert _examined(many(11, "create"), approval, limits) == Verdict()
    for asked in (approval, Approval(counts={"clears": 5}), None):
        with pytest.raises(MassChangeRefusedError):
            _examined(many(12, "create"), asked, limits)
    bare = replace(limits, floor=0, creates=Limit(0.0, 0))
    for nobody in (None, Approval(counts={}), Approval(counts={"clears": 1})):
        with pytest.raises(MassChangeRefusedError):
            _examined(many(1, "create"), nobody, bare)


def _examined(intents: list[Intent], approval: Approval | None, limits: GuardConfig) -> Verdict:
    return examine(
        intents, population=1000, mapping_approved=True, approval=approval, limits=limits
    )


def test_consent_that_was_approved_does_not_pause() -> None:
    """A person's word counts for opt-outs as for anything else."""
    held = _examined(many(40, "opt_out"), None, LIMITS)
    assert (len(held.held), held.held_reason) == (40, "guard.consent_paused")
    gone = _examined(many(40, "opt_out"), Approval(counts={"consent": 40}), LIMITS)
    assert gone == Verdict()


def test_follow_ups_of_an_approved_plan_are_not_held() -> None:
    """What a plan's own writes bring about is neither in the plan nor held for the next run."""
    planned_one, follow_up, new = intent(1, "update"), intent(2, "update"), intent(3, "update")
    follow_up = replace(follow_up, details={**follow_up.details, "follow_up": True})
    verdict = _examined(
        [planned_one, follow_up, new], Approval(frozenset({planned_one.fingerprint})), LIMITS
    )
    assert verdict == Verdict(frozenset({new.key}), "guard.not_in_plan")


def test_what_is_gone_at_a_vendor_is_told_side_by_side() -> None:
    """Sides and kinds are counted together and named apart; an emptied side has its own code."""
    refs = [RecordRef("salesforce", "Lead", str(n)) for n in range(40)]
    some = Gone(Side.CRM, "person", frozenset(refs[:30]), frozenset(refs[:20]), 100)
    more = Gone(Side.MAP, "gadget", frozenset(refs[:30]), frozenset(refs[:20]), 100)
    limits = replace(LIMITS, deletes=Limit(0.1, 10), merges=Limit(0.1, 10))
    error = examine_gone([some, more], approval=None, limits=limits)
    assert refused(error) == {
        "code": "guard.mass_deletion",
        "message": "30 of 100 linked people on the crm side were deleted and 20 of 100 linked "
        "people on the crm side were merged away and 30 of 100 linked gadget on the map side were "
        "deleted and 20 of 100 linked gadget on the map side were merged away at once; nothing was "
        "done about it yet",
        "asked": {"deletes": 60, "merges": 40},
    }
    assert error is not None
    assert error.remedy.startswith(
        "Look there whether that was meant. If it was, `leadloop sync --approve "
    )
    assert error.remedy.endswith("if not, restore the records and run `leadloop sync`.")
    assert "XX" not in error.remedy
    empty = examine_gone(
        [replace(some, deleted=frozenset(refs), linked=40)], approval=None, limits=limits
    )
    assert empty is not None
    assert empty.code == "guard.side_emptied"
    allowed = Approval(counts={"deletes": 60, "merges": 40})
    assert examine_gone([some, more], approval=allowed, limits=limits) is None


# --- bonds ----------------------------------------------------------------------------------------


def test_a_change_towards_the_map_is_noted_like_one_towards_the_crm() -> None:
    """Write, note, image and what is then agreed, from the MAP's point of view."""
    key = next(rule.key for rule in PEOPLE.fields if rule.map == "city")
    plan = planned(contact(city="Rome"), lead(City="London"), city=("Rome", "Rome"))
    assert plan.writes[Side.MAP] == {"city": "London"}
    assert plan.changes[Side.MAP] == (
        FieldChange("city", "Rome", "London", key, "Rome", "changed_in_crm"),
    )
    assert plan.expected[Side.MAP] == {key: ("London", "London", "city")}


def rule_for(name: str, **changes: object) -> FieldRule:
    """The preset's rule for a MAP field, changed."""
    [rule] = [rule for rule in PEOPLE.fields if rule.map == name]
    return replace(rule, **changes)  # type: ignore[arg-type]


def bond(rule: FieldRule, left: Record, right: Record, **more: object) -> object:
    """The plan of one rule alone."""
    mapping = replace(PEOPLE, fields=(rule,))
    return plan_bond(mapping, left, right, more.pop("shadow", None), systems=SYSTEMS, **more)  # type: ignore[arg-type]


def test_a_field_nobody_owns_is_a_conflict_with_both_values() -> None:
    """Both changed and nobody can tell which is later: both canonical values, and no write."""
    rule = rule_for("jobtitle", owner=None, overwrite=Overwrite.NEWEST)
    shadow = {rule.key: ("Clerk", "Clerk")}
    plan = bond(rule, contact(jobtitle="Poet"), lead(Title="Bard"), shadow=shadow)
    assert plan.conflicts == (Conflict(rule.key, "jobtitle", "Title", "Poet", "Bard"),)  # type: ignore[attr-defined]
    assert plan.writes == {Side.MAP: {}, Side.CRM: {}}  # type: ignore[attr-defined]
    early, late = (datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3))
    for times, side in (((late, early), Side.CRM), ((early, late), Side.MAP)):
        later = bond(
            rule, contact(jobtitle="Poet"), lead(Title="Bard"), shadow=shadow,
            times={rule.key: times},
        )  # fmt: skip
        assert later.reasons == {rule.key: "newest_wins"}  # type: ignore[attr-defined]
        assert later.writes[side]  # type: ignore[attr-defined]


def test_what_an_undo_left_apart_stays_apart_until_somebody_moves_it() -> None:
    """An aggregate that was undone is not written again while both sides are as the undo left
    them; once either moves it is."""
    rule = rule_for("jobtitle", type=ValueType.NUMBER, aggregate=Aggregate.MAX, owner=None)
    shadow = {rule.key: ("1", "1"), f"undone:{rule.key}": ("7", "5")}
    left = bond(rule, contact(jobtitle="7.0"), lead(Title="5"), shadow=shadow)
    assert left.reasons == {rule.key: "left_apart"}  # type: ignore[attr-defined]
    assert left.agreed == {rule.key: ("7", "5")}  # type: ignore[attr-defined]
    for map_value, crm_value in (("8", "5"), ("7", "4")):
        moved = bond(rule, contact(jobtitle=map_value), lead(Title=crm_value), shadow=shadow)
        assert moved.reasons == {rule.key: "aggregate_max"}  # type: ignore[attr-defined]


def test_a_value_no_side_can_hold_is_rejected_on_the_side_it_was_for() -> None:
    """No number for the MAP, coming from the CRM: the rejection is the MAP record's."""
    rule = rule_for("city", type=ValueType.NUMBER, owner=Side.CRM, direction=Direction.BOTH)
    plan = bond(rule, contact(city=None), lead(City="many"))
    [rejection] = plan.rejections  # type: ignore[attr-defined]
    assert (rejection.side, rejection.object, rejection.record_id) == (Side.MAP, "contacts", "1")


def test_a_template_fills_the_side_it_is_read_from_and_no_other() -> None:
    """Its fields, joined, on the source's side; the plain field on the other."""
    rule = rule_for("jobtitle", template="{firstname} {lastname}", direction=Direction.TO_CRM)
    fields: dict[str, Json] = {"firstname": "Ada", "lastname": "Byron", "jobtitle": "Poet"}
    assert value_of(rule, Side.MAP, "jobtitle", fields) == "Ada Byron"
    assert value_of(rule, Side.CRM, "jobtitle", fields) == "Poet"


def test_a_creation_is_noted_field_by_field() -> None:
    """What is written, why, and what is agreed with it; a rule that does not flow there and a
    value that cannot be written stop nothing that comes after."""
    made = plan_creation(
        PEOPLE,
        contact(firstname="Ada", email="ada@example.com", address="x" * 300, lastname="Byron"),
        to=Side.CRM,
        object_name="Lead",
        system="salesforce",
    )
    assert {c.field: (c.before, c.after, c.why) for c in made.changes} == {
        name: (None, value, "created") for name, value in made.fields.items()
    }
    assert {c.rule for c in made.changes} == set(made.expected)
    assert made.fields["LastName"] == "Byron"
    [rejection] = made.rejections
    assert (rejection.side, rejection.object, rejection.record_id) == (Side.CRM, "Lead", None)
    back = plan_creation(
        PEOPLE,
        lead(FirstName="Ada", City="London", Title="Poet"),
        to=Side.MAP,
        object_name="contacts",
        system="hubspot",
    )
    assert back.fields["city"] == "London"
    for key, (map_value, crm_value, field) in back.expected.items():
        assert back.fields[field] == map_value, key
        assert crm_value is not None, key


# --- survivorship ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "values", "counted"),
    [
        (("10", "10"), ("12", "15"), "10"),
        (("10", "10"), ("4", "15"), "4"),
        (("10", "10"), ("12", "3"), "3"),
        ((None, None), ("12", "3"), "0"),
        (("10", "10"), (None, "3"), "0"),
    ],
)
def test_an_inherited_sum_counts_nothing_twice(
    base: tuple[Json, Json], values: tuple[Json, Json], counted: str
) -> None:
    """The least of what was agreed and what either side shows; a blank shows nothing."""
    assert inherited_sum(base, *values) == (counted, counted)


def test_an_inherited_sum_of_what_is_no_number_is_nothing() -> None:
    """Then both sides are met for the first time."""
    assert inherited_sum(("many", "10"), "1", "2") is None


@pytest.mark.parametrize(
    ("changes", "values", "contested"),
    [
        ({"owner": None}, ("Poet", "Bard"), True),
        ({"overwrite": Overwrite.NEWEST}, ("Poet", "Bard"), True),
        ({"aggregate": Aggregate.NEWEST}, ("Poet", "Bard"), True),
        ({}, ("Poet", "Bard"), False),
        ({"owner": None}, ("Poet", "Clerk"), False),
        ({"owner": None}, ("Clerk", "Bard"), False),
        ({"owner": None}, ("Poet", "Poet"), False),
        ({"owner": None, "aggregate": Aggregate.MAX}, ("Poet", "Bard"), False),
        ({"owner": None, "aggregate": Aggregate.SUM}, ("Poet", "Bard"), False),
    ],
)
def test_only_a_race_of_two_changes_is_contested(
    changes: dict[str, object], values: tuple[str, str], contested: bool
) -> None:
    """Two different changes of a field whose later one counts; sums and maxima have none."""
    rule = replace(PLAIN, **changes)  # type: ignore[arg-type]
    assert is_contested(rule, FieldState(*values, ("Clerk", "Clerk"))) is contested


def test_reasons_are_words_that_explain_repeats() -> None:
    """Reasons go into the ledger: they are what they are."""
    stand_in = replace(PLAIN, default="[none]", owner=Side.CRM)
    gap = decide_field(stand_in, FieldState("Clerk", "[none]", ("Clerk", "Poet")))
    assert gap == FieldDecision(None, None, "no_counterpart")
    same = decide_field(PLAIN, FieldState("Poet", "Poet", ("Clerk", "Clerk")))
    assert same == FieldDecision(None, None, "agreed")
    total = replace(PLAIN, type=ValueType.NUMBER, aggregate=Aggregate.SUM, owner=None)
    assert decide_field(total, FieldState("2", "3", None)).value == "5"
    assert decide_field(total, FieldState("2", None, None)).value == "2"
    assert decide_field(total, FieldState("7", None, ("5", "5"))).value == "7"


def test_a_rejected_row_is_no_answer() -> None:
    """A rejection carries its error whole."""
    outcome = Outcome("k", OutcomeStatus.REJECTED, error=RecordRejectedError("no", field="Title"))
    assert outcome.error is not None
    assert outcome.error.field == "Title"

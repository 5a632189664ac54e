"""Law 13: what a person must see first stops; what they have seen goes, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import MassChangeRefusedError
from mappings.ports import Lane
from mappings.records import Operation, RecordRef, Side
from state.outbox import Intent
from sync.config import GuardConfig, Limit
from sync.guard import EMPTY_FROM, GROWTH, Approval, Gone, Verdict, examine, examine_gone
from sync.plan import change_kinds, fingerprints

LIMITS = GuardConfig(
    creates=Limit(0.1, 50),
    updates=Limit(0.5, 100),
    overwrites=Limit(0.5, 100),
    clears=Limit(0.02, 20),
    consent=Limit(0.01, 30),
    floor=5,
)
CREATE, UPDATE, CLEAR, OPT_OUT = "create", "update", "clear", "opt_out"


def intent(number: int, what: str, **changes: object) -> Intent:
    """An intent of that kind."""
    change = {"field": "Title", "before": "Clerk", "after": "Poet", "rule": "jobtitle>Lead.Title"}
    operation = {CREATE: Operation.CREATE, OPT_OUT: Operation.OPT_OUT}.get(what, Operation.UPDATE)
    if what == CLEAR:
        change["after"] = None  # type: ignore[assignment]
    return Intent(
        key=f"{what}-{number}",
        entity_id=f"e{number}",
        side=Side.CRM,
        system="salesforce",
        operation=operation,
        object="Lead",
        fields={},
        lane=Lane.INCREMENTAL,
        reason=str(changes.get("reason", "fields")),
        fingerprint=f"f-{what}-{number}",
        details={"changes": [change]},
    )


def many(number: int, what: str) -> list[Intent]:
    """So many of a kind."""
    return [intent(i, what) for i in range(number)]


def judge(
    intents: list[Intent],
    *,
    population: int = 1000,
    mapping_approved: bool = True,
    approval: Approval | None = None,
) -> Verdict:
    """The guard's verdict under the limits of these tests."""
    return examine(
        intents,
        population=population,
        mapping_approved=mapping_approved,
        approval=approval,
        limits=LIMITS,
    )


def test_a_new_mapping_needs_an_approved_plan() -> None:
    """One write is enough to ask; without any there is nothing to approve."""
    with pytest.raises(MassChangeRefusedError) as error:
        judge(many(1, UPDATE), mapping_approved=False)
    assert (error.value.code, error.value.exit_code) == ("guard.approval_required", 9)
    assert judge([], mapping_approved=False) == Verdict()


def test_an_approved_plan_goes_and_nothing_else() -> None:
    """What is new since waits, what has moved since is left out; where more than a few have moved
    the plan is stale; limits do not apply."""
    planned = many(900, CREATE)
    approval = Approval(fingerprints=frozenset(fingerprints(planned)))
    late = intent(7, UPDATE)
    verdict = judge([*planned, late], mapping_approved=False, approval=approval)
    assert verdict == Verdict(frozenset({late.key}), "guard.not_in_plan")
    moved = judge([*planned[18:], late], mapping_approved=False, approval=approval)
    assert moved == verdict
    with pytest.raises(MassChangeRefusedError) as error:
        judge(planned[19:], mapping_approved=False, approval=approval)
    assert error.value.code == "guard.plan_stale"


@pytest.mark.parametrize(
    ("what", "population", "most"),
    [
        (CREATE, 100, 10),
        (CREATE, 10_000, 50),
        (UPDATE, 100, 50),
        (UPDATE, 10_000, 100),
        (CLEAR, 500, 10),
        (CLEAR, 10_000, 20),
        (CREATE, 10, 5),
        (UPDATE, 0, 5),
    ],
)
def test_each_kind_has_its_limit(what: str, population: int, most: int) -> None:
    """Up to the share and the count, whichever is less, and always up to the floor."""
    assert judge(many(most, what), population=population) == Verdict()
    with pytest.raises(MassChangeRefusedError) as error:
        judge(many(most + 1, what), population=population)
    assert error.value.code == "guard.mass_change"


def test_approved_counts_let_a_tenth_more_through() -> None:
    """A refused run's counts were approved: as many and a tenth more go, not twice as many."""
    approval = Approval(counts={"creates": 100})
    assert judge(many(int(100 * GROWTH), CREATE), approval=approval) == Verdict()
    with pytest.raises(MassChangeRefusedError):
        judge(many(111, CREATE), approval=approval)
    with pytest.raises(MassChangeRefusedError):
        judge([*many(100, CREATE), *many(200, UPDATE)], approval=approval)


def test_notices_have_their_limit_too() -> None:
    """A run that would tell people of more handoffs than allowed stops, though it writes little;
    at the limit, or by a person's word, it goes."""

    def told(notices: int, approval: Approval | None = None) -> Verdict:
        return examine(
            many(1, UPDATE), population=100, mapping_approved=True, approval=approval,
            limits=GuardConfig(notices=Limit(0.1, 500), floor=5), notices=notices,
        )  # fmt: skip

    assert told(10) == Verdict()
    with pytest.raises(MassChangeRefusedError) as refused:
        told(11)
    assert refused.value.asked == {"notices": 11}
    assert told(11, Approval(counts={"notices": 11})) == Verdict()


def test_consent_alone_pauses_and_the_rest_goes_on() -> None:
    """Law 7: more opt-outs than one run should bring are held for a person; other work is not."""
    verdict = judge([*many(11, OPT_OUT), *many(3, UPDATE)])
    assert verdict == Verdict(frozenset(i.key for i in many(11, OPT_OUT)), "guard.consent_paused")
    assert judge(many(10, OPT_OUT)) == Verdict()


def test_activities_and_own_fields_are_no_creates_and_no_overwrites() -> None:
    """A Task is an activity; Leadloop's own fields overwrite nobody's value."""
    task = intent(1, CREATE, reason="activity")
    own = intent(2, UPDATE)
    own.details["changes"][0]["rule"] = "rollup"
    assert change_kinds([task, own]) == {"activities": 1, "updates": 1}
    assert change_kinds([intent(3, UPDATE), intent(4, CLEAR), intent(5, OPT_OUT)]) == {
        "updates": 2,
        "overwrites": 1,
        "clears": 1,
        "consent": 1,
    }


@given(st.lists(st.sampled_from([CREATE, UPDATE, CLEAR, OPT_OUT]), max_size=40))
def test_order_decides_nothing_and_nothing_is_lost(kinds: list[str]) -> None:
    """Law 2: every intent is allowed or held, or the run is refused; in whatever order they
    come."""
    intents = [intent(number, what) for number, what in enumerate(kinds)]
    turned = list(reversed(intents))
    assert _outcome(intents) == _outcome(turned)
    told = _outcome(intents)
    if told is not None:
        assert told <= {i.key for i in intents}
        assert told in (frozenset(), {i.key for i in intents if i.operation is Operation.OPT_OUT})


def _outcome(intents: list[Intent]) -> frozenset[str] | None:
    try:
        return judge(intents, population=30).held
    except MassChangeRefusedError:
        return None


def gone(deleted: int, linked: int, *, merged: int = 0) -> Gone:
    """So many of the linked people of one side are gone."""
    refs = [RecordRef("salesforce", "Lead", str(n)) for n in range(deleted + merged)]
    return Gone(Side.CRM, "person", frozenset(refs[:deleted]), frozenset(refs[deleted:]), linked)


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (gone(EMPTY_FROM - 1, EMPTY_FROM - 1), None),
        (gone(EMPTY_FROM, EMPTY_FROM), "guard.side_emptied"),
        (gone(EMPTY_FROM, EMPTY_FROM + 1), None),
        (gone(25, 1250), None),
        (gone(26, 1299), "guard.mass_deletion"),
        (gone(26, 1300), None),
        (gone(500, 1_000_000), None),
        (gone(501, 1_000_000), "guard.mass_deletion"),
        (gone(0, 1_000_000, merged=101), "guard.mass_deletion"),
        (gone(0, 1_000_000, merged=100), None),
    ],
)
def test_deletions_and_merges_have_their_limits(seen: Gone, code: str | None) -> None:
    """2 % or 500 linked records, 1 % or 100 merges, and all of a side that had ten or more."""
    refusal = examine_gone([seen], approval=None, limits=GuardConfig())
    assert (refusal.code if refusal else None) == code
    if refusal is not None:
        word = Approval(counts=refusal.asked)
        assert examine_gone([seen], approval=word, limits=GuardConfig()) is None

"""The laws can be broken: each says so when a deed of ours, made up here, breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mappings.errors import QuotaExhaustedError
from mappings.records import Json, Operation, Side, Write
from mappings.required_fields import CRM_KEY
from tests.laws import laws
from tests.laws.town import OPT_OUT_CRM, Person, Town
from tests.laws.vendor import STAGE

Deed = Callable[[Town, Person], None]


def _write(town: Town, person: Person, side: Side, fields: dict[str, Json]) -> None:
    record = town.record(person, side)
    assert record is not None
    row = Write("made-up", Operation.UPDATE, record.ref.object, fields, id=record.ref.id)
    town.vendor(side).write([row])


def _twice_created(town: Town, person: Person) -> None:
    row = Write(
        "made-up",
        Operation.CREATE,
        "Lead",
        {"Email": person.email, "LastName": person.name[1]},
        external_id=(CRM_KEY, "another"),
    )
    town.salesforce.write([row])


def _lost_fill(town: Town, person: Person) -> None:
    person.fills.append(town.world.fills(person.email))


def _logged_twice(town: Town, person: Person) -> None:
    town.fill(person)
    town.run()
    (task,) = town.world.task_of(person.fills[0])
    town.salesforce.put("Task", task.fields)


def _blank_over_a_value(town: Town, person: Person) -> None:
    _write(town, person, Side.CRM, {"FirstName": None})


def _stage_taken_back(town: Town, person: Person) -> None:
    town.promote(person, "customer")
    _write(town, person, Side.MAP, {STAGE: "lead"})


def _opted_in(town: Town, person: Person) -> None:
    _write(town, person, Side.CRM, {OPT_OUT_CRM: False})


def _back_from_the_dead(town: Town, person: Person) -> None:
    _twice_created(town, person)
    town.salesforce.remove("Lead", town.salesforce.made[-1][2])
    _twice_created(town, person)


def _without_a_journal(town: Town, person: Person) -> None:
    _write(town, person, Side.CRM, {"Title": "Queen"})


def _written_after_the_quota(town: Town, person: Person) -> None:
    town.salesforce.fail(QuotaExhaustedError("used up"))
    for _ in range(2):
        try:
            _write(town, person, Side.CRM, {"Title": "Queen"})
        except QuotaExhaustedError:
            continue


DEEDS: list[tuple[Callable[[Town], None], Deed]] = [
    (laws.law_1_no_duplicate_is_created, _twice_created),
    (laws.law_2_nothing_is_lost, _lost_fill),
    (laws.law_3_everything_lands_once, _logged_twice),
    (laws.law_5_owners_win, _blank_over_a_value),
    (laws.law_6_forward_only, _stage_taken_back),
    (laws.law_7_opt_out_latches, _opted_in),
    (laws.law_8_the_dead_stay_dead, _back_from_the_dead),
    (laws.law_9_everything_is_explained, _without_a_journal),
    (laws.law_12_a_used_up_allowance_is_left_alone, _written_after_the_quota),
]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town at rest, with one person in both systems."""
    built = Town.build(tmp_path)
    built.newcomer(on_map=True, on_crm="Lead")
    built.approved_run()
    yield built
    built.world.close()


@pytest.mark.parametrize(("law", "deed"), DEEDS, ids=[law.__name__ for law, _ in DEEDS])
def test_a_law_notices_what_breaks_it(law: Callable[[Town], None], deed: Deed, town: Town) -> None:
    """The law holds of the town at rest, and fails once something was done that it forbids."""
    law(town)
    deed(town, town.people[0])
    with pytest.raises(AssertionError):
        law(town)

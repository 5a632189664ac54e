"""The completeness report: what came in is landed, or named with its reason."""

from __future__ import annotations

import ast
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.records import EventKind, Malformed, Operation
from state import events, quarantine
from sync.completeness import HEADINGS, LANDED, completeness
from tests.house import ROOT
from tests.sync.world import Refusal, World

ADA = "ada.byron@example-byron.com"


def adds_up(found: dict[str, Any]) -> bool:
    """Whether every heading's numbers add up to what was received, in total, by stream and day."""
    names = ("landed", "waiting", "left_out", "failed", "unaccounted")
    parts = [found, *found["streams"], *found["days"]]
    whole = all(sum(part[name] for name in names) == part["received"] for part in parts)
    rest = found["received"] - found["landed"]
    return whole and rest == sum(found["reasons"].values()) == sum(
        one["count"] for one in found["others"]
    )


def test_before_the_first_run_there_is_nothing(world: World) -> None:
    """A new state has received nothing and misses nothing."""
    found = completeness(world.store)
    assert (found["received"], found["unaccounted"], found["others"]) == (0, 0, [])


def test_what_came_in_is_landed_or_named(world: World) -> None:
    """Law 2: linked, created, in review, held, nobody's, refused: all of it adds up, by stream and
    by day, what did not land is named, and nothing is unaccounted."""
    world.contact("Ada", "Byron")
    world.lead("Ada", "Byron")
    asked = world.contact("Maria", "Lopez", email="m@lopez-ltd.com")
    world.lead("Peter", "Grant", Email="m@lopez-ltd.com")
    fills = [world.fills(email) for email in (ADA, "m@lopez-ltd.com", "stranger@example.com")]
    world.happens(EventKind.EMAIL_OPEN, ADA)
    world.first()
    found = completeness(world.store)
    assert adds_up(found)
    assert found["unaccounted"] == 0
    others = {one["reason"]: one["names"] for one in found["others"]}
    assert others["review"] == [f"hubspot:contacts:{asked}"]
    assert others["held"] == [f"hubspot:{fills[1].key}"]
    assert others["no_person"] == [f"hubspot:{fills[2].key}"]
    forms = found["form_fills"]
    assert (forms["received"], forms["delivered"], forms["activities"]) == (3, 1, 1)
    json.dumps(found)


def test_what_failed_is_named_with_its_reason(world: World) -> None:
    """A refused activity and a row nobody could use are failures with a name."""
    world.contact("Ada", "Byron")
    world.lead("Ada", "Byron")
    world.first()
    world.salesforce.reject(Refusal(Operation.CREATE, "Task"))
    event = world.fills(ADA)
    world.run()
    with world.store.begin() as tx:
        row = Malformed("hubspot", "contacts", "77", "nested_value", "{}")
        quarantine.set_aside(tx, "run", [row])
    found = completeness(world.store)
    assert adds_up(found)
    assert found["failed"] == 2
    others = {one["reason"]: one["names"] for one in found["others"]}
    assert others["dead"] == [f"hubspot:{event.key}"]
    assert others["malformed"] == ["hubspot:contacts:77"]


def test_what_nobody_has_decided_is_unaccounted(world: World) -> None:
    """Before it is planned a change is unaccounted, and so is a word without a heading."""
    world.contact("Ada", "Byron")
    world.first()
    event = world.fills(ADA)
    with world.store.begin() as tx:
        events.land(tx, "run", "events", [event])
    found = completeness(world.store)
    assert found["unaccounted"] == 1
    assert adds_up(found)


PEOPLE = ("Ada", "Grace", "Mary", "Joan")
steps = st.lists(
    st.tuples(
        st.sampled_from(("contact", "lead", "fill", "open", "stranger")), st.sampled_from(PEOPLE)
    ),
    min_size=1,
    max_size=10,
)


@given(steps)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_everything_is_accounted_for(
    tmp_path_factory: Any, happened: list[tuple[str, str]]
) -> None:
    """Law 2 as a property: whoever exists on which side and whatever they do, after a run all that
    came in adds up and nothing is unaccounted."""
    world = World.build(tmp_path_factory.mktemp("w"))
    for what, name in happened:
        address = f"{name}.person@example-person.com".lower()
        if what == "contact":
            world.contact(name, "Person")
        elif what == "lead":
            world.lead(name, "Person")
        elif what == "open":
            world.happens(EventKind.EMAIL_OPEN, address)
        else:
            world.fills(address if what == "fill" else f"{name}@elsewhere.example".lower())
    world.first()
    found = completeness(world.store)
    world.close()
    assert found["unaccounted"] == 0
    assert adds_up(found)


def test_every_disposition_has_a_heading() -> None:
    """Words that the code gives to inbox rows and events all stand under a heading: one that does
    not would make its rows look lost."""
    told = ast.get_docstring(ast.parse((ROOT / "state" / "events.py").read_text("utf-8"))) or ""
    words = {part.split("`")[0] for part in told.split("`")[1::2]}
    assert words - {"pending"} <= set(HEADINGS)
    assert HEADINGS["planned"] == LANDED

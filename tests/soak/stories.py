"""What people of a town do all day, drawn from a seed: shared by every figure of the soak."""

from __future__ import annotations

import random

from mappings.records import EventKind, Side
from tests.laws.town import FIELDS, Town

STAGES = ("Prospecting", "Negotiation/Review", "Closed Won", "Closed Lost")
KINDS = (EventKind.EMAIL_OPEN, EventKind.EMAIL_CLICK)
PEOPLE = 12
"""People in one town: as many as have a name of their own."""


def settle_in(town: Town, rng: random.Random) -> None:
    """The first people of a town and an approved first run."""
    for known in (None, "Lead", "Contact", rng.choice([None, "Lead"])):
        town.newcomer(on_map=True, on_crm=known)
    town.approved_run()


def something_happens(town: Town, rng: random.Random) -> None:
    """One thing somebody does, on either side."""
    person = rng.choice(town.people)
    side = rng.choice([Side.MAP, Side.CRM])
    roll = rng.random()
    if roll < 0.35:
        value = f"Value {rng.randrange(1000)}"
        town.edit(person, side, rng.choice(sorted(FIELDS)), value, rng.choice([0, 0, 200]))
    elif roll < 0.55:
        town.fill(person)
    elif roll < 0.70:
        town.mail(person, rng.choice(KINDS))
    elif roll < 0.80 and len(town.people) < PEOPLE:
        known = rng.choice([None, "Lead", "Contact"])
        town.newcomer(on_map=known is None or rng.random() < 0.8, on_crm=known)
    elif roll < 0.86:
        town.opportunity(person, rng.choice(STAGES), rng.randrange(1, 100))
    elif roll < 0.92:
        town.move_opportunity(person, rng.choice(STAGES))
    else:
        _something_grave(town, rng)


def _something_grave(town: Town, rng: random.Random) -> None:
    """Opt-outs, deletions, merges, conversions: what most systems lose people over."""
    person, other = rng.choice(town.people), rng.choice(town.people)
    side = rng.choice([Side.MAP, Side.CRM])
    what = rng.randrange(9)
    if what == 0:
        town.opt_out(person, side)
    elif what == 1:
        town.delete(person, side)
    elif what == 2:
        town.restore(person, side)
    elif what == 3:
        town.merge_contacts(person, other)
    elif what == 4:
        town.merge_leads(person, other)
    elif what in (5, 6):
        town.convert(person, carries_key=rng.random() < 0.5)
    elif what == 7:
        town.company(rng.randrange(1000))
    else:
        town.delete_deal(rng.randrange(5))

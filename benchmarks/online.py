"""One person against a population: how long it takes to find out who they are, and what it costs.

Generated people (`benchmarks/crowd.py`) are put into the durable index of a state, chunk by chunk
and never held. Then people, six in ten of whom are among them, are written down again and looked
for one at a time: their candidates by blocking key, the decision about them, and putting them into
the index. The same is done with an index in memory. Percentiles are of the single person, in
milliseconds of CPU: those of the clock say more about who else uses the machine. Memory is read
after a tenth of the population and after all of it.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.backfill import SAY
from benchmarks.crowd import drawer, retyped
from benchmarks.table_pen import Row
from benchmarks.watch import machine, rss_mib
from mappings.records import PersonAttributes, Side
from matching.blocking import blocking_keys
from matching.linker import Candidate, decide
from matching.model import Model, default_model
from matching.normalise import Person, normalise
from state import candidates
from state.candidates import CAP, Indexed
from state.open import open_store
from state.store import Store, Tx

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CHUNK = 2_000
ASKED = 500
"""People looked for, and put into the index, one at a time."""
IN_MEMORY = 200_000
"""People the index in memory holds at most."""
_KEPT_EVERY = 7

Timed = dict[str, float]


def online(people: int, say: SAY) -> dict[str, Any]:
    """The figures: seconds of the building, MiB on disk and in memory, milliseconds a person."""
    with tempfile.TemporaryDirectory(prefix="leadloop_bench_") as name:
        store = open_store(f"sqlite:///{Path(name)}/state.sqlite3", clock=lambda: NOW, pair="main")
        say(f"putting {people:,} people into the index")
        began = time.process_time()
        rss, known = _fill(store, people, say)
        found: dict[str, Any] = {
            "people": people,
            "build_cpu_seconds": round(time.process_time() - began, 1),
            "index_mib": _on_disk(store),
            "rss_mib": rss,
        }
        say("looking for people one at a time")
        asked = list(_asked(known))
        found["durable_cpu_ms"] = _durable(store, asked)
        found["upsert_cpu_ms"] = _upserts(store, asked)
        found["in_memory_cpu_ms"] = _in_memory(min(people, IN_MEMORY), asked)
        found["machine"] = machine()
        store.close()
    return found


def _population(people: int) -> Iterator[tuple[str, Row]]:
    draw = drawer(random.Random("online"))
    for at in range(people):
        yield f"salesforce:Contact:{at}", draw()


def _person(row: Row) -> Person:
    return normalise(
        PersonAttributes(
            given_name=row["first_name"],
            family_name=row["last_name"],
            emails=(row["email"],) if row["email"] else (),
            phones=(row["phone"],) if row["phone"] else (),
            street=row["address"],
            city=row["city"],
            postcode=row["postcode"],
            birth_date=row["dob"],
        )
    )


def _indexed(key: str, person: Person) -> Indexed:
    return Indexed(key, Side.CRM, "person", person.to_json(), blocking_keys(person))


def _fill(store: Store, people: int, say: SAY) -> tuple[dict[str, float | None], list[Row]]:
    """MiB of the process after a tenth and after everybody; some of the rows."""
    chunk: list[Indexed] = []
    rss: dict[str, float | None] = {}
    known: list[Row] = []
    for at, (key, row) in enumerate(_population(people), start=1):
        if at % _KEPT_EVERY == 0 and len(known) < ASKED:
            known.append(row)
        chunk.append(_indexed(key, _person(row)))
        if len(chunk) == CHUNK or at == people:
            with store.begin() as tx:
                candidates.index(tx, chunk)
            chunk = []
        if at == people // 10:
            rss["after_a_tenth"] = rss_mib()
        if at % 100_000 == 0:
            say(f"{at:,} are in")
    rss["after_all"] = rss_mib()
    return rss, known


def _on_disk(store: Store) -> float:
    """MiB of the state, which holds nothing but the index; what still waits in the log included."""
    with store.read() as tx:
        pages, size = (
            int(tx.connection.exec_driver_sql(f"pragma {name}").scalar_one())
            for name in ("page_count", "page_size")
        )
    return round(pages * size / 2**20, 1)


def _asked(known: Sequence[Row]) -> Iterator[Person]:
    """People written down again, and four in ten whom nobody knows."""
    rng = random.Random("asked")
    draw = drawer(rng)
    for row in known:
        yield _person(retyped(rng, row, draw) if rng.random() < 0.6 else draw())


# --- one at a time ------------------------------------------------------------------------------


def _durable(store: Store, asked: Sequence[Person]) -> dict[str, Timed]:
    model = default_model()

    def look(tx: Tx, person: Person) -> dict[str, Person]:
        found = candidates.candidates(tx, {"asked": blocking_keys(person)})["asked"]
        return {
            key: Person.from_json(dict(one.person))
            for key, one in candidates.people(tx, found).items()
        }

    with store.read() as tx:
        return _looked(lambda person: look(tx, person), asked, model)


def _in_memory(people: int, asked: Sequence[Person]) -> dict[str, Any]:
    everybody: dict[str, Person] = {}
    blocks: dict[str, list[str]] = defaultdict(list)
    for key, row in _population(people):
        everybody[key] = _person(row)
        for block in blocking_keys(everybody[key]):
            blocks[block].append(key)

    def look(person: Person) -> dict[str, Person]:
        found = [blocks.get(block, ()) for block in blocking_keys(person)]
        return {key: everybody[key] for keys in found if len(keys) <= CAP for key in keys}

    return {"people": people, **_looked(look, asked, default_model())}


def _looked(
    look: Callable[[Person], Mapping[str, Person]], asked: Sequence[Person], model: Model
) -> dict[str, Any]:
    """Milliseconds of finding the candidates, and of that and deciding; candidates a person."""
    looking, deciding, many = [], [], 0
    for person in asked:
        began = time.thread_time()
        found = look(person)
        looking.append(time.thread_time() - began)
        near = [Candidate(key, one) for key, one in sorted(found.items())]
        decide({"asked": person}, {"asked": near}, model=model)
        deciding.append(time.thread_time() - began)
        many += len(found)
    mean = round(many / max(len(asked), 1), 1)
    return {"candidates": mean, "look": _spread(looking), "decide": _spread(deciding)}


def _upserts(store: Store, asked: Sequence[Person]) -> Timed:
    """Milliseconds of putting somebody into the index, in a transaction of its own."""
    taken = []
    for at, person in enumerate(asked):
        row = _indexed(f"salesforce:Contact:{at * _KEPT_EVERY}", person)
        began = time.thread_time()
        with store.begin() as tx:
            candidates.index(tx, [row])
        taken.append(time.thread_time() - began)
    return _spread(taken)


def _spread(seconds: Sequence[float]) -> Timed:
    ordered = sorted(seconds)
    return {
        name: round(ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000, 3)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
